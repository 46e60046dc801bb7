"""Tables carry their kind and their format, and arrays come back as they went in."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dancegen import schema
from dancegen.errors import TableError

EVERY_SCHEMA = pytest.mark.parametrize("kind", schema.SCHEMAS, ids=schema.name_of)


def through_parquet(table: pa.Table) -> pa.Table:
    file = io.BytesIO()
    pq.write_table(table, file)
    return pq.read_table(file)


def test_every_table_has_a_name_of_its_own() -> None:
    assert len({schema.name_of(kind) for kind in schema.SCHEMAS}) == len(schema.SCHEMAS)


@EVERY_SCHEMA
def test_a_table_that_was_stored_is_known_again(kind: pa.Schema) -> None:
    schema.check(through_parquet(schema.table(kind, [{}])).schema, kind, "here")


@EVERY_SCHEMA
def test_columns_that_a_row_lacks_are_null_of_the_right_type(kind: pa.Schema) -> None:
    table = through_parquet(schema.table(kind, [{"uri": "a.mp4"}, {}]))
    assert table.schema.types == kind.types
    assert table.num_rows == 2
    assert table.schema.equals(schema.table(kind, []).schema)


def test_a_value_of_the_wrong_type_is_a_mistake_of_ours() -> None:
    with pytest.raises(pa.ArrowException):
        schema.table(schema.POSES, [{"frames": "many"}])


def test_a_table_of_another_kind_is_refused() -> None:
    with pytest.raises(TableError, match=r"^here: contains a table of songs; a table of clips is required"):
        schema.check(schema.table(schema.SONGS, []).schema, schema.CLIPS, "here")


def test_a_parquet_file_of_someone_else_is_refused() -> None:
    with pytest.raises(TableError, match="contains a table of unknown"):
        schema.check(pa.schema([("uri", pa.string())]), schema.VIDEOS, "here")


@pytest.mark.parametrize("version", ["0", "1", "none"])
def test_a_table_of_another_format_names_both_versions_and_the_step(version: str) -> None:
    other = schema.POSES.with_metadata({**schema.POSES.metadata, b"dancegen.format": version.encode()})
    with pytest.raises(TableError, match=f"format version {version}; this release reads version 2") as error:
        schema.check(other, schema.POSES, "here")
    assert "poses" in error.value.remedy


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_arrays_come_back_as_they_went_in(dtype: str) -> None:
    array = np.arange(-30, 30).reshape(5, 4, 3).astype(dtype)
    data = schema.to_bytes(array[:, ::-1], dtype)
    assert len(data) == array.nbytes
    again = schema.from_bytes(data, dtype, -1, 4, 3)
    np.testing.assert_array_equal(again, array[:, ::-1])
    assert not again.flags.writeable


def test_missing_joints_stay_missing_in_storage() -> None:
    joints = np.full((2, 18, 3), np.nan, np.float32)
    table = through_parquet(schema.table(schema.POSES, [{"joints": schema.to_bytes(joints, "float32")}]))
    assert np.isnan(schema.from_bytes(table["joints"][0].as_py(), "float32", -1, 18, 3)).all()


def test_bytes_are_little_endian_on_every_machine() -> None:
    assert schema.to_bytes(np.array([1, 256]), "int16") == b"\x01\x00\x00\x01"
    assert schema.to_bytes(np.array([1.0], ">f4"), "float32") == b"\x00\x00\x80\x3f"
