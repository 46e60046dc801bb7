"""Files by URI: a path on this machine or `s3://bucket/key`. The only package that opens them.

Writes are atomic: a file appears under its name whole or not at all. A local file is written under
a temporary name beside it and renamed; an S3 object is written here first and put in one piece.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from dancegen.errors import StorageError
from dancegen.storage import s3
from dancegen.storage.arrow import arrow_files, arrow_uri
from dancegen.storage.faults import full_disk_explained, translated_errors
from dancegen.storage.unfinished import is_unfinished, mark, sweep_local, sweep_once, sweep_remote
from dancegen.storage.uri import (
    FILE,
    absolute,
    below,
    is_remote,
    join,
    local_path,
    name,
    not_a_bucket,
    of_path,
    stem,
    suffix,
)

__all__ = [  # beside what is defined here
    "absolute",
    "arrow_files",
    "arrow_uri",
    "below",
    "is_remote",
    "join",
    "local_path",
    "name",
    "not_a_bucket",
    "stem",
    "suffix",
]

CHUNK_BYTES = 1 << 20
RANGE_BYTES = 4 << 20  # fetched at a time of a remote file that is read in parts


@dataclass(frozen=True)
class File:
    """A file that a listing found."""

    uri: str
    size: int
    version: str
    """As `version` gives it."""


@dataclass(frozen=True)
class Listing:
    """What is below a folder, sorted by URI."""

    files: tuple[File, ...]
    hidden: int
    """Files that were left out because their name, or that of a folder they are in, begins with a dot."""
    unfinished: int
    """Files that were left out because dancegen is writing them, or was when it was killed."""
    unreadable: tuple[str, ...]
    """Folders that may not be listed."""


def exists(uri: str) -> bool:
    """Whether there is a file or a folder."""
    return s3.exists(uri) if is_remote(uri) else os.path.exists(local_path(uri))


def is_folder(uri: str) -> bool:
    """Whether the URI is a folder (on S3: whether there are objects below it)."""
    return s3.is_folder(uri) if is_remote(uri) else os.path.isdir(local_path(uri))


def listing(uri: str, suffixes: tuple[str, ...] = ()) -> Listing:
    """All files below a folder, with one of the endings (lower case); a file itself; nothing where there is none."""
    unreadable: list[str] = []
    with translated_errors(uri):
        found = _remote_files(uri) if is_remote(uri) else _local_files(uri, unreadable)
        everything = sorted(found, key=lambda file: file.uri)
    if uri in unreadable:
        raise StorageError(uri, "may not be listed.", "Check the permissions.")
    wanted = [file for file in everything if not suffixes or suffix(file.uri) in suffixes]
    finished = [file for file in wanted if not is_unfinished(name(file.uri))]
    seen = [file for file in finished if file.uri == uri or not _is_hidden(below(file.uri, uri))]
    return Listing(tuple(seen), len(finished) - len(seen), len(wanted) - len(finished), tuple(unreadable))


def find(uri: str, suffixes: tuple[str, ...] = ()) -> list[str]:
    """The files of `listing`."""
    return [file.uri for file in listing(uri, suffixes).files]


def version(uri: str) -> str:
    """A cheap mark that changes when the file does: size and time of change, or the ETag on S3."""
    if is_remote(uri):
        return s3.head(uri).version
    with translated_errors(uri):
        return _local_file(local_path(uri)).version


def content_hash(uri: str) -> str:
    """SHA-256 of the file's bytes, in hex, read in pieces."""
    digest = hashlib.sha256()
    with reading(uri) as path, translated_errors(uri), open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def reading(uri: str) -> Iterator[Path]:
    """A local path with the file's content: the file itself, or a copy of a remote one, deleted afterwards.

    The path is text in UTF-8, as some libraries demand: a file whose name is not is read through a link.
    """
    if is_remote(uri):
        with _scratch() as folder:
            path = Path(folder, name(uri))
            s3.fetch(uri, str(path))
            yield path
        return
    path = local_path(uri)
    if not os.path.isfile(path):
        raise StorageError(uri, "does not exist." if not os.path.exists(path) else "is no file.", "Correct the path.")
    if not uri.startswith(FILE):
        yield Path(path)
        return
    with _scratch() as folder:
        link = Path(folder, f"file{suffix(uri)}")
        link.symlink_to(path)
        yield link


@runtime_checkable
class SeekableFile(Protocol):
    """An open file of bytes, local or remote."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; all that are left for -1."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place. Returns it, in bytes from the start."""
        ...


@contextmanager
def opening(uri: str) -> Iterator[Path | SeekableFile]:
    """The local file, or a remote one opened so that only what is read of it is fetched: for parts of long files."""
    if not is_remote(uri):
        with reading(uri) as path:
            yield path
        return
    with s3.opened(uri, RANGE_BYTES) as file:
        yield _Explaining(file, uri)


class _Explaining:
    """A remote file whose faults are told as storage's, also to a reader that takes any OSError for a damaged file."""

    def __init__(self, file: Any, uri: str) -> None:
        self._file, self._uri = file, uri

    def read(self, size: int = -1) -> bytes:
        with translated_errors(self._uri):
            return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


@contextmanager
def writing(uri: str) -> Iterator[Path]:
    """A local path to write to. When the block ends without an error, the file is at the URI, whole."""
    if is_remote(uri):
        s3.split(uri)
        with full_disk_explained(uri), _scratch() as folder:
            path = Path(folder, name(uri))
            yield path
            s3.put(str(path), uri)
        return
    target = _target(uri)
    with translated_errors(uri):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep_once(target.parent)
    short = target.stem[:32]  # a name may have 255 bytes, and the mark needs some
    unfinished = target.with_name(f"{short}{mark()}{target.suffix}")
    try:
        with full_disk_explained(uri):
            yield unfinished
        with translated_errors(uri):
            _flush_to_disk(unfinished)
            os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def writing_folder(uri: str) -> Iterator[Path]:
    """A local folder to fill with files. When the block ends without an error, it is at the URI.

    Locally it appears whole, in place of an earlier one; on S3 its objects appear one by one, over earlier ones.
    """
    if is_remote(uri):
        s3.split(uri)
        with full_disk_explained(uri), _scratch() as folder:
            yield folder
            for path in sorted(folder.iterdir()):
                s3.put(str(path), join(uri, path.name))
        return
    target = _target(uri)
    unfinished = target.with_name(f"{target.name[:32]}{mark()}")
    with translated_errors(uri):
        unfinished.mkdir(parents=True)
        sweep_once(target.parent)
    try:
        with full_disk_explained(uri):
            yield unfinished
        with translated_errors(uri):
            if target.exists():
                shutil.rmtree(target)
            os.replace(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def read_bytes(uri: str) -> bytes:
    """The whole file."""
    if is_remote(uri):
        return s3.get(uri)
    with translated_errors(uri):
        return Path(local_path(uri)).read_bytes()


def write_bytes(uri: str, data: bytes) -> None:
    """Write a small file atomically."""
    with writing(uri) as path, translated_errors(uri):
        path.write_bytes(data)


def create(uri: str, data: bytes) -> bool:
    """Write a small file unless there is one. Returns whether it was written: of several at once, one is told so."""
    if is_remote(uri):
        return s3.create(uri, data)
    target = _target(uri)
    with translated_errors(uri):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(target, "xb") as file:
                file.write(data)
        except FileExistsError:
            return False
    return True


def read_text(uri: str) -> str:
    """The whole file as UTF-8."""
    try:
        return read_bytes(uri).decode()
    except UnicodeDecodeError as error:
        raise StorageError(uri, f"is not text in UTF-8 ({error.reason}).", "Save it as UTF-8.") from error


def write_text(uri: str, text: str) -> None:
    """Write a small text file atomically, as UTF-8."""
    write_bytes(uri, text.encode())


def copy(source: str, target: str) -> None:
    """Copy one file, atomically."""
    with reading(source) as path, writing(target) as copied:
        shutil.copyfile(path, copied)


def delete(uri: str) -> None:
    """Delete a file or a whole folder; nothing happens when there is none."""
    if is_remote(uri):
        s3.delete_all(uri)
        return
    with translated_errors(uri):
        if os.path.isdir(path := local_path(uri)):
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)


def delete_files(uris: list[str]) -> None:
    """Delete files, all local or all on S3; those that are not there are no error."""
    if any(map(is_remote, uris)):
        s3.delete(uris)
        return
    for uri in uris:
        with translated_errors(uri):
            Path(local_path(uri)).unlink(missing_ok=True)


def delete_empty_folder(uri: str) -> None:
    """Delete a local folder that holds nothing; on S3 there are no folders."""
    if not is_remote(uri) and os.path.isdir(path := local_path(uri)) and not os.listdir(path):
        os.rmdir(path)


def sweep(uri: str) -> int:
    """Delete what dead processes left unfinished below a folder. Returns how many files, folders and uploads."""
    if is_remote(uri):
        return sweep_remote(uri)
    return sweep_local(Path(local_path(uri)))


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder of temporary files."""
    place = Path(tempfile.gettempdir())
    sweep_once(place)
    folder = place / f"dancegen{mark()}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _target(uri: str) -> Path:
    if uri.startswith(FILE):
        raise StorageError(uri, "is a path that is not UTF-8, which nothing is written to.", "Name another place.")
    return Path(uri)


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _remote_files(uri: str) -> Iterator[File]:
    found = [File(found.uri, found.size, found.version) for found in s3.below(uri)]
    own = s3.object_at(uri) if not found else None
    yield from found if own is None else [File(own.uri, own.size, own.version)]


def _local_files(uri: str, unreadable: list[str]) -> Iterator[File]:
    def failed(error: OSError) -> None:
        if isinstance(error, PermissionError):
            unreadable.append(of_path(error.filename))
        elif not isinstance(error, FileNotFoundError):  # it was deleted meanwhile
            raise error

    top = local_path(uri)
    if os.path.isfile(top):
        yield _local_file(top)
        return
    for root, _, names in os.walk(top, onerror=failed):
        for each in names:
            with suppress(FileNotFoundError):  # it was deleted meanwhile
                yield _local_file(os.path.join(root, each))


def _local_file(path: str) -> File:
    own = os.lstat(path)
    size = os.stat(path).st_size if os.path.exists(path) else own.st_size  # what a link points to may be gone
    return File(of_path(path), size, f"{size}-{own.st_mtime}")


def _flush_to_disk(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
