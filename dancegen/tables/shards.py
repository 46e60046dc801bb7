"""Compaction of a table: the parts of a shard become one file.

Each function writes the new file, atomically, before it deletes an old one. After a crash in between, a row is in two
files, and readers take it from one of them (`names.Newer`); the next run of the table's job compacts again.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from dancegen import schema as schemas
from dancegen import storage, tables
from dancegen.tables.names import Shard, key_hash, shard_index, shard_of

SHARD_BYTES = 64 << 20  # larger shards stay parts: these are large enough, and compaction is done in memory
GROUP_BYTES = 1 << 20  # of Arrow, per row group: a row that is read by its key costs about as much
LOOKUPS = 16  # concurrent reads: on S3 each takes tens of milliseconds


def compact(uri: str, schema: pa.Schema, shard: Shard, old: storage.File | None, parts: Iterable[str]) -> None:
    """Write the rows of a shard's file, if it has one, and of its parts to one file, then delete the parts.

    `parts` are the URIs of all parts of the shard.
    """
    parts = sorted(parts)
    with ThreadPoolExecutor(LOOKUPS) as pool:
        found = list(pool.map(lambda part: tables.read(part, schema), parts))
    if old is not None:
        newer = {key for part in found for key in part[tables.KEY].to_pylist()}
        before = tables.read(uri, schema, some=[old])
        found.append(before.filter(pa.array([key not in newer for key in before[tables.KEY].to_pylist()], pa.bool_())))
    _write(uri, schema, shard, pa.concat_tables(found))
    storage.delete_files(parts)


def divide(uri: str, schema: pa.Schema, count: int) -> None:
    """Divide the table into `count` shards, if it has fewer. Only one process may do so at a time."""
    for file in [file for file in tables.files(uri) if (shard := shard_of(file.uri)) and shard.count < count]:
        rows = tables.read(uri, schema, some=[file])
        indices = [shard_index(key_hash(key), count) for key in rows[tables.KEY].to_pylist()]
        for index in sorted(set(indices)):
            inside = pa.array([index == each for each in indices], pa.bool_())
            _write(uri, schema, Shard(index, count), rows.filter(inside))
        storage.delete_files([file.uri])


def delete_rows(uri: str, schema: pa.Schema, keys: set[str]) -> None:
    """Delete the rows of some keys. Missing ones are ignored."""
    hashes = {key_hash(key) for key in keys}
    for file in tables.files(uri):
        shard = shard_of(file.uri)
        if shard is not None and any(map(shard.covers, hashes)):
            rows = tables.read(uri, schema, some=[file])
            kept = rows.filter(pa.array([key not in keys for key in rows[tables.KEY].to_pylist()], pa.bool_()))
            if len(kept) < len(rows):
                _write(uri, schema, shard, kept)
    storage.delete_files([storage.join(uri, tables.part_name(key)) for key in sorted(keys)])


def _write(uri: str, schema: pa.Schema, shard: Shard, rows: pa.Table) -> None:
    """Write a shard, sorted by key: the statistics of its row groups then lead to a key without reading the others."""
    metadata = schemas.table(schema, []).schema.metadata
    rows = rows.sort_by(tables.KEY).combine_chunks().replace_schema_metadata(metadata)
    group = max(1, GROUP_BYTES * len(rows) // max(1, rows.nbytes))
    tables.write_file(storage.join(uri, shard.name), rows, min(group, 1024))
