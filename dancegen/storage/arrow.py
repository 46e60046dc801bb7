"""Files for pyarrow. Object sizes from a listing are reused, so that no HEAD request per S3 object is needed."""

import functools
import io
import urllib.parse
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from pyarrow import fs

from dancegen.storage import s3
from dancegen.storage.uri import S3, is_remote

TAIL_BYTES = 64 << 10  # read first by a Parquet reader; a small part fits in it


def arrow_files(sizes: dict[str, int]) -> tuple[fs.FileSystem, list[str]]:
    """The pyarrow file system of some files (uri -> size), all local or all on S3, and their paths in it."""
    if not any(map(is_remote, sizes)):
        return fs.LocalFileSystem(), list(sizes)
    known = {uri.removeprefix(S3): size for uri, size in sizes.items()}
    return fs.PyFileSystem(_Listed(known)), list(known)


def arrow_uri(uri: str) -> str:
    """The URI for pyarrow's own S3 file system, which requires special characters to be percent-encoded."""
    return urllib.parse.quote(uri, safe=":/") if is_remote(uri) else uri


class _Listed(fs.FileSystemHandler):
    """Read-only file system of S3 objects of known size."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes
        self.tail = functools.lru_cache(maxsize=8)(self._tail)  # a dataset's first file is also opened for its schema

    def get_type_name(self) -> str:
        return "s3, listed"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        return [fs.FileInfo(path, fs.FileType.File, size=self.sizes[path]) for path in paths]

    def open_input_file(self, path: str) -> pa.NativeFile:
        return pa.PythonFile(_Object(S3 + path, self.sizes[path], lambda: self.tail(path)), mode="r")

    def _tail(self, path: str) -> bytes:
        size = self.sizes[path]
        return s3.get(S3 + path, max(0, size - TAIL_BYTES), size)

    open_input_stream = open_input_file

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("these files are read-only")

    get_file_info_selector = create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _refuse
    delete_file = move = copy_file = open_output_stream = open_append_stream = _refuse


class _Object(io.RawIOBase):
    """An S3 object that is read by range requests; its tail is fetched once."""

    def __init__(self, uri: str, size: int, fetch_tail: Callable[[], bytes]) -> None:
        self.uri, self.length, self.fetch_tail = uri, size, fetch_tail
        self.position = 0
        self.tail: bytes | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.length}[whence]
        self.position = origin + offset
        return self.position

    def read(self, size: int | None = -1) -> bytes:
        start = self.position
        end = self.length if size is None or size < 0 else min(start + size, self.length)
        if start >= end:
            return b""
        tail_at = max(0, self.length - TAIL_BYTES)
        if start < tail_at:
            data = s3.get(self.uri, start, end)
        else:
            self.tail = self.fetch_tail() if self.tail is None else self.tail
            data = self.tail[start - tail_at : end - tail_at]
        self.position = start + len(data)
        return data
