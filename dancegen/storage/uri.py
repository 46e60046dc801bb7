"""URIs: a local path, `s3://bucket/key`, or `file://` for a path whose bytes are not UTF-8.

A URI is always valid UTF-8, as tables, settings and JSON require. A file name on Linux is a byte string: one that is
not UTF-8 is written in the standard form, `file:///songs/caf%E9.mp3`. Every other path is used unchanged.
"""

import os
import re
import urllib.parse
from pathlib import Path

S3, FILE = "s3://", "file://"
SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<slashes>/*)")
BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}|arn:.+")  # bucket names that S3 clients accept


def is_remote(uri: str) -> bool:
    """Whether the URI names an S3 object rather than a local path."""
    return uri.startswith(S3)


def absolute(uri: str) -> str:
    """The URI in absolute form, which is independent of the process.

    Raises ValueError, with the correct form, when it is empty or not supported.
    """
    if not uri.strip():
        raise ValueError("is empty: give a path or s3://bucket/key")
    found = SCHEME.match(uri)
    scheme, slashes = (found["scheme"].lower(), found["slashes"]) if found else ("", "")
    if scheme in ("s3", "s3a", "s3n"):
        return _s3(uri)
    if scheme == "file" and len(slashes) >= 2:
        return of_path(os.path.abspath(os.path.expanduser(local_path(FILE + uri[len(FILE) :]))))
    if len(slashes) >= 2:
        raise ValueError(f"{scheme}:// is not supported: give a path or s3://bucket/key")
    return of_path(os.path.abspath(os.path.expanduser(uri)))


def not_a_bucket(uri: str) -> str:
    """The URI of a file. Raises ValueError for a bucket."""
    if is_remote(uri) and "/" not in uri[len(S3) :]:
        raise ValueError("names a bucket without a key: give s3://bucket/key")
    return uri


def _s3(uri: str) -> str:
    bucket, _, key = uri[len(S3) :].partition("/")
    if uri[: len(S3)].lower() != S3 or (not bucket and key):
        raise ValueError(f"{uri} is not a valid S3 URI: give s3://bucket/key")
    if not bucket:
        raise ValueError(f"{uri} names no bucket: give s3://bucket/key")
    if not BUCKET.fullmatch(bucket):
        raise ValueError(f"{bucket!r} is not a valid bucket name: give s3://bucket/key")
    return f"{S3}{bucket}/{key}" if key else f"{S3}{bucket}"


def local_path(uri: str) -> str:
    """The path of a local URI, with bytes that are not UTF-8 as surrogates, which os and open() accept."""
    if not uri.startswith(FILE):
        return uri
    return os.fsdecode(urllib.parse.unquote_to_bytes(uri[len(FILE) :]))


def of_path(path: str) -> str:
    """The URI of a local path."""
    return path if _is_text(path) else FILE + _escaped(path)


def below(uri: str, folder: str) -> str:
    """The part of a URI relative to a folder, as text."""
    if is_remote(uri):
        return uri[len(folder.rstrip("/")) + 1 :]
    relative = os.path.relpath(local_path(uri), local_path(folder))
    return relative if _is_text(relative) else _escaped(relative)


def join(uri: str, *parts: str) -> str:
    """The URI of a path below a folder."""
    return "/".join([uri.rstrip("/"), *parts]) if uri.startswith((S3, FILE)) else str(Path(uri, *parts))


def name(uri: str) -> str:
    """File name: the last component of a URI."""
    return uri.rstrip("/").rsplit("/", 1)[-1]


def stem(uri: str) -> str:
    """File name without its suffix."""
    return Path(name(uri)).stem


def suffix(uri: str) -> str:
    """Suffix of the file name in lower case, such as ".mp4"."""
    return Path(name(uri)).suffix.lower()


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(path: str) -> str:
    """The path with percent signs and bytes that are not UTF-8 (surrogates in Python) as %XX."""
    return re.sub("[%\udc80-\udcff]", lambda found: f"%{ord(found[0]) & 0xFF:02X}", path)
