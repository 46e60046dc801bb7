"""Marks in files that dancegen wrote, so that other files are not overwritten."""

import json
import re
import struct
from pathlib import Path

from dancegen import __version__
from dancegen.errors import BadMediaError
from dancegen.media.container import open_container

NAME = "dancegen"
COMMENT = f"{NAME} {__version__}"  # in the metadata of videos
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- {COMMENT} --></x:xmpmeta>'.encode()  # in images
PAGE = (  # the second is the beginning of pages of earlier releases
    b'<meta name="generator" content="dancegen">',
    b":root { color-scheme: light dark; --line: #8884",
)
LOCAL_HEADER_BYTES = 30  # of the first member of a zip, before its name
HEAD_BYTES = 65_536  # that contain the marks of images and pages
BEATS_HEADER = (
    "time_s",
    "bar",
    "beat",
    "meter",
    "bpm",
    "counted",
    "section",
)  # first line of tables of `dancegen beats`
SECTIONS_HEADER = ("number", "section", "start_s", "end_s", "bars")  # first line of tables of sections
NPZ_MARK = NAME  # name of the first array of a dance
BVH_MARK = f"{NAME}_planar"  # prefix of the name of the root
SRT_BEAT, SRT_SECTION = "beat", "section"  # first word of subtitles
SRT = re.compile(rf"\A(1\n[\d:,]+ --> [\d:,]+\n({SRT_BEAT} \d+ of bar \d+|{SRT_SECTION} [A-Z]+)\n|\Z)".encode())
STAMPS = ("_table.parquet", "_table.json", "run.json", "study.json")  # identify a folder that dancegen wrote


def is_ours(path: Path) -> bool:
    """Whether dancegen wrote a file. A file type without a mark counts if dancegen wrote the folder.

    A folder does not count if its index.html has no mark.
    """
    if path.is_dir():
        page = path / "index.html"
        return not page.exists() or _is_our_page(page)
    match path.suffix.lower():
        case ".mp4":
            return _comment(path).startswith(NAME)
        case ".html":
            return _is_our_page(path) or _has_stamp(path.parent)
        case ".png" | ".jpg" | ".jpeg":
            return f"<!-- {NAME} ".encode() in _head(path)
        case ".csv" if _head(path).startswith((",".join(BEATS_HEADER).encode(), ",".join(SECTIONS_HEADER).encode())):
            return True
        case ".npz" if _head(path)[LOCAL_HEADER_BYTES:].startswith(f"{NPZ_MARK}.npy".encode()):
            return True
        case ".tar" if f"comment={NAME} ".encode() in _head(path):
            return True
        case ".bvh" if f"ROOT {BVH_MARK}".encode() in _head(path):
            return True
        case ".srt" if SRT.match(_head(path)):
            return True
    return _weights_kind(path).startswith(f"{NAME}.") or _is_our_folder(path.parent)


def _is_our_folder(folder: Path) -> bool:
    page = folder / "index.html"
    return _has_stamp(folder) or (page.exists() and _is_our_page(page))


def _has_stamp(folder: Path) -> bool:
    return any(found for stamp in STAMPS for pattern in (stamp, f"*/{stamp}") for found in folder.glob(pattern))


def _is_our_page(path: Path) -> bool:
    return any(mark in _head(path) for mark in PAGE)


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(HEAD_BYTES)


def _comment(path: Path) -> str:
    try:
        with open_container(path, str(path)) as container:
            return container.metadata.get("comment", "")
    except BadMediaError:
        return ""


def _weights_kind(path: Path) -> str:
    """The `kind` in the header of a safetensors file, without its quotes; empty for any other file."""
    with open(path, "rb") as file:
        try:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length < path.stat().st_size else {}
            kind = json.loads(header["__metadata__"]["kind"])
            return kind if isinstance(kind, str) else ""
        except (struct.error, ValueError, KeyError, TypeError, RecursionError):
            return ""
