"""The one runner of all table steps: rows in, one part of a table out for each, spread over Ray's actors.

A row is known by its `uri`. Its part is written whole, under a name made from the uri, before Ray is
told that the row is done; so a killed actor's rows are simply done again, and a killed job goes on
where it stopped. A row that fails is written with its reason in `error` and how often it was tried in
`attempts`; the next runs try it again, until it is in quarantine.
"""

import pickle
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pyarrow as pa
import pyarrow.dataset as pads
from tqdm import tqdm

from dancegen import schema as schemas
from dancegen import tables
from dancegen.errors import (
    ClusterError,
    ConfigError,
    DanceGenError,
    StorageUnreachableError,
    TooManyBadRowsError,
)
from dancegen.pipelines.ray_session import await_room, quiet_ray_data, start_ray, worker_environment
from dancegen.pipelines.row_process import ATTEMPTS, BadRowError, RowLimits, RowProcess, StageError
from dancegen.settings.parallel import Parallel

FIRST_PAUSE_S = 1.0  # before a row is tried again when storage does not answer
MAX_BLOCKS = 2000  # one row a block up to here: progress and retries are then row by row
T = TypeVar("T")
STATUS = pa.schema(
    [
        ("uri", pa.string()),
        ("error", pa.string()),  # why the row is bad
        ("fatal", pa.binary()),  # pickled exception that ends the job: no row can be done
        ("units", pa.float64()),  # what was done, in the job's unit
        ("busy_s", pa.float64()),  # how long the row kept its actor busy
    ]
)


@dataclass(frozen=True)
class TableJob:
    """What is made: a stage's rows, in a table."""

    label: str  # what a row is, in the plural: "videos"
    table: str  # URI of the table
    schema: pa.Schema  # of the rows that the stage gives; has uri, version, attempts and error
    stage: type  # called with a one-row table of the job's input, gives a table of `schema`
    stage_args: tuple[Any, ...]  # of its constructor
    settings: dict[str, Any]  # what decides about the rows: a table holds rows of one such choice only
    unit: str = ""  # column whose sum tells how much was done, such as "frames"
    tolerant: bool = False  # its bad rows are for a later step to judge


@dataclass
class Summary:
    """How a table step ended, or stands."""

    label: str
    table: str
    rows: int
    done_before: int
    quarantined: int
    parallel: Parallel
    unit: str = ""
    units: float = 0.0
    busy_s: float = 0.0
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def bad(self) -> int:
        """Rows without a result: those that failed now, and those in quarantine."""
        return len(self.errors) + self.quarantined

    def __str__(self) -> str:
        before = f" ({self.done_before:,} done before)" if self.done_before else ""
        lines = [
            f"{self.rows - self.bad:,} of {self.rows:,} {self.label} done{before} in {self.seconds:.0f} s: {self.table}"
        ]
        if self.busy_s:
            lines.append(f"  {self._throughput()}{self._cost()}")
        if self.bad:
            kept = f" ({self.quarantined:,} in quarantine: they failed in earlier runs)" if self.quarantined else ""
            lines.append(
                f"{self.bad:,} of {self.rows:,} {self.label} set aside{kept}; reasons in {self.table}, column error"
            )
        return "\n".join(lines)

    def _throughput(self) -> str:
        if not self.unit:
            return ""
        return f"{self.units:,.0f} {self.unit}, {self.units / max(self.seconds, 1e-9):,.0f} a second; "

    def _cost(self) -> str:
        """Cores and GPUs set aside while rows were worked on; money where prices are known."""
        hours, parallel = self.busy_s / 3600, self.parallel
        cpus, gpus = hours * parallel.cpus_per_actor, hours * parallel.gpus_per_actor
        money = cpus * parallel.price_per_cpu_hour + gpus * parallel.price_per_gpu_hour
        gpu_text = f", {gpus:.3g} GPU hours" if gpus else ""
        return f"{cpus:.3g} CPU hours{gpu_text}" + (f", cost {money:,.2f}" if money else "")


def run_table_job(job: TableJob, rows: list[dict[str, Any]], parallel: Parallel) -> Summary:
    """Make the table. Each row has a `uri` and a `version`; rows done before in the same version are skipped.

    A row with `gone` is done whatever the table says: what it made beside the table is not there any more.
    Raises ConfigError when there are no rows, TooManyBadRowsError past `max_bad_share`, and whatever
    DanceGenError the stage's constructor raises.
    """
    if not rows:
        raise ConfigError(job.label, "there are none to work on.", "Check the input that the settings name.")
    started = time.monotonic()
    tables.begin(job.table, job.schema, job.settings, overwrite=parallel.overwrite)
    left, quarantined = _left(job, rows, parallel)
    done_before = len(rows) - len(left) - quarantined
    summary = Summary(job.label, job.table, len(rows), done_before, quarantined, parallel, job.unit)
    with tqdm(total=len(rows), initial=len(rows) - len(left), desc=job.label, mininterval=_interval_s()) as bar:
        for status in _statuses(job, left, parallel):
            if status["fatal"] is not None:
                raise pickle.loads(status["fatal"])
            _count(summary, status)
            summary.seconds = time.monotonic() - started
            bar.set_postfix_str(_postfix(summary), refresh=False)
            bar.update()
    summary.seconds = time.monotonic() - started
    tqdm.write(str(summary), file=sys.stderr)
    if summary.bad > parallel.max_bad_share * len(rows) and not job.tolerant:
        first = f"; the first: {summary.errors[0]}" if summary.errors else ""
        problem = f"{summary.bad:,} of {len(rows):,} {job.label} ended with an error{first}"
        remedy = (
            f"See its column error; raise max_bad_share (now {parallel.max_bad_share:g}) if that is to be expected."
        )
        raise TooManyBadRowsError(job.table, problem, remedy)
    return summary


def _left(job: TableJob, rows: list[dict[str, Any]], parallel: Parallel) -> tuple[list[dict[str, Any]], int]:
    """The rows still to do, each with how often it will have been tried, and how many stay in quarantine."""
    done, failed = _past(job)
    left, quarantined = [], 0
    for row in rows:
        known = (row["uri"], row["version"])
        if known in done and not row.get("gone"):
            continue
        tried = failed.get(known, 0)
        if tried >= parallel.quarantine_after and not parallel.retry_quarantined:
            quarantined += 1
        else:
            left.append({**row, "attempts": tried + 1})
    return left, quarantined


def _past(job: TableJob) -> tuple[set[tuple[str, str]], Counter[tuple[str, str | None]]]:
    """Uri and version of the good rows that the table holds; those of the bad ones, and how often they were tried."""
    if not tables.parts(job.table):
        return set(), Counter()
    past = tables.read(job.table, job.schema, ["uri", "version", "attempts", "error"])
    done, failed = past.filter(pads.field("error").is_null()), past.filter(pads.field("error").is_valid())
    keys = zip(failed["uri"].to_pylist(), failed["version"].to_pylist(), strict=True)
    tried = Counter({key: count or 1 for key, count in zip(keys, failed["attempts"].to_pylist(), strict=True)})
    return set(zip(done["uri"].to_pylist(), done["version"].to_pylist(), strict=True)), tried


def _count(summary: Summary, status: dict[str, Any]) -> None:
    summary.units += status["units"]
    summary.busy_s += status["busy_s"]
    if status["error"] is not None:
        summary.errors.append(status["error"])


def _postfix(summary: Summary) -> str:
    """What the progress bar says besides rows: the rate in the job's own unit, and how many were set aside."""
    rate = f"{summary.units / max(summary.seconds, 1e-9):,.0f} {summary.unit}/s" if summary.unit else ""
    bad = f"{summary.bad:,} set aside" if summary.bad else ""
    return ", ".join(filter(None, (rate, bad)))


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
        fn_constructor_args=(job, stage, limits, parallel.storage_attempts),
        compute=ray.data.ActorPoolStrategy(min_size=min(parallel.min_actors, actors), max_size=actors),
        num_cpus=parallel.cpus_per_actor,
        num_gpus=parallel.gpus_per_actor,
        **worker_environment(),
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

    def __init__(self, job: TableJob, stage: bytes, limits: RowLimits, storage_attempts: int) -> None:
        self._job, self._storage_attempts = job, storage_attempts
        self._process = RowProcess(stage, limits)

    def __call__(self, batch: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([self._one(row) for row in batch["row"].to_pylist()], schema=STATUS)

    def _one(self, row: dict[str, Any]) -> dict[str, Any]:
        started = time.monotonic()
        try:
            made = _with_attempts(self._made(row), row["attempts"])
            self._patiently(tables.write_part, self._job.table, made, row["uri"])
        except (DanceGenError, StageError) as error:
            return {"uri": row["uri"], "fatal": pickle.dumps(error), "units": 0.0, "busy_s": 0.0}
        return {
            "uri": row["uri"],
            "error": next(filter(None, made["error"].to_pylist()), None),
            "units": _amount(made, self._job.unit),
            "busy_s": time.monotonic() - started,
        }

    def _made(self, row: dict[str, Any]) -> pa.Table:
        try:
            return self._patiently(self._process.run, pa.Table.from_pylist([row]), row["uri"])
        except (BadRowError, StorageUnreachableError) as error:
            known = {name: row[name] for name in self._job.schema.names if name in row}
            return schemas.table(self._job.schema, [{**known, "error": str(error)}])

    def _patiently(self, act: Callable[..., T], *args: Any) -> T:
        """Again, and later each time, while storage does not answer; the last time's error is raised."""
        for attempt in range(1, self._storage_attempts):
            try:
                return act(*args)
            except StorageUnreachableError:
                time.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
        return act(*args)


def _amount(made: pa.Table, unit: str) -> float:
    """How much was done, in the job's unit."""
    return float(sum(amount or 0 for amount in made[unit].to_pylist())) if unit else 0.0


def _with_attempts(made: pa.Table, attempts: int) -> pa.Table:
    column = made.schema.get_field_index("attempts")
    return made.set_column(column, made.schema.field(column), pa.array([attempts] * len(made), pa.int32()))


def _interval_s() -> float:
    """Seconds between two states of the progress bar: a log file needs fewer than a terminal."""
    return 0.1 if sys.stderr.isatty() else 5.0
