"""Tables on storage: a folder of Parquet parts, each written whole and named after what it holds.

A part's name is a hash of its key (the video or song that its rows come from), so work that is
done twice replaces its part and never doubles rows, and a killed job goes on where it stopped.
`_table.parquet` beside the parts has the table's columns, no rows, and in its metadata the settings that made the
parts: other settings need another folder. It is Parquet because polars opens a folder only where all files have one
ending. The folders of parts have plain names (`train/`, not `split=train/`): every column is in the files, and pandas
and pyarrow refuse a column that is also in the path.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from dancegen import schema as schemas
from dancegen import storage
from dancegen.errors import StorageError, StorageUnreachableError, TableError

STAMP = "_table.parquet"
PART = "part-"  # begins the name of every part
OLD_STAMP = "_table.json"  # of tables that were begun before the stamp was Parquet
SETTINGS = b"dancegen.settings"  # in the stamp's metadata
ROW_GROUP = 48  # clips are about 170 kB each: groups of 32 to 64 read fastest


def begin(uri: str, schema: pa.Schema, settings: dict[str, Any], overwrite: bool = False) -> None:
    """Make a table ready to be written, or to be gone on with.

    Raises TableError when the folder holds a table of another kind or made with other settings
    (`overwrite` deletes that one), or files that are none of ours (those are never deleted).
    """
    stamp = _stamp(uri)
    if stamp is None and not all(storage.name(file).startswith("_") for file in storage.find(uri)):  # such as a lease
        raise TableError(uri, "holds files, but no table of dancegen.", "Name an empty folder.")
    text = json.dumps(settings, sort_keys=True)
    if stamp is not None and overwrite:
        storage.delete_files(_own(uri))
    elif stamp is not None:
        wanted = {"table": schemas.name_of(schema), "format": schemas.format_of(schema), "settings": json.loads(text)}
        _compare(_read_stamp(*stamp), wanted, uri)
    storage.sweep(uri)
    if stamp is not None and not overwrite and storage.name(stamp[0]) == STAMP:
        return  # the table goes on, and its stamp says the same
    empty = schemas.table(schema, [])
    empty = empty.replace_schema_metadata({**empty.schema.metadata, SETTINGS: text.encode()})
    _write(storage.join(uri, STAMP), empty)
    if stamp is not None and storage.name(stamp[0]) == OLD_STAMP:
        storage.delete_files([stamp[0]])


def is_table(uri: str) -> bool:
    """Whether a table was begun in the folder."""
    return _stamp(uri) is not None


def write_part(uri: str, table: pa.Table, key: str, folder: str = "") -> None:
    """Write the rows of one key as one part, in place of what an earlier run wrote for it in that folder."""
    _write(storage.join(uri, *filter(None, folder.split("/")), part_name(key)), table)


def read_part(uri: str, schema: pa.Schema, key: str) -> dict[str, Any]:
    """The one row of a key, in one request. Raises TableError when the table has none."""
    return read(storage.join(uri, part_name(key)), schema).to_pylist()[0]


def find_part(uri: str, schema: pa.Schema, key: str, columns: list[str]) -> dict[str, Any] | None:
    """Some columns of the one row of a key; None when the table has none that can be read."""
    try:
        return read(storage.join(uri, part_name(key)), schema, columns).to_pylist()[0]
    except TableError:
        return None


def part_name(key: str) -> str:
    """The file name of the part that holds a key's rows."""
    return f"{PART}{hashlib.sha256(key.encode()).hexdigest()[:16]}.parquet"


def parts(uri: str, split: str | None = None) -> list[str]:
    """URIs of the table's files, or of those of one split."""
    return [file.uri for file in files(uri, split)]


def files(uri: str, split: str | None = None) -> list[storage.File]:
    """The table's files, or those of one split."""
    found = [file for file in storage.listing(uri, (".parquet",)).files if not storage.name(file.uri).startswith("_")]
    if split is None:
        return found
    folders = (split, f"split={split}")  # the second is of old tables
    below = tuple(storage.join(uri, folder) + "/" for folder in folders)
    return [file for file in found if file.uri.startswith(below)]


def read(
    uri: str, schema: pa.Schema, columns: list[str] | None = None, where: pads.Expression | None = None
) -> pa.Table:
    """A table or one part of it, or some columns and rows.

    Raises TableError when there is none, or when it is of another kind or format version.
    """
    if storage.suffix(uri) == ".parquet":
        return _read_one(uri, schema, columns, where)
    dataset = open_dataset(uri, schema)
    with _readable(uri):
        return dataset.to_table(columns=columns, filter=where)


def open_dataset(uri: str, schema: pa.Schema, some: list[storage.File] | None = None) -> pads.Dataset:
    """The table, or some of its files, as a pyarrow dataset, checked against its schema but not read."""
    found = files(uri) if some is None else some
    if not found:
        raise _missing(uri, schema)
    filesystem, paths = storage.arrow_files({file.uri: file.size for file in found})
    dataset = pads.dataset(paths, schema=schema, filesystem=filesystem, format="parquet")
    with _readable(found[0].uri):
        schemas.check(next(iter(dataset.get_fragments())).physical_schema, schema, uri)
    return dataset


def _read_one(uri: str, schema: pa.Schema, columns: list[str] | None, where: pads.Expression | None) -> pa.Table:
    """A part, read by its name: nothing is listed."""
    try:
        content = storage.read_bytes(uri)
    except StorageUnreachableError:
        raise
    except StorageError as error:
        raise _missing(uri, schema) from error
    with _readable(uri):
        part = pads.ParquetFileFormat().make_fragment(pa.BufferReader(content))
        schemas.check(part.physical_schema, schema, uri)
        return part.to_table(schema=schema, columns=columns, filter=where)


def _missing(uri: str, schema: pa.Schema) -> TableError:
    return TableError(uri, f"holds no table of {schemas.name_of(schema)}.", "Run the step that makes it.")


@contextmanager
def _readable(uri: str) -> Iterator[None]:
    """Turns what pyarrow says of a damaged part, which it names, into an error that says what to do."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise TableError(
            uri, f"cannot be read ({error}).", "Delete the damaged part and run the step again."
        ) from error


def _write(uri: str, table: pa.Table) -> None:
    with storage.writing(uri) as path:
        pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)


def _stamp(uri: str) -> tuple[str, bytes] | None:
    """URI and content of the stamp of the table in a folder, if there is one."""
    for stamp in (STAMP, OLD_STAMP):
        place = storage.join(uri, stamp)
        try:
            return place, storage.read_bytes(place)
        except StorageUnreachableError:
            raise
        except StorageError:
            continue
    return None


def _own(uri: str) -> list[str]:
    """The files of the table in a folder; not what somebody else has put there."""
    ours = [path for path in storage.find(uri) if storage.name(path) in (STAMP, OLD_STAMP)]
    return [*ours, *(part for part in parts(uri) if storage.name(part).startswith(PART))]


def _read_stamp(place: str, content: bytes) -> dict[str, Any]:
    """Table, format and settings of a table, from its stamp."""
    try:
        if storage.name(place) == OLD_STAMP:
            return json.loads(content)
        metadata = pq.read_schema(io.BytesIO(content)).metadata
        kind, version = metadata[b"dancegen.table"].decode(), int(metadata[b"dancegen.format"])
        return {"table": kind, "format": version, "settings": json.loads(metadata[SETTINGS])}
    except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
        remedy = "Give overwrite=true to replace the table, or name another folder."
        raise TableError(place, f"is damaged ({error}).", remedy) from error


def _compare(found: dict[str, Any], wanted: dict[str, Any], uri: str) -> None:
    if found["table"] != wanted["table"] or found["format"] != wanted["format"]:
        raise TableError(
            uri,
            f"holds a table of {found['table']}, format {found['format']}, "
            f"not of {wanted['table']}, format {wanted['format']}.",
            "Name another folder, or give overwrite=true to replace it.",
        )
    before, now = found["settings"], wanted["settings"]
    different = [key for key in {**now, **before} if before.get(key) != now.get(key)]
    if different:
        changes = ", ".join(f"{key} was {before.get(key)!r} and is {now.get(key)!r}" for key in different)
        raise TableError(
            uri, f"was made with other settings: {changes}.", "Name another folder, or give overwrite=true."
        )
