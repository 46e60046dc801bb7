"""Inputs of a step: reads a folder, a list or a table of videos or songs into rows with uri, version and labels."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads

from dancegen import storage, tables
from dancegen.errors import ConfigError, StorageError
from dancegen.logs import notify
from dancegen.media.container import SOUND_SUFFIXES
from dancegen.schema import UNKNOWN

SONG_SUFFIXES = (*SOUND_SUFFIXES, ".webm", ".mp4")
LABELS = ("category", "song", "dancer")
AT_ONCE = 1024  # rows
LOOKUPS = 16  # concurrent file lookups: on S3 each takes tens of milliseconds


def list_media(uri: str, suffixes: tuple[str, ...], also: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """One row per file: uri, version (None when the file does not exist), category, song, dancer, and those of `also`.

    A file whose name is not UTF-8 gets a `file://` URI. The numbers of hidden and of unfinished files, which are
    skipped, are printed to stderr.

    `uri` is a folder (the sub-folder is the category, the file's name the song), one media file, a
    `.txt` list with one URI per line, or a `.csv` or Parquet table with `uri`, any of the labels and any of the columns
    `also`, which are None where the input has none. The rows are sorted by URI for a folder.
    Raises ConfigError when nothing is found.
    """
    first: dict[str, dict[str, Any]] = {}
    for row in stream_media(uri, suffixes, also, in_order=True):
        first.setdefault(row["uri"], row)
    return [*first.values()]


def stream_media(
    uri: str, suffixes: tuple[str, ...], also: tuple[str, ...] = (), in_order: bool = False
) -> Iterator[dict[str, Any]]:
    """The rows of `list_media`, one after the other: their number does not matter, unless a folder is read in order.

    A URI that the input names several times has several rows, of which the first one counts.
    """
    rows, empty = _rows(uri, suffixes, also, in_order), True
    with ThreadPoolExecutor(LOOKUPS) as pool:
        while some := [{**_labelled(row), **{name: row.get(name) for name in also}} for row in islice(rows, AT_ONCE)]:
            empty = False
            unknown = [row for row in some if row["version"] is None]  # a folder's listing includes the versions
            versions = pool.map(_version, [row["uri"] for row in unknown])
            for row, version in zip(unknown, versions, strict=True):
                row["version"] = version
            yield from some
    if empty:
        kinds = " ".join(suffixes)
        raise ConfigError(uri, "contains no input files.", f"Name a folder with files ({kinds}), a list or a table.")


def _rows(uri: str, suffixes: tuple[str, ...], also: tuple[str, ...], in_order: bool) -> Iterator[dict[str, Any]]:
    if storage.is_folder(uri):
        is_table = tables.is_table(uri)
        return _below(uri, _table(tables.files(uri), uri, also)) if is_table else _folder(uri, suffixes, in_order)
    parent = uri.rsplit("/", 1)[0]
    match storage.suffix(uri):
        case ".txt":
            lines = (line.strip() for line in io.StringIO(_text(uri)))
            return _below(parent, ({"uri": line} for line in lines if line and not line.startswith("#")))
        case ".csv":
            return _below(parent, _csv(uri))
        case ".parquet":
            return _below(parent, _table(storage.listing(uri).files, uri, also))
        case suffix if suffix in suffixes:
            return iter([{"uri": uri}])
    raise ConfigError(uri, "is not a folder, list (.txt), table (.csv, .parquet) or media file.", "Name one of these.")


def _folder(uri: str, suffixes: tuple[str, ...], in_order: bool) -> Iterator[dict[str, Any]]:
    skipped = storage.Skipped()
    found = storage.walk(uri, suffixes, skipped)
    for file in sorted(found, key=lambda file: file.uri) if in_order else found:
        path = storage.below(file.uri, uri).split("/")
        yield {"uri": file.uri, "version": file.version, "category": path[0] if len(path) > 1 else UNKNOWN}
    _tell_left_out(uri, skipped)


def _tell_left_out(uri: str, skipped: storage.Skipped) -> None:
    """Print how many files of a folder are skipped, and why."""
    reasons = []
    if skipped.hidden:
        reasons.append(f"{skipped.hidden:,} hidden files (their name, or their folder's, begins with a dot)")
    if skipped.unfinished:
        reasons.append(f"{skipped.unfinished:,} unfinished files of dancegen")
    reasons += [f"the folder {folder}, which cannot be read" for folder in skipped.unreadable]
    if reasons:
        notify(f"{uri}: skipped {', '.join(reasons)}")


def _csv(uri: str) -> Iterator[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(_text(uri)), skipinitialspace=True)
    _need_uri(reader.fieldnames or [], uri)
    try:
        yield from reader
    except csv.Error as error:
        raise ConfigError(uri, f"is not a CSV table (line {reader.line_num}: {error}).", "Correct it.") from error


def _table(parts: Sequence[storage.File], uri: str, also: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    filesystem, paths = storage.arrow_files({part.uri: part.size for part in parts})
    for part, path in zip(parts, paths, strict=True):
        try:
            found = pads.ParquetFileFormat().make_fragment(path, filesystem)
            names = found.physical_schema.names
            _need_uri(names, uri)
            good = pads.field("error").is_null() if "error" in names else None
            columns = [name for name in ("uri", *LABELS, *also) if name in names]
            for batch in found.to_batches(columns=columns, filter=good, batch_size=AT_ONCE):
                yield from batch.to_pylist()
        except (pa.ArrowInvalid, OSError) as error:  # OSError: a footer that is not Thrift
            raise ConfigError(part.uri, f"is not a Parquet file ({error}).", "Correct it.") from error


def _text(uri: str) -> str:
    return storage.read_text(uri).removeprefix("\ufeff")


def _need_uri(names: Iterable[str], uri: str) -> None:
    if "uri" not in names:
        raise ConfigError(uri, f"has no column uri; it has {', '.join(names) or 'none'}.", "Name the column uri.")


def _below(folder: str, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows that name a file, with relative URIs made absolute from the folder."""
    for row in rows:
        if row["uri"]:
            try:
                uri = _absolute(folder, row["uri"].strip())
            except ValueError as error:
                raise ConfigError(folder, f"lists an invalid address ({error}).", "Correct it.") from error
            yield {**row, "uri": uri}


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
