"""Tables are folders of whole parts, on this machine and on S3."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from dancegen import schema, storage, tables
from dancegen.errors import TableError
from dancegen.storage.unfinished import mark


@pytest.fixture(params=["local", "s3"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a table may go: once on this machine, once on S3."""
    return str(tmp_path / "poses") if request.param == "local" else request.getfixturevalue("s3") + "/poses"


def poses(*uris: str, error: str | None = None) -> pa.Table:
    return schema.table(schema.POSES, [{"uri": uri, "fps": 10.0, "frames": 50, "error": error} for uri in uris])


def parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def test_parts_that_are_written_are_read_back_as_one_table(uri: str) -> None:
    tables.begin(uri, schema.POSES, {})
    tables.write_part(uri, poses("a.mp4"), key="a.mp4")
    tables.write_part(uri, poses("b.mp4", error="has no picture."), key="b.mp4", folder="train")
    table = tables.read(uri, schema.POSES)
    assert table.schema.equals(schema.POSES)
    assert sorted(table["uri"].to_pylist()) == ["a.mp4", "b.mp4"]


def test_a_part_written_again_takes_the_place_of_the_first(uri: str) -> None:
    tables.begin(uri, schema.POSES, {})
    tables.write_part(uri, poses("a.mp4", error="was cut off."), key="a.mp4")
    tables.write_part(uri, poses("a.mp4"), key="a.mp4")
    assert tables.read(uri, schema.POSES).select(["uri", "error"]).to_pylist() == [{"uri": "a.mp4", "error": None}]


def test_columns_and_rows_can_be_chosen(uri: str) -> None:
    tables.begin(uri, schema.POSES, {})
    tables.write_part(uri, poses("a.mp4"), key="a.mp4")
    tables.write_part(uri, poses("b.mp4", error="is empty."), key="b.mp4")
    good = tables.read(uri, schema.POSES, ["uri"], pads.field("error").is_null())
    assert good.to_pylist() == [{"uri": "a.mp4"}]


def test_a_single_part_is_a_table_too(uri: str) -> None:
    tables.write_part(uri, poses("a.mp4"), key="a.mp4")
    assert tables.read(tables.parts(uri)[0], schema.POSES).num_rows == 1


def test_a_killed_write_leaves_a_table_that_reads(tmp_path: Path) -> None:
    uri = str(tmp_path / "poses")
    tables.begin(uri, schema.POSES, {})
    tables.write_part(uri, poses("a.mp4"), key="a.mp4")
    Path(uri, f"part-0{mark()}.parquet").write_bytes(b"PAR1 half of a part")
    assert tables.read(uri, schema.POSES).num_rows == 1


def test_going_on_with_the_same_settings_keeps_the_rows(uri: str) -> None:
    settings = {"fps": 10.0, "size": (1280, 720), "look": None}
    tables.begin(uri, schema.POSES, settings)
    tables.write_part(uri, poses("a.mp4"), key="a.mp4")
    tables.begin(uri, schema.POSES, settings)
    assert tables.read(uri, schema.POSES).num_rows == 1


def test_other_settings_are_refused_with_both_values(uri: str) -> None:
    tables.begin(uri, schema.POSES, {"fps": 10.0, "estimator": "mediapipe"})
    with pytest.raises(TableError, match=r"fps was 10\.0 and is 25\.0") as error:
        tables.begin(uri, schema.POSES, {"fps": 25.0, "estimator": "mediapipe"})
    assert error.value.subject == uri
    assert "estimator" not in str(error.value)


def test_a_setting_that_is_gone_or_new_is_another_setting(uri: str) -> None:
    tables.begin(uri, schema.POSES, {"fps": 10.0, "smooth": True})
    with pytest.raises(TableError, match="smooth"):
        tables.begin(uri, schema.POSES, {"fps": 10.0})
    with pytest.raises(TableError, match="shots"):
        tables.begin(uri, schema.POSES, {"fps": 10.0, "smooth": True, "shots": 1})


def test_a_table_from_before_is_read_by_its_splits_and_gone_on_with(uri: str) -> None:
    """Before, the stamp was JSON, and the folders of parts were named after columns: split=train/category=kpop."""
    clips = {split: schema.table(schema.CLIPS, [{"clip_id": split, "split": split}]) for split in ("train", "test")}
    for split, table in clips.items():
        tables.write_part(uri, table, split, folder=f"split={split}/category=kpop")
    stamp = {"table": "clips", "format": schema.format_of(schema.CLIPS), "settings": {"frames": 50}}
    storage.write_text(storage.join(uri, "_table.json"), json.dumps(stamp))
    with pytest.raises(TableError, match="frames was 50 and is 20"):
        tables.begin(uri, schema.CLIPS, {"frames": 20})
    tables.begin(uri, schema.CLIPS, {"frames": 50})
    assert tables.read(uri, schema.CLIPS).num_rows == 2
    for split in clips:
        (part,) = tables.parts(uri, split)
        assert tables.read(part, schema.CLIPS, ["clip_id"]).to_pylist() == [{"clip_id": split}]
    assert not storage.exists(storage.join(uri, "_table.json")), "the new stamp is in its place"
    with pytest.raises(TableError, match="frames was 50 and is 20"):
        tables.begin(uri, schema.CLIPS, {"frames": 20})


def test_a_folder_with_a_table_of_another_kind_is_refused(uri: str) -> None:
    tables.begin(uri, schema.SONGS, {})
    with pytest.raises(TableError, match=r"contains a table of songs.*not of poses"):
        tables.begin(uri, schema.POSES, {})


def test_overwrite_replaces_a_table_whatever_made_it(uri: str) -> None:
    tables.begin(uri, schema.POSES, {"fps": 25.0})
    tables.write_part(uri, poses("a.mp4"), key="a.mp4")
    tables.begin(uri, schema.POSES, {"fps": 10.0}, overwrite=True)
    assert tables.parts(uri) == []


def test_overwrite_deletes_the_table_and_nothing_that_somebody_put_beside_it(uri: str) -> None:
    tables.begin(uri, schema.POSES, {"fps": 25.0})
    tables.write_part(uri, poses("a.mp4"), key="a.mp4", folder="train")
    theirs = [storage.join(uri, name) for name in ("notes.txt", "mine.parquet")]
    for place in theirs:
        storage.write_text(place, "precious")
    tables.begin(uri, schema.POSES, {"fps": 10.0}, overwrite=True)
    assert [storage.read_text(place) for place in theirs] == ["precious"] * 2
    assert tables.parts(uri) == theirs[1:]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_other_files_is_never_written_to_or_deleted(uri: str, overwrite: bool) -> None:
    holiday = storage.join(uri, "holiday.mp4")
    storage.write_text(holiday, "precious")
    with pytest.raises(TableError, match="no table of dancegen"):
        tables.begin(uri, schema.POSES, {}, overwrite=overwrite)
    assert storage.read_text(holiday) == "precious"


def test_overwrite_of_what_does_not_exist_begins_a_table(uri: str) -> None:
    tables.begin(uri, schema.POSES, {}, overwrite=True)
    assert storage.exists(storage.join(uri, tables.STAMP))


def test_a_damaged_stamp_is_told_as_such(uri: str) -> None:
    for stamp, content in ((tables.OLD_STAMP, b'{"table": '), (tables.STAMP, b"PAR1 no footer")):
        storage.write_bytes(storage.join(uri, stamp), content)
        with pytest.raises(TableError, match=rf"{stamp}.*damaged"):
            tables.begin(uri, schema.POSES, {})
    storage.write_bytes(storage.join(uri, tables.STAMP), parquet(poses()))
    with pytest.raises(TableError, match="damaged"):
        tables.begin(uri, schema.POSES, {})
    tables.begin(uri, schema.POSES, {}, overwrite=True)
    tables.begin(uri, schema.POSES, {})


def test_a_table_that_does_not_exist_names_itself_and_what_to_do(uri: str) -> None:
    with pytest.raises(TableError, match=r"poses: contains no table of poses\. Run the step that creates it\."):
        tables.read(uri, schema.POSES)


def test_an_empty_table_names_itself_and_what_to_do(uri: str) -> None:
    tables.begin(uri, schema.POSES, {})
    with pytest.raises(TableError, match="contains no table of poses"):
        tables.read(uri, schema.POSES)


def test_a_table_of_another_kind_is_not_read(uri: str) -> None:
    tables.write_part(uri, schema.table(schema.SONGS, [{"uri": "a.wav"}]), key="a")
    with pytest.raises(TableError, match="contains a table of songs; a table of poses is required"):
        tables.read(uri, schema.POSES)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all" * 100])
@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_part_is_named(uri: str, which: int, content: bytes) -> None:
    for key in ("a.mp4", "b.mp4"):
        tables.write_part(uri, poses(key), key=key)
    damaged = tables.parts(uri)[which]
    storage.write_bytes(damaged, content)
    with pytest.raises(TableError, match="Delete the damaged part") as error:
        tables.read(uri, schema.POSES)
    assert storage.name(damaged) in str(error.value)


def test_a_part_that_lost_its_end_is_named(uri: str) -> None:
    tables.write_part(uri, poses("a.mp4"), key="a.mp4")
    part = tables.parts(uri)[0]
    storage.write_bytes(part, storage.read_bytes(part)[:-50])
    with pytest.raises(TableError, match="Delete the damaged part") as error:
        tables.read(uri, schema.POSES)
    assert storage.name(part) in str(error.value)
