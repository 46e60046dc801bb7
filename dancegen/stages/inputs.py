"""What a step works on: a folder, a list or a table of videos or songs becomes rows with uri, version and labels."""

import csv
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from dancegen import storage, tables
from dancegen.errors import ConfigError, StorageError
from dancegen.media.container import SOUND_SUFFIXES

SONG_SUFFIXES = (*SOUND_SUFFIXES, ".webm", ".mp4")
UNKNOWN = "unknown"
LABELS = ("category", "song", "dancer")
LOOKUPS = 16  # files asked about at the same time: on S3 each question takes tens of milliseconds


def list_media(uri: str, suffixes: tuple[str, ...]) -> list[dict[str, Any]]:
    """One row a file: uri, version (None when there is no such file), category, song, dancer.

    `uri` is a folder (the sub-folder is the category, the file's name the song), one media file, a
    `.txt` list with a URI a line, or a `.csv` or Parquet table with `uri` and any of the labels.
    Raises ConfigError when nothing is found.
    """
    first: dict[str, dict[str, Any]] = {}
    for row in _rows(uri, suffixes):
        first.setdefault(row["uri"], _labelled(row))
    rows = list(first.values())
    if not rows:
        kinds = " ".join(suffixes)
        raise ConfigError(uri, "holds nothing to work on.", f"Name a folder with files ({kinds}), a list or a table.")
    with ThreadPoolExecutor(LOOKUPS) as pool:
        versions = list(pool.map(_version, [row["uri"] for row in rows]))
    return [{**row, "version": version} for row, version in zip(rows, versions, strict=True)]


def _rows(uri: str, suffixes: tuple[str, ...]) -> list[dict[str, Any]]:
    if storage.is_folder(uri):
        return _below(uri, _table(tables.parts(uri), uri)) if tables.is_table(uri) else _folder(uri, suffixes)
    parent = uri.rsplit("/", 1)[0]
    match storage.suffix(uri):
        case ".txt":
            lines = (line.strip() for line in _text(uri).splitlines())
            return _below(parent, [{"uri": line} for line in lines if line and not line.startswith("#")])
        case ".csv":
            return _below(parent, _csv(uri))
        case ".parquet":
            return _below(parent, _table([uri], uri))
        case suffix if suffix in suffixes:
            return [{"uri": uri}]
    raise ConfigError(uri, "is no folder, list (.txt), table (.csv, .parquet) or media file.", "Name one of these.")


def _folder(uri: str, suffixes: tuple[str, ...]) -> list[dict[str, Any]]:
    files = storage.find(uri, suffixes)
    below = [file[len(uri.rstrip("/")) + 1 :].split("/") for file in files]
    categories = [path[0] if len(path) > 1 else UNKNOWN for path in below]
    return [{"uri": file, "category": category} for file, category in zip(files, categories, strict=True)]


def _csv(uri: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(_text(uri)), skipinitialspace=True)
    _need_uri(reader.fieldnames or [], uri)
    try:
        return list(reader)
    except csv.Error as error:
        raise ConfigError(uri, f"is not a CSV table (line {reader.line_num}: {error}).", "Correct it.") from error


def _table(parts: list[str], uri: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for part in parts:
        with storage.reading(part) as path:
            try:
                names = pq.read_schema(path).names
                _need_uri(names, uri)
                good = pads.field("error").is_null() if "error" in names else None
                wanted = [name for name in ("uri", *LABELS) if name in names]
                found = pads.dataset(path, format="parquet").to_table(wanted, filter=good)
            except pa.ArrowInvalid as error:
                raise ConfigError(part, f"is not a Parquet file ({error}).", "Correct it.") from error
        rows += found.to_pylist()
    return rows


def _text(uri: str) -> str:
    try:
        return storage.read_text(uri).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ConfigError(uri, f"is not UTF-8 text ({error.reason}).", "Save it as UTF-8.") from error


def _need_uri(names: Iterable[str], uri: str) -> None:
    if "uri" not in names:
        raise ConfigError(uri, f"has no column uri; it has {', '.join(names) or 'none'}.", "Name the column uri.")


def _below(folder: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that name a file, with relative URIs made absolute from the folder."""
    named = [row for row in rows if row["uri"]]
    try:
        return [{**row, "uri": _absolute(folder, row["uri"].strip())} for row in named]
    except ValueError as error:
        raise ConfigError(folder, f"is listed with an address that cannot be read ({error}).", "Correct it.") from error


def _absolute(folder: str, uri: str) -> str:
    stands_alone = "://" in uri or uri.startswith(("/", "~"))
    return storage.absolute(uri if stands_alone else storage.join(folder, uri))


def _labelled(row: dict[str, Any]) -> dict[str, Any]:
    missing = {"category": UNKNOWN, "song": storage.stem(row["uri"]), "dancer": UNKNOWN}
    return {"uri": row["uri"], **{label: row.get(label) or missing[label] for label in LABELS}}


def _version(uri: str) -> str | None:
    try:
        return storage.version(uri)
    except StorageError:
        return None  # the stage will say what is wrong with it
