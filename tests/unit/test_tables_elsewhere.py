"""Every table opens in one line in the libraries that people read Parquet with, with all its columns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dancegen import schema, tables

VALUES = {"string": "ü", "float": 1.5, "double": -2.5, "int32": 3, "int64": 2**40, "bool": True, "binary": b"\x00\xff"}
OPENED: dict[str, Callable[[str], dict[str, list[Any]]]] = {
    "pandas": lambda uri: pd.read_parquet(uri).to_dict("list"),
    "polars": lambda uri: pl.read_parquet(uri).to_dict(as_series=False),
    "duckdb": lambda uri: duckdb.sql(f"from '{uri}/**/*.parquet'").to_arrow_table().to_pydict(),
    "pyarrow": lambda uri: pq.read_table(uri).to_pydict(),
}


def value(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return [value(kind.value_type)] * 2
    if pa.types.is_map(kind):
        return [("key", value(kind.item_type))]
    return VALUES[str(kind)]


@pytest.fixture(params=schema.SCHEMAS, ids=schema.name_of)
def kind(request: pytest.FixtureRequest) -> pa.Schema:
    return request.param


@pytest.fixture
def table(kind: pa.Schema, tmp_path: Path) -> str:
    """A table with a part in a folder of a split and one in none, and a row without values."""
    uri = str(tmp_path / "my table")
    row = {field.name: value(field.type) for field in kind}
    tables.begin(uri, kind, {"fps": 10})
    tables.write_part(uri, schema.table(kind, [row, {}]), "a", folder="train")
    tables.write_part(uri, schema.table(kind, [row]), "b")
    return uri


@pytest.mark.parametrize("library", OPENED)
def test_a_table_opens_with_all_its_columns_and_rows(table: str, kind: pa.Schema, library: str) -> None:
    columns = OPENED[library](table)
    assert list(columns) == kind.names
    assert {len(values) for values in columns.values()} == {3}
    for name in (field.name for field in kind if str(field.type) in VALUES):
        assert columns[name].count(VALUES[str(kind.field(name).type)]) == 2
