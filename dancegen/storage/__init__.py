"""Files by URI: a local path or `s3://bucket/key`. The only package that opens them.

Writes are atomic: a file appears under its name complete or not at all. A local file is written under
a temporary name beside it and renamed; an S3 object is written to a local file first and uploaded as one object.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from dancegen.errors import StorageError, StorageExistsError
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

__all__ = [  # re-exported names
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
RANGE_BYTES = 4 << 20  # block size for remote files that are read in parts


@dataclass(frozen=True)
class File:
    """A file in a listing."""

    uri: str
    size: int
    version: str
    """As returned by `version`."""


@dataclass(frozen=True)
class Listing:
    """The files below a folder, sorted by URI."""

    files: tuple[File, ...]
    hidden: int
    """Number of files skipped because their name, or that of a parent folder, starts with a dot."""
    unfinished: int
    """Number of files skipped because dancegen is writing them, or was killed while writing them."""
    unreadable: tuple[str, ...]
    """Folders without permission to list them."""


def exists(uri: str) -> bool:
    """Whether a file or folder exists."""
    return s3.exists(uri) if is_remote(uri) else os.path.exists(local_path(uri))


def is_folder(uri: str) -> bool:
    """Whether the URI is a folder (on S3: whether objects exist below it)."""
    return s3.is_folder(uri) if is_remote(uri) else os.path.isdir(local_path(uri))


def listing(uri: str, suffixes: tuple[str, ...] = ()) -> Listing:
    """All files below a folder with one of the suffixes (lower case); for a file, itself; empty if none exist."""
    skipped = Skipped()
    seen = sorted(walk(uri, suffixes, skipped), key=lambda file: file.uri)
    return Listing(tuple(seen), skipped.hidden, skipped.unfinished, tuple(skipped.unreadable))


@dataclass
class Skipped:
    """What `walk` has left out so far."""

    hidden: int = 0
    unfinished: int = 0
    unreadable: list[str] = field(default_factory=list)


def walk(uri: str, suffixes: tuple[str, ...] = (), skipped: Skipped | None = None) -> Iterator[File]:
    """The files of `listing`, in no order, one after the other: their number does not matter."""
    skipped = skipped or Skipped()
    with translated_errors(uri):
        for file in _remote_files(uri) if is_remote(uri) else _local_files(uri, skipped.unreadable):
            if suffixes and suffix(file.uri) not in suffixes:
                continue
            if is_unfinished(name(file.uri)):
                skipped.unfinished += 1
            elif file.uri != uri and _is_hidden(below(file.uri, uri)):
                skipped.hidden += 1
            else:
                yield file
    if uri in skipped.unreadable:
        raise StorageError(uri, "cannot be listed: permission denied.", "Check the permissions.")


def find(uri: str, suffixes: tuple[str, ...] = ()) -> list[str]:
    """URIs of the files of `listing`."""
    return [file.uri for file in listing(uri, suffixes).files]


def version(uri: str) -> str:
    """A cheap identifier that changes with the file: size and modification time, or size and ETag on S3."""
    if is_remote(uri):
        return s3.head(uri).version
    with translated_errors(uri):
        return _local_file(local_path(uri)).version


def size(uri: str) -> int:
    """Size of a file in bytes."""
    if is_remote(uri):
        return s3.head(uri).size
    with translated_errors(uri):
        return os.path.getsize(local_path(uri))


def content_hash(uri: str) -> str:
    """SHA-256 of the file's bytes, in hex; read in chunks."""
    digest = hashlib.sha256()
    with reading(uri) as path, translated_errors(uri), open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def reading(uri: str) -> Iterator[Path]:
    """A local path with the file's content: the file itself, or a temporary copy of a remote file.

    The path is valid UTF-8, as some libraries require: a file with another name is read through a symbolic link.
    Raises StorageError when the file does not exist or is not a file.
    """
    if is_remote(uri):
        with _scratch() as folder:
            path = Path(folder, name(uri))
            s3.fetch(uri, str(path))
            yield path
        return
    path = local_path(uri)
    if not os.path.isfile(path):
        raise StorageError(
            uri, "does not exist." if not os.path.exists(path) else "is not a file.", "Correct the path."
        )
    if not uri.startswith(FILE):
        yield Path(path)
        return
    with _scratch() as folder:
        link = Path(folder, f"file{suffix(uri)}")
        link.symlink_to(path)
        yield link


@runtime_checkable
class SeekableFile(Protocol):
    """An open binary file, local or remote."""

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes; all remaining bytes for -1."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position. Returns it, in bytes from the start."""
        ...


@contextmanager
def opening(uri: str) -> Iterator[Path | SeekableFile]:
    """The path of a local file, or a remote file opened for range requests, to read parts of long files."""
    if not is_remote(uri):
        with reading(uri) as path:
            yield path
        return
    with s3.opened(uri, RANGE_BYTES) as file:
        yield _Explaining(file, uri)


class _Explaining:
    """A remote file that raises StorageError, because some readers treat any OSError as a damaged file."""

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
def writing(uri: str, new: bool = False) -> Iterator[Path]:
    """A local path to write to. The file appears at the URI, complete, when the block ends without an error.

    `new` says that it did not exist before: on S3 one that appeared meanwhile stays, and StorageExistsError is raised.
    """
    if is_remote(uri):
        s3.split(uri)
        with full_disk_explained(uri), _scratch() as folder:
            path = Path(folder, name(uri))
            yield path
            if not s3.put(str(path), uri, new):
                raise StorageExistsError(uri, "was written by another process meanwhile.", "Use that file.")
        return
    target = _target(uri)
    with translated_errors(uri):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep_once(target.parent)
    short = target.stem[:32]  # a file name is limited to 255 bytes, including the mark
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
    """A local folder to fill with files. It appears at the URI when the block ends without an error.

    A local folder replaces an earlier one as a whole; on S3 its objects replace earlier ones one by one.
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
    """Content of the file."""
    if is_remote(uri):
        return s3.get(uri)
    with translated_errors(uri):
        return Path(local_path(uri)).read_bytes()


def write_bytes(uri: str, data: bytes) -> None:
    """Write a small file atomically."""
    with writing(uri) as path, translated_errors(uri):
        path.write_bytes(data)


def create(uri: str, data: bytes) -> bool:
    """Write a small file unless it exists. Returns whether it was written; of concurrent calls one returns True."""
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
    """Content of the file, decoded as UTF-8."""
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
    """Delete a file or a folder with its content; no error when it does not exist."""
    if is_remote(uri):
        s3.delete_all(uri)
        return
    with translated_errors(uri):
        if os.path.isdir(path := local_path(uri)):
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)


def delete_files(uris: list[str]) -> None:
    """Delete files, all local or all on S3; missing files are ignored."""
    if any(map(is_remote, uris)):
        s3.delete(uris)
        return
    for uri in uris:
        with translated_errors(uri):
            Path(local_path(uri)).unlink(missing_ok=True)


def delete_empty_folder(uri: str) -> None:
    """Delete a local folder if it is empty; on S3 there are no folders."""
    if not is_remote(uri) and os.path.isdir(path := local_path(uri)) and not os.listdir(path):
        os.rmdir(path)


def sweep(uri: str) -> int:
    """Delete unfinished files of dead processes below a folder. Returns the number of files, folders and uploads."""
    if is_remote(uri):
        return sweep_remote(uri)
    return sweep_local(Path(local_path(uri)))


@contextmanager
def _scratch() -> Iterator[Path]:
    """A temporary folder, deleted afterwards."""
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
        raise StorageError(uri, "is a path that is not UTF-8; writing to it is not supported.", "Give another path.")
    return Path(uri)


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _remote_files(uri: str) -> Iterator[File]:
    empty = True
    for found in s3.below(uri):
        empty = False
        yield File(found.uri, found.size, found.version)
    own = s3.object_at(uri) if empty else None
    if own is not None:
        yield File(own.uri, own.size, own.version)


def _local_files(uri: str, unreadable: list[str]) -> Iterator[File]:
    def failed(error: OSError) -> None:
        if isinstance(error, PermissionError):
            unreadable.append(of_path(error.filename))
        elif not isinstance(error, FileNotFoundError):  # deleted meanwhile
            raise error

    top = local_path(uri)
    if os.path.isfile(top):
        yield _local_file(top)
        return
    for root, _, names in os.walk(top, onerror=failed):
        for each in names:
            with suppress(FileNotFoundError):  # deleted meanwhile
                yield _local_file(os.path.join(root, each))


def _local_file(path: str) -> File:
    own = os.lstat(path)
    size = os.stat(path).st_size if os.path.exists(path) else own.st_size  # a link's target may be missing
    return File(of_path(path), size, f"{size}-{own.st_mtime}")


def _flush_to_disk(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
