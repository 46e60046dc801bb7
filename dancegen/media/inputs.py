"""Inputs of a step: reads a folder, a list or a table of videos or songs into rows with uri, version and labels."""

import csv
import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads

from dancegen import storage, tables
from dancegen.errors import ConfigError, StorageError
from dancegen.logs import notify
from dancegen.media.container import SOUND_SUFFIXES

SONG_SUFFIXES = (*SOUND_SUFFIXES, ".webm", ".mp4")
UNKNOWN = "unknown"
LABELS = ("category", "song", "dancer")
LOOKUPS = 16  # concurrent file lookups: on S3 each takes tens of milliseconds


def list_media(uri: str, suffixes: tuple[str, ...], also: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """One row per file: uri, version (None when the file does not exist), category, song, dancer, and those of `also`.

    A file whose name is not UTF-8 gets a `file://` URI. The numbers of hidden and of unfinished files, which are
    skipped, are printed to stderr.

    `uri` is a folder (the sub-folder is the category, the file's name the song), one media file, a
    `.txt` list with one URI per line, or a `.csv` or Parquet table with `uri`, any of the labels and any of the columns
    `also`, which are None where the input has none.
    Raises ConfigError when nothing is found.
    """
    first: dict[str, dict[str, Any]] = {}
    for row in _rows(uri, suffixes, also):
        first.setdefault(row["uri"], {**_labelled(row), **{name: row.get(name) for name in also}})
    rows = list(first.values())
    if not rows:
        kinds = " ".join(suffixes)
        raise ConfigError(uri, "contains no input files.", f"Name a folder with files ({kinds}), a list or a table.")
    unknown = [row for row in rows if row["version"] is None]  # a folder's listing includes the versions of its files
    with ThreadPoolExecutor(LOOKUPS) as pool:
        versions = pool.map(_version, [row["uri"] for row in unknown])
        for row, version in zip(unknown, versions, strict=True):
            row["version"] = version
    return rows


def _rows(uri: str, suffixes: tuple[str, ...], also: tuple[str, ...]) -> list[dict[str, Any]]:
    if storage.is_folder(uri):
        return _below(uri, _table(tables.files(uri), uri, also)) if tables.is_table(uri) else _folder(uri, suffixes)
    parent = uri.rsplit("/", 1)[0]
    match storage.suffix(uri):
        case ".txt":
            lines = (line.strip() for line in _text(uri).splitlines())
            return _below(parent, [{"uri": line} for line in lines if line and not line.startswith("#")])
        case ".csv":
            return _below(parent, _csv(uri))
        case ".parquet":
            return _below(parent, _table(storage.listing(uri).files, uri, also))
        case suffix if suffix in suffixes:
            return [{"uri": uri}]
    raise ConfigError(uri, "is not a folder, list (.txt), table (.csv, .parquet) or media file.", "Name one of these.")


def _folder(uri: str, suffixes: tuple[str, ...]) -> list[dict[str, Any]]:
    found = storage.listing(uri, suffixes)
    _tell_left_out(uri, found)
    below = [storage.below(file.uri, uri).split("/") for file in found.files]
    categories = [path[0] if len(path) > 1 else UNKNOWN for path in below]
    return [
        {"uri": file.uri, "version": file.version, "category": category}
        for file, category in zip(found.files, categories, strict=True)
    ]


def _tell_left_out(uri: str, found: storage.Listing) -> None:
    """Print how many files of a folder are skipped, and why."""
    reasons = []
    if found.hidden:
        reasons.append(f"{found.hidden:,} hidden files (their name, or their folder's, begins with a dot)")
    if found.unfinished:
        reasons.append(f"{found.unfinished:,} unfinished files of dancegen")
    reasons += [f"the folder {folder}, which cannot be read" for folder in found.unreadable]
    if reasons:
        notify(f"{uri}: skipped {', '.join(reasons)}")


def _csv(uri: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(_text(uri)), skipinitialspace=True)
    _need_uri(reader.fieldnames or [], uri)
    try:
        return list(reader)
    except csv.Error as error:
        raise ConfigError(uri, f"is not a CSV table (line {reader.line_num}: {error}).", "Correct it.") from error


def _table(parts: Sequence[storage.File], uri: str, also: tuple[str, ...]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    filesystem, paths = storage.arrow_files({part.uri: part.size for part in parts})
    for part, path in zip(parts, paths, strict=True):
        try:
            found = pads.ParquetFileFormat().make_fragment(path, filesystem)
            names = found.physical_schema.names
            _need_uri(names, uri)
            good = pads.field("error").is_null() if "error" in names else None
            rows += found.to_table(
                columns=[name for name in ("uri", *LABELS, *also) if name in names], filter=good
            ).to_pylist()
        except (pa.ArrowInvalid, OSError) as error:  # OSError: a footer that is not Thrift
            raise ConfigError(part.uri, f"is not a Parquet file ({error}).", "Correct it.") from error
    return rows


def _text(uri: str) -> str:
    return storage.read_text(uri).removeprefix("\ufeff")


def _need_uri(names: Iterable[str], uri: str) -> None:
    if "uri" not in names:
        raise ConfigError(uri, f"has no column uri; it has {', '.join(names) or 'none'}.", "Name the column uri.")


def _below(folder: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that name a file, with relative URIs made absolute from the folder."""
    named = [row for row in rows if row["uri"]]
    try:
        return [{**row, "uri": _absolute(folder, row["uri"].strip())} for row in named]
    except ValueError as error:
        raise ConfigError(folder, f"lists an invalid address ({error}).", "Correct it.") from error


def _absolute(folder: str, uri: str) -> str:
    stands_alone = "://" in uri or uri.startswith(("/", "~"))
    return storage.absolute(uri if stands_alone else storage.join(folder, uri))


def _labelled(row: dict[str, Any]) -> dict[str, Any]:
    missing = {"category": UNKNOWN, "song": storage.stem(row["uri"]), "dancer": UNKNOWN}
    labels = {label: row.get(label) or missing[label] for label in LABELS}
    return {"uri": row["uri"], **labels, "version": row.get("version")}


def _version(uri: str) -> str | None:
    try:
        return storage.version(uri)
    except StorageError:
        return None  # the stage reports the error
