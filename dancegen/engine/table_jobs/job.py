"""What a table job is: a stage, the table that its rows are written to, and the status of a row."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypedDict

import pyarrow as pa

Row = dict[str, Any]
SHARD = "shard"  # key of a row for its messages: index of its shard; no stage gets it


@dataclass(frozen=True)
class TableJob:
    """A stage, and the table that its rows are written to."""

    label: str  # what a row is, in the plural: "videos"
    table: str  # URI of the table
    schema: pa.Schema  # of the rows that the stage returns; has uri, version, attempts and error
    stage: Callable[..., Any]  # its class, or a LazyStage; called with a one-row table, returns a table of `schema`
    stage_args: tuple[Any, ...]  # of its constructor
    settings: dict[str, Any]  # settings that affect the rows: a table holds rows of one combination only
    unit: str = ""  # column whose sum is the amount done, such as "frames"
    tolerant: bool = False  # its bad rows are judged by a later step
    ray_data: bool = False  # its rows are videos or parts of them: Ray Data runs them (dataset_pool.py), not pool.py
    times: tuple[str, ...] = ()  # columns with seconds of a row's work, by stage, which the summary adds up
    counted: dict[str, str] = field(default_factory=dict)  # flag of a row, a column -> the summary's words for its rows
    judged: str = ""  # column that is set once the content was judged: an error beside it is not a failure


class Status(TypedDict):
    """What the driver learns of a row whose part is written."""

    uri: str
    error: str | None  # why the row is bad
    judged: bool  # the row is bad because of its content
    trace: str | None  # traceback of the bug that made the row bad
    units: float  # amount done, in the job's unit
    busy_s: float  # time that the actor spent on the row
    bytes: int  # size of its part
    times: dict[str, float]  # sums of the job's columns `times`
    counts: dict[str, int]  # number of rows with a flag, by the words of the job's `counted`
