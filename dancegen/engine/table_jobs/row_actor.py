"""The Ray actor of a table job: runs rows in a child process and writes the part of each to storage."""

import logging
import pickle
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pyarrow as pa

from dancegen import logs, tables
from dancegen import schema as schemas
from dancegen.engine.cluster import spot_notice
from dancegen.engine.metrics import DONE, outcome
from dancegen.engine.table_jobs.job import SHARD, Row, Status, TableJob
from dancegen.engine.table_jobs.row_process import BadRowError, RowBugError, RowLimits, RowProcess, StageError
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.errors import ClusterError, DanceGenError, StorageUnreachableError

NO_PROGRESS_S = 1800.0  # beyond the time limit of rows: guards against too small a cluster, and against a hang
FIRST_PAUSE_S = 1.0  # before a row is retried when storage does not respond
OURS = ("attempts", "held_s", "wasted_s", "cpus", "gpus")  # columns that the engine fills
T = TypeVar("T")


class RowActor:
    """Runs batches of rows, one row at a time."""

    def __init__(self, job: TableJob, stage: bytes, limits: RowLimits, storage_attempts: int, log: logs.Job) -> None:
        """`stage` is a pickled (class, constructor arguments)."""
        logs.join(log)
        self._job, self._storage_attempts = job, storage_attempts
        self._process = RowProcess(stage, limits)

    def node(self) -> str:
        """Id of the node that the actor runs on; the answer shows that it has started."""
        import ray

        spot_notice.watch()
        return ray.get_runtime_context().get_node_id()

    def run(self, rows: list[Row], at_most_s: float, again: bool) -> tuple[list[Status], bytes | None]:
        """Run rows, and return their statuses; of a batch that takes longer, only those of the first ones.

        `again` says that an actor which had the rows is lost: it may have finished some. The second value is a pickled
        exception that ends the job, because no row can be processed.
        """
        started = time.monotonic()
        statuses: list[Status] = []
        for row in rows:
            if statuses and time.monotonic() - started > at_most_s:
                break
            try:
                statuses.append(self._one(row, again))
            except (DanceGenError, StageError) as error:
                return statuses, pickle.dumps(error)
        return statuses, None

    def _one(self, row: Row, again: bool) -> Status:
        started = time.monotonic()
        if again and (done := self._patiently(self._done_before, row)) is not None:
            return done
        about = event_values(self._job, row)
        logs.event("row started", **about)
        made, bug = self._made(row)
        held_s = time.monotonic() - started
        written = self._patiently(write_row, self._job, made, {**row, "held_s": held_s})
        status: Status = {**written, "trace": bug, "busy_s": time.monotonic() - started}
        how = {"outcome": outcome(status), "seconds": round(status["busy_s"], 3), "error": status["error"]}
        level = logging.INFO if how["outcome"] == DONE else logging.WARNING
        logs.event("row ended", level, **about, **how, traceback=bug)
        return status

    def _done_before(self, row: Row) -> Status | None:
        """Status of a row that was finished before its actor was lost; None when it was not.

        The driver found no good row of this version when it opened the shard, so an existing one was written since.
        """
        if row.get("gone"):  # for such a row the driver did find one
            return None
        columns = ["version", "error", *filter(None, [self._job.unit])]
        part = tables.find_part(self._job.table, self._job.schema, row["uri"], columns)
        if part is None or part["version"] != row["version"] or part["error"] is not None:
            return None
        units = float(part[self._job.unit] or 0) if self._job.unit else 0.0
        known = {"uri": row["uri"], "error": None, "judged": False, "trace": None, "units": units}
        return Status(**known, busy_s=0.0, bytes=0, times={}, counts={})

    def _made(self, row: Row) -> tuple[pa.Table, str | None]:
        """The stage's table, or one with the row's error; and the traceback of a bug."""
        try:
            given = {name: value for name, value in row.items() if name != SHARD}
            return self._patiently(self._process.run, pa.Table.from_pylist([given]), row["uri"]), None
        except (BadRowError, StorageUnreachableError) as error:
            trace = error.trace if isinstance(error, RowBugError) else None
            return bad_row(self._job, row, str(error)), trace

    def _patiently(self, act: Callable[..., T], *args: Any) -> T:
        """Call `act`, with retries and exponential backoff while storage does not respond. Raises the last error."""
        for attempt in range(1, self._storage_attempts):
            try:
                return act(*args)
            except StorageUnreachableError:
                time.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
        return act(*args)


def actor_arguments(job: TableJob, parallel: Parallel) -> tuple[TableJob, bytes, RowLimits, int, logs.Job]:
    """Arguments of the constructor of a RowActor."""
    from ray.cloudpickle import cloudpickle

    stage = cloudpickle.dumps((job.stage, job.stage_args))
    limits = RowLimits(parallel.max_seconds_per_row, parallel.max_memory_gb_per_row, parallel.gpus_per_actor)
    return job, stage, limits, parallel.storage_attempts, logs.job()


def event_values(job: TableJob, row: Row) -> dict[str, Any]:
    """What all events of a row have in common."""
    return {"table": job.table, "shard": row.get(SHARD), "row": row["uri"], "attempt": row["attempts"]}


def no_room() -> ClusterError:
    """The error of a job for whose actors the cluster had no resources."""
    remedy = "Request fewer actors, CPUs or GPUs, or add machines."
    return ClusterError("the cluster", "had no free resources for the step.", remedy)


def bad_row(job: TableJob, row: Row, error: str) -> pa.Table:
    """The row of the table for a row without a result: what is known of it, and the error."""
    known = {name: row[name] for name in job.schema.names if name in row}
    return schemas.table(job.schema, [{**known, "error": error}])


def write_row(job: TableJob, made: pa.Table, row: Row) -> Status:
    """Write the part of a row. What the stage wrote elsewhere is complete by now.

    Columns of OURS that the table has are taken from `row`.
    """
    for name in OURS:
        index = made.schema.get_field_index(name)
        if index >= 0:
            column = pa.array([row.get(name)] * len(made), made.schema.field(index).type)
            made = made.set_column(index, made.schema.field(index), column)
    size = tables.write_part(job.table, made, row["uri"])
    return Status(
        uri=row["uri"],
        error=next(filter(None, made["error"].to_pylist()), None),
        judged=bool(job.judged) and any(made[job.judged].is_valid().to_pylist()),
        trace=None,
        units=_sum(made, job.unit) if job.unit else 0.0,
        busy_s=0.0,
        bytes=size,
        times={name: _sum(made, name) for name in job.times},
        counts={words: int(_sum(made, name)) for name, words in job.counted.items()},
    )


def _sum(made: pa.Table, column: str) -> float:
    return float(sum(amount or 0 for amount in made[column].to_pylist()))
