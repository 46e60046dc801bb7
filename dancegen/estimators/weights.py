"""URI of a network's weights -> a local file, downloaded once per machine and verified by its SHA-256."""

import os
import shutil
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from dancegen import storage
from dancegen.errors import ConfigError, StorageError, StorageUnreachableError

TIMEOUT_S = 60.0  # without a byte
MAX_ONNX_BYTES = 2**31  # limit of Protobuf


def fetch(uri: str, sha256: str | None) -> Path:
    """The path of the weights: a local file itself, any other one in this machine's cache.

    Raises ConfigError when the SHA-256 does not match, StorageError when the file cannot be fetched.
    """
    if sha256 is None or "://" not in uri:
        with storage.reading(uri) as path:
            _check(path, uri, sha256)
            return path
    cached = cache_folder() / sha256 / storage.name(uri)
    if not cached.exists():
        with storage.writing(str(cached)) as unfinished:
            _download(uri, unfinished)
            _check(unfinished, uri, sha256)
    _check(cached, str(cached), sha256)  # the cached file may have been damaged since
    return cached


def cache_folder() -> Path:
    """The cache folder of weights: one subfolder per SHA-256."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "dancegen", "weights")


def onnx_bytes(path: Path) -> str | bytes:
    """Input of onnxruntime: the file's path, or the content of the only ONNX file inside a zip.

    Raises ConfigError when the zip does not contain exactly one.
    """
    if not zipfile.is_zipfile(path):
        return str(path)
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".onnx")]
        if len(names) != 1:
            raise ConfigError(str(path), f"is a zip with {len(names)} ONNX files; one is required.", "Unpack it.")
        if archive.getinfo(names[0]).file_size > MAX_ONNX_BYTES:
            raise ConfigError(str(path), "contains an ONNX file above 2 GB, which ONNX does not allow.", "Unpack it.")
        return archive.read(names[0])  # at most the size that the archive states


def _download(uri: str, target: Path) -> None:
    if storage.is_remote(uri):
        with storage.reading(uri) as path:
            shutil.copyfile(path, target)
        return
    try:
        with urllib.request.urlopen(uri, timeout=TIMEOUT_S) as answer, open(target, "wb") as file:
            shutil.copyfileobj(answer, file, storage.CHUNK_BYTES)
    except urllib.error.HTTPError as error:
        kind = StorageUnreachableError if error.code >= 500 else StorageError
        raise kind(uri, f"cannot be fetched ({error.code} {error.reason}).", "Correct the address.") from error
    except OSError as error:
        remedy = "Check the network connection, or use a local copy."
        raise StorageUnreachableError(uri, f"cannot be fetched ({error}).", remedy) from error


def _check(path: Path, subject: str, sha256: str | None) -> None:
    if sha256 is not None and (found := storage.content_hash(str(path))) != sha256:
        raise ConfigError(
            subject, f"has the SHA-256 {found}, not {sha256}.", "Correct sha256, or delete the file and fetch it again."
        )
