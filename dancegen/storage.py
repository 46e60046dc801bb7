"""Files by URI: a path on this machine or `s3://bucket/key`. The only module that opens them.

Writes are atomic: a file appears under its name whole or not at all. A local file is written under
a temporary name beside it and renamed; an S3 object is written here first and put in one piece.
"""

import hashlib
import os
import shutil
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from dancegen.errors import StorageError, StorageUnreachableError

TEMPORARY = ".tmp-"  # in the name of every unfinished file
CHUNK_BYTES = 1 << 20
RANGE_BYTES = 4 << 20  # fetched at a time of a remote file that is read in parts


def is_remote(uri: str) -> bool:
    """Whether the URI names an S3 object rather than a local path."""
    return uri.startswith("s3://")


def absolute(uri: str) -> str:
    """The URI in its full form, so that it means the same in every process.

    Raises ValueError when it is empty, and for a scheme that is not supported.
    """
    if not uri.strip():
        raise ValueError("is empty: give a path or s3://bucket/key")
    if is_remote(uri):
        return uri
    if "://" in uri and not uri.startswith("file://"):
        raise ValueError(f"{uri.split('://')[0]}:// is not supported: give a path or s3://bucket/key")
    return os.path.abspath(os.path.expanduser(uri.removeprefix("file://")))


def join(uri: str, *parts: str) -> str:
    """A URI below a folder's."""
    return "/".join([uri.rstrip("/"), *parts]) if is_remote(uri) else str(Path(uri, *parts))


def name(uri: str) -> str:
    """The last part of a URI: the file's name."""
    return uri.rstrip("/").rsplit("/", 1)[-1]


def stem(uri: str) -> str:
    """The file's name without its ending."""
    return Path(name(uri)).stem


def suffix(uri: str) -> str:
    """The ending of the file's name, in lower case: ".mp4"."""
    return Path(name(uri)).suffix.lower()


def exists(uri: str) -> bool:
    """Whether there is a file or a folder."""
    with _explained(uri):
        return bool(_filesystem(uri).exists(uri))


def is_folder(uri: str) -> bool:
    """Whether the URI is a folder (on S3: whether there are objects below it)."""
    with _explained(uri):
        return bool(_filesystem(uri).isdir(uri))


def find(uri: str, suffixes: tuple[str, ...] = ()) -> list[str]:
    """All files below a folder, sorted, with one of the endings (lower case), hidden and unfinished ones left out."""
    with _explained(uri):
        found = _filesystem(uri).find(uri)
    scheme = "s3://" if is_remote(uri) else ""
    files = (scheme + path for path in sorted(found))
    wanted = (path for path in files if not name(path).startswith((".", "_")) and TEMPORARY not in name(path))
    return [path for path in wanted if not suffixes or suffix(path) in suffixes]


def version(uri: str) -> str:
    """A cheap mark that changes when the file does: size and time of change, or the ETag on S3."""
    with _explained(uri):
        info = _filesystem(uri).info(uri)
    return f"{info['size']}-{info.get('ETag', info.get('mtime'))}".replace('"', "")


def content_hash(uri: str) -> str:
    """SHA-256 of the file's bytes, in hex, read in pieces."""
    digest = hashlib.sha256()
    with _explained(uri), _filesystem(uri).open(uri, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def reading(uri: str) -> Iterator[Path]:
    """A local path with the file's content: the file itself, or a copy of a remote one, deleted afterwards."""
    if not is_remote(uri):
        if not os.path.isfile(uri):
            raise StorageError(
                uri, "does not exist." if not os.path.exists(uri) else "is no file.", "Correct the path."
            )
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory(prefix="dancegen-") as folder:
        path = Path(folder, name(uri))
        with _explained(uri):
            _filesystem(uri).get_file(uri, str(path))
        yield path


@contextmanager
def opening(uri: str) -> Iterator[Path | BinaryIO]:
    """The local file, or a remote one opened so that only what is read of it is fetched: for parts of long files."""
    if not is_remote(uri):
        with reading(uri) as path:
            yield path
        return
    with _explained(uri):
        file = _filesystem(uri).open(uri, "rb", block_size=RANGE_BYTES)
    with file:
        yield cast(BinaryIO, _Explaining(file, uri))


class _Explaining:
    """A remote file whose faults are told as storage's, also to a reader that takes any OSError for a damaged file."""

    def __init__(self, file: Any, uri: str) -> None:
        self._file, self._uri = file, uri

    def read(self, size: int = -1) -> bytes:
        with _explained(self._uri):
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
        with tempfile.TemporaryDirectory(prefix="dancegen-") as folder:
            path = Path(folder, name(uri))
            yield path
            with _explained(uri):
                _filesystem(uri).put_file(str(path), uri)
        return
    target = Path(uri)
    with _explained(uri):
        target.parent.mkdir(parents=True, exist_ok=True)
    short = target.stem[:32]  # a name may have 255 bytes, and the mark needs some
    unfinished = target.with_name(f"{short}{TEMPORARY}{os.getpid()}-{time.time_ns()}{target.suffix}")
    try:
        yield unfinished
        with _explained(uri):
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
        with tempfile.TemporaryDirectory(prefix="dancegen-") as folder:
            yield Path(folder)
            files = sorted(path.name for path in Path(folder).iterdir())
            with _explained(uri):
                _filesystem(uri).put([f"{folder}/{file}" for file in files], [join(uri, file) for file in files])
        return
    target = Path(uri)
    unfinished = target.with_name(f"{target.name[:32]}{TEMPORARY}{os.getpid()}-{time.time_ns()}")
    with _explained(uri):
        unfinished.mkdir(parents=True)
    try:
        yield unfinished
        with _explained(uri):
            if target.exists():
                shutil.rmtree(target)
            os.replace(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def read_bytes(uri: str) -> bytes:
    """The whole file."""
    with _explained(uri):
        return _filesystem(uri).cat_file(uri)


def write_bytes(uri: str, data: bytes) -> None:
    """Write a small file atomically."""
    with writing(uri) as path, _explained(uri):
        path.write_bytes(data)


def create(uri: str, data: bytes) -> bool:
    """Write a small file unless there is one. Returns whether it was written: of several at once, one is told so."""
    with _explained(uri):
        if not is_remote(uri):
            Path(uri).parent.mkdir(parents=True, exist_ok=True)
        try:
            _filesystem(uri).pipe_file(uri, data, mode="create")
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
    with _explained(uri):
        filesystem = _filesystem(uri)
        if not is_remote(uri) and filesystem.isdir(uri):
            shutil.rmtree(uri)
        else:  # not rm(), which takes "[1]" in a name for a pattern
            for path in filesystem.find(uri):
                filesystem.rm_file(path)


def delete_empty_folder(uri: str) -> None:
    """Delete a local folder that holds nothing; on S3 there are no folders."""
    if not is_remote(uri) and os.path.isdir(uri) and not os.listdir(uri):
        os.rmdir(uri)


def sweep(uri: str, older_than_s: float = 3600.0) -> int:
    """Delete what killed processes left unfinished below a local folder. Returns how many files and folders."""
    if is_remote(uri) or not os.path.isdir(uri):
        return 0
    before = time.time() - older_than_s
    stale = [path for path in Path(uri).rglob(f"*{TEMPORARY}*") if path.stat().st_mtime < before]
    for path in stale:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(stale)


def arrow_filesystem(uri: str) -> tuple[Any, str]:
    """The pyarrow file system of a URI, and the path in it."""
    from pyarrow import fs

    if not is_remote(uri):
        return fs.LocalFileSystem(), uri
    return fs.PyFileSystem(fs.FSSpecHandler(_filesystem(uri))), uri.removeprefix("s3://")


def arrow_uri(uri: str) -> str:
    """The URI for those who hand it to pyarrow's own S3, which takes special characters escaped only."""
    return urllib.parse.quote(uri, safe=":/") if is_remote(uri) else uri


def _filesystem(uri: str) -> Any:
    import fsspec  # imported late: fsspec brings s3fs only when a remote URI appears

    if is_remote(uri):
        return fsspec.filesystem("s3", use_listings_cache=False)
    return fsspec.filesystem("file")


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Turns the many ways in which storage fails into one error that names the URI."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(uri, "does not exist.", "Correct the path, or run the step that makes it.") from error
    except PermissionError as error:
        raise StorageError(uri, f"may not be used ({error}).", "Check the permissions or the credentials.") from error
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise StorageError(uri, f"cannot be used ({error}).", "Name another place.") from error
    except (OSError, *_remote_errors(uri)) as error:
        remedy = "Check the disk, or AWS_ENDPOINT_URL and the network."
        raise StorageUnreachableError(uri, f"cannot be reached ({error}).", remedy) from error


def _remote_errors(uri: str) -> tuple[type[Exception], ...]:
    if not is_remote(uri):
        return ()
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


def _flush_to_disk(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
