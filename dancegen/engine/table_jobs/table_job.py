"""The runner of all table steps: takes rows, writes one part of a table per row, distributed across Ray actors.

A row is identified by its `uri`. Its part is written atomically, under a name derived from the uri, before
the row is reported as done to Ray. The rows of a killed actor are therefore done again, and a killed job
resumes where it stopped. A row that fails is written with its reason in `error` and the number of attempts
in `attempts`; the next runs retry it until it is in quarantine.
"""

import pickle
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pyarrow as pa
from tqdm import tqdm

from dancegen import schema as schemas
from dancegen import tables
from dancegen.engine.cluster.head_watch import watching_head
from dancegen.engine.cluster.session import await_room, quiet_ray_data, start_ray, worker_environment
from dancegen.engine.metrics import RowMetrics
from dancegen.engine.table_jobs.row_process import ATTEMPTS, BadRowError, RowBugError, RowLimits, RowProcess, StageError
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.summary import SetAside, Summary
from dancegen.errors import ClusterError, ConfigError, DanceGenError, StorageUnreachableError

FIRST_PAUSE_S = 1.0  # before a row is retried when storage does not respond
MAX_BLOCKS = 2000  # one row per block up to this number: progress and retries are then per row
T = TypeVar("T")
Known = tuple[str, str | None]  # uri and version
STATUS = pa.schema(
    [
        ("uri", pa.string()),
        ("error", pa.string()),  # why the row is bad
        ("judged", pa.bool_()),  # the row is bad because of its content
        ("trace", pa.string()),  # traceback of the bug that made the row bad
        ("fatal", pa.binary()),  # pickled exception that ends the job: no row can be processed
        ("units", pa.float64()),  # amount done, in the job's unit
        ("busy_s", pa.float64()),  # time that the actor spent on the row
    ]
)


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
    judged: str = ""  # column that is set once the content was judged: an error beside it is not a failure


def run_table_job(job: TableJob, rows: list[dict[str, Any]], parallel: Parallel) -> Summary:
    """Make the table. Each row has a `uri` and a `version`; rows done before in the same version are skipped.

    A row with `gone` is always done again: the files that it wrote outside the table no longer exist.
    Raises ConfigError when there are no rows, TooManyBadRowsError above `max_error_fraction`, and any
    DanceGenError that the stage's constructor raises.
    """
    if not rows:
        raise ConfigError(job.label, "there are none to process.", "Check the input in the settings.")
    started = time.monotonic()
    tables.begin(job.table, job.schema, job.settings, overwrite=parallel.overwrite)
    left, quarantined = _left(job, rows, parallel)
    done_before = len(rows) - len(left) - len(quarantined)
    summary = Summary(job.label, job.table, len(rows), done_before, parallel, quarantined, job.unit, job.tolerant)
    metrics = RowMetrics(job.label, job.unit)
    with tqdm(total=len(rows), initial=len(rows) - len(left), desc=job.label, mininterval=_interval_s()) as bar:
        for status in _statuses(job, left, parallel, summary.so_far):
            if status["fatal"] is not None:
                raise pickle.loads(status["fatal"])
            _count(summary, status)
            metrics.count(status, left=summary.left)
            summary.seconds = time.monotonic() - started
            bar.set_postfix_str(summary.postfix(), refresh=False)
            bar.update()
    summary.seconds = time.monotonic() - started
    tqdm.write(str(summary), file=sys.stderr)
    summary.check()
    return summary


def _left(job: TableJob, rows: list[dict[str, Any]], parallel: Parallel) -> tuple[list[dict[str, Any]], list[SetAside]]:
    """The rows still to do, each with the number of its next attempt, and the rows that stay in quarantine."""
    done, failed = _past(job)
    left, quarantined = [], []
    for row in rows:
        known = (row["uri"], row["version"])
        if known in done and not row.get("gone"):
            continue
        tried, before = failed.get(known, (0, None))
        if before is not None and tried >= parallel.max_attempts and not parallel.retry_quarantined:
            quarantined.append(before)
        else:
            left.append({**row, "attempts": tried + 1})
    return left, quarantined


def _past(job: TableJob) -> tuple[set[Known], dict[Known, tuple[int, SetAside]]]:
    """The good rows of the table, and the bad rows with their number of attempts."""
    done: set[Known] = set()
    failed: dict[Known, tuple[int, SetAside]] = {}
    if tables.parts(job.table):
        columns = ["uri", "version", "attempts", "error", *filter(None, [job.judged])]
        for row in tables.read(job.table, job.schema, columns).to_pylist():
            known = (row["uri"], row["version"])
            if row["error"] is None:
                done.add(known)
            else:
                judged = bool(job.judged) and row[job.judged] is not None
                failed[known] = (row["attempts"] or 1, SetAside(row["uri"], row["error"], judged))
    return done, failed


def _count(summary: Summary, status: dict[str, Any]) -> None:
    summary.units += status["units"]
    summary.busy_s += status["busy_s"]
    if status["error"] is not None:
        summary.set_aside.append(SetAside(status["uri"], status["error"], bool(status["judged"])))
    else:
        summary.done_now += 1
    if status["trace"] is not None:
        summary.bugs += 1
        if summary.bugs == 1:
            text = f"{status['error']} The first traceback; further ones are in Ray's logs:\n{status['trace'].rstrip()}"
            tqdm.write(text, file=sys.stderr)


def _statuses(
    job: TableJob, rows: list[dict[str, Any]], parallel: Parallel, so_far: Callable[[], str]
) -> Iterator[dict[str, Any]]:
    """Process the rows; yields the status of each as it is done. All use of Ray is here and in start_ray."""
    if not rows:
        return
    actors = min(parallel.actors, len(rows))
    start_ray(actors * parallel.cpus_per_actor, actors * parallel.gpus_per_actor)
    with watching_head(so_far):
        await_room(parallel.cpus_per_actor, parallel.gpus_per_actor)
        yield from _spread(job, rows, parallel, actors)


def _spread(job: TableJob, rows: list[dict[str, Any]], parallel: Parallel, actors: int) -> Iterator[dict[str, Any]]:
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
        remedy = "Request fewer actors, CPUs or GPUs, or add machines."
        raise ClusterError("the cluster", "had no free resources for the step.", remedy) from error


class _RowActor:
    """Ray actor: runs each row in a child process, writes its part to storage, returns its status to the driver."""

    def __init__(self, job: TableJob, stage: bytes, limits: RowLimits, storage_attempts: int) -> None:
        import ray

        self._job, self._storage_attempts = job, storage_attempts
        self._again = ray.get_runtime_context().was_current_actor_reconstructed
        self._process = RowProcess(stage, limits)

    def __call__(self, batch: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([self._one(row) for row in batch["row"].to_pylist()], schema=STATUS)

    def _one(self, row: dict[str, Any]) -> dict[str, Any]:
        started = time.monotonic()
        bug = None
        try:
            if self._again and (units := self._patiently(self._done_before, row)) is not None:
                return {"uri": row["uri"], "units": units, "busy_s": 0.0}
            made, bug = self._made(row)
            made = _with_attempts(made, row["attempts"])
            self._patiently(tables.write_part, self._job.table, made, row["uri"])
        except (DanceGenError, StageError) as error:
            return {"uri": row["uri"], "fatal": pickle.dumps(error), "units": 0.0, "busy_s": 0.0}
        return {
            "uri": row["uri"],
            "error": next(filter(None, made["error"].to_pylist()), None),
            "judged": bool(self._job.judged) and any(made[self._job.judged].is_valid().to_pylist()),
            "trace": bug,
            "units": _amount(made, self._job.unit),
            "busy_s": time.monotonic() - started,
        }

    def _done_before(self, row: dict[str, Any]) -> float | None:
        """Amount, in the job's unit, of a row that was finished before this actor died; None when it was not.

        The driver found no good part of this version when it started, so an existing one was written since then.
        """
        if row.get("gone"):  # for such a row the driver did find one
            return None
        unit = self._job.unit
        part = tables.find_part(
            self._job.table, self._job.schema, row["uri"], ["version", "error", *filter(None, [unit])]
        )
        if part is None or part["version"] != row["version"] or part["error"] is not None:
            return None
        return float(part[unit] or 0) if unit else 0.0

    def _made(self, row: dict[str, Any]) -> tuple[pa.Table, str | None]:
        """The stage's table, or one with the row's error; and the traceback of a bug."""
        try:
            return self._patiently(self._process.run, pa.Table.from_pylist([row]), row["uri"]), None
        except (BadRowError, StorageUnreachableError) as error:
            known = {name: row[name] for name in self._job.schema.names if name in row}
            trace = error.trace if isinstance(error, RowBugError) else None
            return schemas.table(self._job.schema, [{**known, "error": str(error)}]), trace

    def _patiently(self, act: Callable[..., T], *args: Any) -> T:
        """Call `act`, with retries and exponential backoff while storage does not respond. Raises the last error."""
        for attempt in range(1, self._storage_attempts):
            try:
                return act(*args)
            except StorageUnreachableError:
                time.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
        return act(*args)


def _amount(made: pa.Table, unit: str) -> float:
    """Amount done, in the job's unit."""
    return float(sum(amount or 0 for amount in made[unit].to_pylist())) if unit else 0.0


def _with_attempts(made: pa.Table, attempts: int) -> pa.Table:
    column = made.schema.get_field_index("attempts")
    return made.set_column(column, made.schema.field(column), pa.array([attempts] * len(made), pa.int32()))


def _interval_s() -> float:
    """Seconds between two updates of the progress bar: a log file needs fewer than a terminal."""
    return 0.1 if sys.stderr.isatty() else 5.0
