"""Finished rows of a table are compacted to few files, and no crash in between shows a row twice or loses one."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dancegen import schema, storage, tables
from dancegen.errors import TableError
from dancegen.tables import shards
from dancegen.tables.names import Shard, key_hash, shard_count, shard_index, shard_of

ALL = Shard(0, 1)


@pytest.fixture(params=["local", "s3"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a table may go: once on this machine, once on S3."""
    return str(tmp_path / "cuts") if request.param == "local" else request.getfixturevalue("s3") + "/cuts"


def row(uri: str, clips: int = 1) -> pa.Table:
    return schema.table(schema.CUTS, [{"uri": uri, "version": "1", "clips": clips}])


def begun(uri: str, *keys: str) -> str:
    tables.begin(uri, schema.CUTS, {})
    for key in keys:
        tables.write_part(uri, row(key), key)
    return uri


def compacted(uri: str, shard: Shard = ALL) -> str:
    """Compact a shard of the table."""
    old = next((file for file in tables.files(uri) if shard_of(file.uri) == shard), None)
    parts = [part for part in tables.parts(uri) if shard_of(part) is None]
    shards.compact(uri, schema.CUTS, shard, old, parts)
    return uri


def clips(uri: str) -> dict[str, int]:
    rows = tables.read(uri, schema.CUTS).to_pylist()
    assert len({row["uri"] for row in rows}) == len(rows), "no row is there twice"
    return {row["uri"]: row["clips"] for row in rows}


def test_compacted_rows_are_one_file_sorted_by_key_and_are_read_as_before(uri: str) -> None:
    keys = [f"{number}.mp4" for number in range(9)]
    compacted(begun(uri, *reversed(keys)))
    assert [storage.name(part) for part in tables.parts(uri)] == ["shard-00000-of-00001.parquet"]
    assert tables.read(uri, schema.CUTS)["uri"].to_pylist() == keys
    assert tables.read_part(uri, schema.CUTS, "4.mp4")["uri"] == "4.mp4"
    with pytest.raises(TableError, match="contains no table of cuts"):
        tables.read_part(uri, schema.CUTS, "10.mp4")


def test_a_row_that_is_written_again_replaces_the_compacted_one_at_once(uri: str) -> None:
    compacted(begun(uri, "a", "b"))
    tables.write_part(uri, row("a", clips=2), "a")
    assert clips(uri) == {"a": 2, "b": 1}
    assert tables.read(uri, schema.CUTS, ["clips"])["clips"].to_pylist() in ([1, 2], [2, 1])
    assert tables.read_part(uri, schema.CUTS, "a")["clips"] == 2
    assert clips(compacted(uri)) == {"a": 2, "b": 1}
    assert len(tables.parts(uri)) == 1


def test_a_crash_between_the_steps_of_a_compaction_is_seen_by_no_reader(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    compacted(begun(uri, "a", "b"))
    tables.write_part(uri, row("a", clips=2), "a")
    for step in ("storage.delete_files", "tables.write_file"):
        with monkeypatch.context() as patch:
            patch.setattr(f"dancegen.{step}", crash)
            with pytest.raises(KeyboardInterrupt):
                compacted(uri)
        assert clips(uri) == {"a": 2, "b": 1}, step
    assert clips(compacted(uri)) == {"a": 2, "b": 1}


def test_a_table_that_has_grown_is_divided_and_a_crash_in_between_is_seen_by_no_reader(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"{number}.mp4" for number in range(30)]
    before = clips(compacted(begun(uri, *keys)))
    written = []

    def crash(*given: Any) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(write_file(*given))

    write_file = tables.write_file
    with monkeypatch.context() as patch:
        patch.setattr(tables, "write_file", crash)
        with pytest.raises(KeyboardInterrupt):
            shards.divide(uri, schema.CUTS, 4)
    assert clips(uri) == before
    shards.divide(uri, schema.CUTS, 4)
    assert clips(uri) == before
    found = {shard_of(part): tables.read(part, schema.CUTS)["uri"].to_pylist() for part in tables.parts(uri)}
    assert {shard.count for shard in found if shard} == {4}
    for shard, inside in found.items():
        assert shard is not None
        assert all(shard.covers(key_hash(key)) for key in inside)


def test_rows_are_deleted_from_parts_and_from_shards(uri: str) -> None:
    compacted(begun(uri, "a", "b"))
    tables.write_part(uri, row("c"), "c")
    tables.write_part(uri, row("a", clips=2), "a")
    shards.delete_rows(uri, schema.CUTS, {"a", "c", "unknown"})
    assert clips(uri) == {"b": 1}


def test_a_long_row_is_read_without_those_beside_it(s3: str, watched_s3) -> None:
    uri = f"{s3}/poses"
    tables.begin(uri, schema.POSES, {})
    for number in range(6):
        noise = key_hash(str(number)).to_bytes(8) * 100_000
        poses = schema.table(schema.POSES, [{"uri": str(number), "joints": noise}])
        tables.write_part(uri, poses, str(number))
    shards.compact(uri, schema.POSES, ALL, None, tables.parts(uri))
    watched_s3.requests.clear()
    assert tables.read_part(uri, schema.POSES, "3")["joints"] == key_hash("3").to_bytes(8) * 100_000
    assert len(watched_s3.requests) <= 6


def test_the_number_of_shards_grows_with_the_table_and_never_shrinks() -> None:
    assert [shard_count(rows) for rows in (1, 4000, 4001, 100_000, 1_000_000)] == [1, 1, 8, 128, 1024]
    assert shard_count(10, before=128) == 128
    assert shard_count(600_000, before=128) == 1024


def test_a_shard_contains_whole_shards_of_a_finer_division() -> None:
    for number in range(200):
        hashed = key_hash(str(number))
        coarse, fine = (Shard(shard_index(hashed, count), count) for count in (4, 32))
        assert coarse.contains(fine)
        assert coarse.covers(hashed)
        assert fine.covers(hashed)
