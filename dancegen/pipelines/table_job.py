"""The one runner of all table steps: rows in, one part of a table out for each, spread over Ray's actors.

A row is known by its `uri`. Its part is written whole, under a name made from the uri, before Ray is
told that the row is done; so a killed actor's rows are simply done again, and a killed job goes on
where it stopped. A row that fails is written with its reason in `error`; the next run tries it again.
"""

import pickle
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import pyarrow.dataset as pads
from tqdm import tqdm

from dancegen import schema as schemas
from dancegen import tables
from dancegen.errors import ClusterError, ConfigError, DanceGenError, TooManyBadRowsError
from dancegen.pipelines.ray_session import await_room, quiet_ray_data, start_ray
from dancegen.pipelines.row_process import ATTEMPTS, BadRowError, RowLimits, RowProcess, StageError
from dancegen.settings.parallel import Parallel

MAX_BLOCKS = 2000  # one row a block up to here: progress and retries are then row by row
STATUS = pa.schema(
    [
        ("uri", pa.string()),
        ("error", pa.string()),  # why the row is bad
        ("fatal", pa.binary()),  # pickled exception that ends the job: no row can be done
    ]
)


@dataclass(frozen=True)
class TableJob:
    """What is made: a stage's rows, in a table."""

    label: str  # what a row is, in the plural: "videos"
    table: str  # URI of the table
    schema: pa.Schema  # of the rows that the stage gives; has uri, version and error
    stage: type  # called with a one-row table of the job's input, gives a table of `schema`
    stage_args: tuple[Any, ...]  # of its constructor
    settings: dict[str, Any]  # what decides about the rows: a table holds rows of one such choice only


@dataclass(frozen=True)
class Summary:
    """How a table step ended."""

    label: str
    table: str
    rows: int
    done_before: int
    bad: int
    seconds: float

    def __str__(self) -> str:
        before = f" ({self.done_before:,} done before)" if self.done_before else ""
        done = (
            f"{self.rows - self.bad:,} of {self.rows:,} {self.label} done{before} in {self.seconds:.0f} s: {self.table}"
        )
        if not self.bad:
            return done
        return f"{done}\n{self.bad:,} of {self.rows:,} {self.label} set aside; reasons in {self.table}, column error"


def run_table_job(job: TableJob, rows: list[dict[str, Any]], parallel: Parallel) -> Summary:
    """Make the table. Each row has a `uri` and a `version`; rows done before in the same version are skipped.

    Raises ConfigError when there are no rows, TooManyBadRowsError past `max_bad_share`, and whatever
    DanceGenError the stage's constructor raises.
    """
    if not rows:
        raise ConfigError(job.label, "there are none to work on.", "Check the input that the settings name.")
    started = time.monotonic()
    tables.begin(job.table, job.schema, job.settings, overwrite=parallel.overwrite)
    done = _done(job)
    left = [row for row in rows if row["version"] is None or (row["uri"], row["version"]) not in done]
    bad: list[str] = []
    with tqdm(total=len(rows), initial=len(rows) - len(left), desc=job.label, mininterval=_interval_s()) as bar:
        for status in _statuses(job, left, parallel):
            if status["fatal"] is not None:
                raise pickle.loads(status["fatal"])
            if status["error"] is not None:
                bad.append(status["error"])
                bar.set_postfix_str(f"{len(bad):,} set aside", refresh=False)
            bar.update()
    summary = Summary(job.label, job.table, len(rows), len(rows) - len(left), len(bad), time.monotonic() - started)
    tqdm.write(str(summary), file=sys.stderr)
    if len(bad) > parallel.max_bad_share * len(rows):
        problem = f"{len(bad):,} of {len(rows):,} {job.label} ended with an error; the first: {bad[0]}"
        remedy = (
            f"See its column error; raise max_bad_share (now {parallel.max_bad_share:g}) if that is to be expected."
        )
        raise TooManyBadRowsError(job.table, problem, remedy)
    return summary


def _done(job: TableJob) -> set[tuple[str, str]]:
    """Uri and version of the good rows that the table holds."""
    if not tables.parts(job.table):
        return set()
    good = tables.read(job.table, job.schema, ["uri", "version"], where=pads.field("error").is_null())
    return set(zip(good["uri"].to_pylist(), good["version"].to_pylist(), strict=True))


def _statuses(job: TableJob, rows: list[dict[str, Any]], parallel: Parallel) -> Iterator[dict[str, Any]]:
    """Does the rows; gives uri and error of each as it is done. Here and in start_ray is all of Ray."""
    if not rows:
        return
    actors = min(parallel.actors, len(rows))
    start_ray(actors * parallel.cpus_per_actor, actors * parallel.gpus_per_actor)
    await_room(parallel.cpus_per_actor, parallel.gpus_per_actor)
    quiet_ray_data()
    import ray
    from ray.cloudpickle import cloudpickle
    from ray.data.exceptions import ExecutionTimeoutError

    blocks = min(len(rows), MAX_BLOCKS)
    dataset = ray.data.from_items([{"row": row} for row in rows], override_num_blocks=blocks)
    stage = cloudpickle.dumps((job.stage, job.stage_args))
    limits = RowLimits(parallel.max_seconds_per_row, parallel.max_memory_gb_per_row)
    statuses = dataset.map_batches(
        _RowActor,
        batch_format="pyarrow",
        batch_size=1,
        fn_constructor_args=(job.table, job.schema, stage, limits),
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=parallel.cpus_per_actor,
        num_gpus=parallel.gpus_per_actor,
    )
    statuses.context.enable_progress_bars = False
    statuses.context.print_on_execution_start = False
    slowest_block_s = limits.seconds * ATTEMPTS * -(-len(rows) // blocks)
    statuses.context.execution_no_progress_timeout_s = int(slowest_block_s) + 1800  # guards against too small a cluster
    try:
        for batch in statuses.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            yield from cast(pa.Table, batch).to_pylist()
    except ExecutionTimeoutError as error:
        remedy = "Ask for fewer actors, CPUs or GPUs, or add machines."
        raise ClusterError("the cluster", "gave the step nothing to run on.", remedy) from error


class _RowActor:
    """What Ray's actors run: each row in a child process, its part to storage, its status to the driver."""

    def __init__(self, table: str, schema: pa.Schema, stage: bytes, limits: RowLimits) -> None:
        self._table, self._schema = table, schema
        self._process = RowProcess(stage, limits)

    def __call__(self, batch: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([self._one(row) for row in batch["row"].to_pylist()], schema=STATUS)

    def _one(self, row: dict[str, Any]) -> dict[str, Any]:
        try:
            made = self._made(row)
            tables.write_part(self._table, made, key=row["uri"])
        except (DanceGenError, StageError) as error:
            return {"uri": row["uri"], "fatal": pickle.dumps(error)}
        return {"uri": row["uri"], "error": next(filter(None, made["error"].to_pylist()), None)}

    def _made(self, row: dict[str, Any]) -> pa.Table:
        try:
            return self._process.run(pa.Table.from_pylist([row]), row["uri"])
        except BadRowError as error:
            known = {name: row[name] for name in self._schema.names if name in row}
            return schemas.table(self._schema, [{**known, "error": str(error)}])


def _interval_s() -> float:
    """Seconds between two states of the progress bar: a log file needs fewer than a terminal."""
    return 0.1 if sys.stderr.isatty() else 5.0
