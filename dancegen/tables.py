"""Tables on storage: a folder of Parquet parts, each written whole and named after what it holds.

A part's name is a hash of its key (the video or song that its rows come from), so work that is
done twice replaces its part and never doubles rows, and a killed job goes on where it stopped.
`_table.json` beside the parts says which settings made them: other settings need another folder.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from dancegen import schema as schemas
from dancegen import storage
from dancegen.errors import TableError

STAMP = "_table.json"
ROW_GROUP = 48  # clips are about 170 kB each: groups of 32 to 64 read fastest


def begin(uri: str, schema: pa.Schema, settings: dict[str, Any], overwrite: bool = False) -> None:
    """Make a table ready to be written, or to be gone on with.

    Raises TableError when the folder holds a table of another kind or made with other settings
    (`overwrite` deletes that one), or files that are none of ours (those are never deleted).
    """
    stamp = {"table": schemas.name_of(schema), "format": schemas.format_of(schema), "settings": settings}
    place = storage.join(uri, STAMP)
    stamped = storage.exists(place)
    if not stamped and storage.exists(uri) and storage.find(uri):
        raise TableError(uri, "holds files, but no table of dancegen.", "Name an empty folder.")
    text = json.dumps(stamp, indent=1, sort_keys=True)
    if stamped and overwrite:
        storage.delete(uri)
    elif stamped:
        _compare(_read_stamp(place), json.loads(text), uri)
    storage.sweep(uri)
    storage.write_text(place, text)


def write_part(uri: str, table: pa.Table, key: str, folder: str = "") -> None:
    """Write the rows of one key as one part, in place of what an earlier run wrote for it in that folder."""
    target = storage.join(uri, *filter(None, folder.split("/")), part_name(key))
    with storage.writing(target) as path:
        pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)


def read_part(uri: str, schema: pa.Schema, key: str) -> dict[str, Any]:
    """The one row of a key. Raises TableError when the table has none."""
    return read(storage.join(uri, part_name(key)), schema).to_pylist()[0]


def part_name(key: str) -> str:
    """The file name of the part that holds a key's rows."""
    return f"part-{hashlib.sha256(key.encode()).hexdigest()[:16]}.parquet"


def parts(uri: str) -> list[str]:
    """The table's files."""
    return storage.find(uri, (".parquet",)) if storage.exists(uri) else []


def read(
    uri: str, schema: pa.Schema, columns: list[str] | None = None, where: pads.Expression | None = None
) -> pa.Table:
    """A table, or some columns and rows of it.

    Raises TableError when there is none, or when it is of another kind or format version.
    """
    dataset = open_dataset(uri, schema)
    with _readable(uri):
        return dataset.to_table(columns=columns, filter=where)


def open_dataset(uri: str, schema: pa.Schema) -> pads.Dataset:
    """The table as a pyarrow dataset, checked against its schema but not read."""
    files = parts(uri)
    if not files:
        raise TableError(uri, f"holds no table of {schemas.name_of(schema)}.", "Run the step that makes it.")
    filesystem = storage.arrow_filesystem(uri)[0]
    paths = [storage.arrow_filesystem(file)[1] for file in files]
    with _readable(files[0]):
        schemas.check(pq.read_schema(paths[0], filesystem=filesystem), schema, uri)
    return pads.dataset(paths, schema=schema, filesystem=filesystem, format="parquet")


@contextmanager
def _readable(uri: str) -> Iterator[None]:
    """Turns what pyarrow says of a damaged part, which it names, into an error that says what to do."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise TableError(
            uri, f"cannot be read ({error}).", "Delete the damaged part and run the step again."
        ) from error


def _read_stamp(place: str) -> dict[str, Any]:
    try:
        return json.loads(storage.read_text(place))
    except json.JSONDecodeError as error:
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
