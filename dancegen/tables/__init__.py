"""Tables on storage: a folder of Parquet parts, each written atomically and named by the hash of its key.

The key is the video or song that the rows come from. Repeated work therefore replaces its part instead of duplicating
rows, and a killed job resumes where it stopped. Table jobs compact the parts of finished rows into files of about a
thousand rows (`tables.shards`); both kinds may be present. `_table.parquet` beside them has the table's columns, no
rows, and in its metadata the settings that produced the parts; different settings require another folder. It is
Parquet because polars opens a folder only if all files have the same suffix. The folders of parts have plain names
(`train/`, not `split=train/`), because every column is in the files, and pandas and pyarrow reject a column that is
also in the path.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dancegen import schema as schemas
from dancegen import storage
from dancegen.errors import StorageError, StorageUnreachableError, TableError
from dancegen.tables.names import PART, SHARD, Newer, key_hash, newer_files, part_name, shard_of

if TYPE_CHECKING:
    import pyarrow.dataset as pads  # where it is used, it is imported late: with pandas, it takes 0.2 s

__all__ = ["part_name"]  # re-exported

STAMP = "_table.parquet"
OLD_STAMP = "_table.json"  # of tables created before the stamp was Parquet
SETTINGS = b"dancegen.settings"  # key in the stamp's metadata
ROW_GROUP = 48  # rows; clips are about 170 kB each, and groups of 32 to 64 read fastest
FILES_AT_ONCE = 16
KEY = "uri"  # column with the key, in tables that have shards


def begin(uri: str, schema: pa.Schema, settings: dict[str, Any], overwrite: bool = False) -> None:
    """Create a table, or prepare an existing one to be resumed.

    Raises TableError when the folder contains a table of another kind or made with different settings
    (`overwrite` deletes it), or files of other programs (these are never deleted).
    """
    stamp = _stamp(uri)
    if stamp is None and not all(storage.name(file).startswith("_") for file in storage.find(uri)):  # such as a lease
        raise TableError(uri, "contains files, but no table of dancegen.", "Give an empty folder.")
    text = json.dumps(settings, sort_keys=True)
    if stamp is not None and overwrite:
        storage.delete_files(_own(uri))
    elif stamp is not None:
        wanted = {"table": schemas.name_of(schema), "format": schemas.format_of(schema), "settings": json.loads(text)}
        _compare(_read_stamp(*stamp), wanted, uri)
    storage.sweep(uri)
    if stamp is not None and not overwrite and storage.name(stamp[0]) == STAMP:
        return  # the table is resumed, and its stamp is unchanged
    empty = schemas.table(schema, [])
    empty = empty.replace_schema_metadata({**empty.schema.metadata, SETTINGS: text.encode()})
    write_file(storage.join(uri, STAMP), empty)
    if stamp is not None and storage.name(stamp[0]) == OLD_STAMP:
        storage.delete_files([stamp[0]])


def is_table(uri: str) -> bool:
    """Whether the folder contains a table."""
    return _stamp(uri) is not None


def kind(uri: str) -> str:
    """Kind of the table in a folder, such as "renders". Raises TableError when there is none, or it is damaged."""
    stamp = _stamp(uri)
    if stamp is None:
        raise TableError(uri, "contains no table of dancegen.", "Name the folder of a table.")
    return _read_stamp(*stamp)["table"]


def write_part(uri: str, table: pa.Table, key: str, folder: str = "") -> int:
    """Write the rows of one key as one part, which replaces the part of an earlier run in the same folder.

    Returns the size of the part in bytes.
    """
    return write_file(storage.join(uri, *filter(None, folder.split("/")), part_name(key)), table)


def read_part(uri: str, schema: pa.Schema, key: str) -> dict[str, Any]:
    """The single row of a key, read in one request if it has a part. Raises TableError when the table has none."""
    content = _content(storage.join(uri, part_name(key)))
    if content is not None:
        return _rows_of(content, storage.join(uri, part_name(key)), schema, None, None).to_pylist()[0]
    for shard in _shards_with(uri, key):
        rows = open_dataset(uri, schema, [shard]).to_table(filter=pc.field(KEY) == key).to_pylist()
        if rows:
            return rows[0]
    raise _missing(storage.join(uri, part_name(key)), schema)


def find_part(uri: str, schema: pa.Schema, key: str, columns: list[str]) -> dict[str, Any] | None:
    """Some columns of the single row in the part of a key; None when there is no part, or it cannot be read."""
    try:
        return read(storage.join(uri, part_name(key)), schema, columns).to_pylist()[0]
    except TableError:
        return None


def parts(uri: str, split: str | None = None) -> list[str]:
    """URIs of the table's parts, or of those of one split."""
    return [file.uri for file in files(uri, split)]


def files(uri: str, split: str | None = None) -> list[storage.File]:
    """The table's parts as files, or those of one split."""
    found = [file for file in storage.listing(uri, (".parquet",)).files if not storage.name(file.uri).startswith("_")]
    if split is None:
        return found
    folders = (split, f"split={split}")  # the second in tables of earlier releases
    below = tuple(storage.join(uri, folder) + "/" for folder in folders)
    return [file for file in found if file.uri.startswith(below)]


def read(
    uri: str,
    schema: pa.Schema,
    columns: list[str] | None = None,
    where: "pads.Expression | None" = None,
    some: list[storage.File] | None = None,
) -> pa.Table:
    """Rows of a table, of some of its files, or of one part, optionally restricted to some columns and rows.

    A key whose row is in a part and in a shard, after a crash or before the next compaction, has the row of the part.
    Raises TableError when the table does not exist, or has another kind or format version.
    """
    if storage.suffix(uri) == ".parquet":
        return _read_one(uri, schema, columns, where)
    found = files(uri) if some is None else some
    return pa.concat_tables(_read_files(uri, schema, found, columns, where, max(1, len(found))))


def batches(uri: str, schema: pa.Schema, columns: list[str]) -> Iterator[pa.Table]:
    """The rows of a table as `read` gives them, from a few files at a time: memory does not grow with the table."""
    yield from _read_files(uri, schema, files(uri), columns, None, FILES_AT_ONCE)


def _read_files(
    uri: str,
    schema: pa.Schema,
    found: list[storage.File],
    columns: list[str] | None,
    where: "pads.Expression | None",
    at_once: int,
) -> Iterator[pa.Table]:
    newer = newer_files([file.uri for file in found])
    current = [file for file in found if file.uri not in newer]
    if not current and not newer:
        raise _missing(uri, schema)
    for first in range(0, len(current), at_once):
        dataset = open_dataset(uri, schema, current[first : first + at_once])
        with _readable(uri):
            yield dataset.to_table(columns=columns, filter=where)
    for file in found:
        if file.uri in newer:
            yield _without(newer[file.uri], open_dataset(uri, schema, [file]), columns, where)


def _without(
    newer: Newer, shard: "pads.Dataset", columns: list[str] | None, where: "pads.Expression | None"
) -> pa.Table:
    """The rows of a shard that no newer file has."""
    wanted = columns or shard.schema.names
    with _readable(KEY):
        rows = shard.to_table(columns=[*dict.fromkeys([*wanted, KEY])], filter=where)
    kept = [not newer.has(key) for key in rows[KEY].to_pylist()]
    return rows.filter(pa.array(kept, pa.bool_())).select(wanted)


def open_dataset(uri: str, schema: pa.Schema, some: list[storage.File] | None = None) -> "pads.Dataset":
    """The table, or some of its parts, as a lazy pyarrow dataset; its metadata is that of the first part.

    Raises TableError as `read` does.
    """
    import pyarrow.dataset as pads

    found = files(uri) if some is None else some
    if not found:
        raise _missing(uri, schema)
    filesystem, paths = storage.arrow_files({file.uri: file.size for file in found})
    dataset = pads.dataset(paths, schema=schema, filesystem=filesystem, format="parquet")
    with _readable(found[0].uri):
        written = next(iter(dataset.get_fragments())).physical_schema
        schemas.check(written, schema, uri)
    return dataset.replace_schema(schema.with_metadata(written.metadata))


def _read_one(uri: str, schema: pa.Schema, columns: list[str] | None, where: "pads.Expression | None") -> pa.Table:
    """Read one part by its URI, without a listing."""
    content = _content(uri)
    if content is None:
        raise _missing(uri, schema)
    return _rows_of(content, uri, schema, columns, where)


def _content(uri: str) -> bytes | None:
    """Content of a file; None when it does not exist."""
    try:
        return storage.read_bytes(uri)
    except StorageUnreachableError:
        raise
    except StorageError:
        return None


def _rows_of(
    content: bytes, uri: str, schema: pa.Schema, columns: list[str] | None, where: "pads.Expression | None"
) -> pa.Table:
    import pyarrow.dataset as pads

    with _readable(uri):
        part = pads.ParquetFileFormat().make_fragment(pa.BufferReader(content))
        schemas.check(part.physical_schema, schema, uri)
        return part.to_table(schema=schema, columns=columns, filter=where)


def _shards_with(uri: str, key: str) -> list[storage.File]:
    """The shards that cover a key, the newest first."""
    hashed = key_hash(key)
    found = [(shard, file) for file in files(uri) if (shard := shard_of(file.uri)) and shard.covers(hashed)]
    return [file for _, file in sorted(found, key=lambda one: -one[0].count)]


def _missing(uri: str, schema: pa.Schema) -> TableError:
    return TableError(uri, f"contains no table of {schemas.name_of(schema)}.", "Run the step that creates it.")


@contextmanager
def _readable(uri: str) -> Iterator[None]:
    """Convert pyarrow's errors on a damaged part, which name the part, to a TableError."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise TableError(
            uri, f"cannot be read ({error}).", "Delete the damaged part and run the step again."
        ) from error


def write_file(uri: str, table: pa.Table, row_group: int = ROW_GROUP) -> int:
    """Write a table as one Parquet file, atomically. Returns its size in bytes."""
    with storage.writing(uri) as path:
        pq.write_table(table, path, compression="zstd", row_group_size=row_group)
        return path.stat().st_size


def _stamp(uri: str) -> tuple[str, bytes] | None:
    """URI and content of the stamp of the table in a folder; None without a table."""
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
    """URIs of the stamps and parts in a folder, without the files of other programs."""
    ours = [path for path in storage.find(uri) if storage.name(path) in (STAMP, OLD_STAMP)]
    return [*ours, *(part for part in parts(uri) if storage.name(part).startswith((PART, SHARD)))]


def _read_stamp(place: str, content: bytes) -> dict[str, Any]:
    """Kind, format version and settings of a table, from its stamp. Raises TableError when it is damaged."""
    try:
        if storage.name(place) == OLD_STAMP:
            return json.loads(content)
        metadata = pq.read_schema(io.BytesIO(content)).metadata
        kind, version = metadata[b"dancegen.table"].decode(), int(metadata[b"dancegen.format"])
        return {"table": kind, "format": version, "settings": json.loads(metadata[SETTINGS])}
    except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as error:
        remedy = "Give overwrite=true to replace the table, or another folder."
        raise TableError(place, f"is damaged ({error}).", remedy) from error


def _compare(found: dict[str, Any], wanted: dict[str, Any], uri: str) -> None:
    if found["table"] != wanted["table"] or found["format"] != wanted["format"]:
        raise TableError(
            uri,
            f"contains a table of {found['table']}, format {found['format']}, "
            f"not of {wanted['table']}, format {wanted['format']}.",
            "Give another folder, or overwrite=true to replace it.",
        )
    before, now = found["settings"], wanted["settings"]
    different = [key for key in {**now, **before} if before.get(key) != now.get(key)]
    if different:
        changes = ", ".join(f"{key} was {before.get(key)!r} and is {now.get(key)!r}" for key in different)
        raise TableError(
            uri, f"was made with different settings: {changes}.", "Give another folder, or overwrite=true."
        )
