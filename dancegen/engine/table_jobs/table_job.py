"""The one runner of all table steps: rows in, one part of a table out for each, spread over Ray's actors.

A row is known by its `uri`. Its part is written whole, under a name made from the uri, before Ray is
told that the row is done; so a killed actor's rows are simply done again, and a killed job goes on
where it stopped. A row that fails is written with its reason in `error` and how often it was tried in
`attempts`; the next runs try it again, until it is in quarantine.
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
from dancegen.engine.table_jobs.row_process import ATTEMPTS, BadRowError, RowBugError, RowLimits, RowProcess, StageError
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.summary import SetAside, Summary
from dancegen.errors import ClusterError, ConfigError, DanceGenError, StorageUnreachableError

FIRST_PAUSE_S = 1.0  # before a row is tried again when storage does not answer
MAX_BLOCKS = 2000  # one row a block up to here: progress and retries are then row by row
T = TypeVar("T")
Known = tuple[str, str | None]  # uri and version
STATUS = pa.schema(
    [
        ("uri", pa.string()),
        ("error", pa.string()),  # why the row is bad
        ("judged", pa.bool_()),  # the row is bad for what its content is
        ("trace", pa.string()),  # of the bug that made the row bad
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
    stage: Callable[..., Any]  # its class, or StageAt; called with a one-row table, gives a table of `schema`
    stage_args: tuple[Any, ...]  # of its constructor
    settings: dict[str, Any]  # what decides about the rows: a table holds rows of one such choice only
    unit: str = ""  # column whose sum tells how much was done, such as "frames"
    tolerant: bool = False  # its bad rows are for a later step to judge
    judged: str = ""  # column that a row has once its content was judged: an error beside it is no failure


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
    done_before = len(rows) - len(left) - len(quarantined)
    summary = Summary(job.label, job.table, len(rows), done_before, parallel, quarantined, job.unit, job.tolerant)
    with tqdm(total=len(rows), initial=len(rows) - len(left), desc=job.label, mininterval=_interval_s()) as bar:
        for status in _statuses(job, left, parallel, summary.so_far):
            if status["fatal"] is not None:
                raise pickle.loads(status["fatal"])
            _count(summary, status)
            summary.seconds = time.monotonic() - started
            bar.set_postfix_str(summary.postfix(), refresh=False)
            bar.update()
    summary.seconds = time.monotonic() - started
    tqdm.write(str(summary), file=sys.stderr)
    summary.check()
    return summary


def _left(job: TableJob, rows: list[dict[str, Any]], parallel: Parallel) -> tuple[list[dict[str, Any]], list[SetAside]]:
    """The rows still to do, each with how often it will have been tried, and those that stay in quarantine."""
    done, failed = _past(job)
    left, quarantined = [], []
    for row in rows:
        known = (row["uri"], row["version"])
        if known in done and not row.get("gone"):
            continue
        tried, before = failed.get(known, (0, None))
        if before is not None and tried >= parallel.quarantine_after and not parallel.retry_quarantined:
            quarantined.append(before)
        else:
            left.append({**row, "attempts": tried + 1})
    return left, quarantined


def _past(job: TableJob) -> tuple[set[Known], dict[Known, tuple[int, SetAside]]]:
    """The good rows that the table holds, and the bad ones with how often they were tried."""
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
            told = f"{status['error']} The first traceback; further ones are in Ray's logs:\n{status['trace'].rstrip()}"
            tqdm.write(told, file=sys.stderr)


def _statuses(
    job: TableJob, rows: list[dict[str, Any]], parallel: Parallel, so_far: Callable[[], str]
) -> Iterator[dict[str, Any]]:
    """Does the rows; gives uri and error of each as it is done. Here and in start_ray is all of Ray."""
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
        remedy = "Ask for fewer actors, CPUs or GPUs, or add machines."
        raise ClusterError("the cluster", "gave the step nothing to run on.", remedy) from error


class _RowActor:
    """What Ray's actors run: each row in a child process, its part to storage, its status to the driver."""

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
        """How much of the job's unit a row gave that was finished before this actor died; None when it was not.

        The driver saw no good part of this version when it started, so one that is there was made since then.
        """
        if row.get("gone"):  # of such a row it did see one
            return None
        unit = self._job.unit
        part = tables.find_part(
            self._job.table, self._job.schema, row["uri"], ["version", "error", *filter(None, [unit])]
        )
        if part is None or part["version"] != row["version"] or part["error"] is not None:
            return None
        return float(part[unit] or 0) if unit else 0.0

    def _made(self, row: dict[str, Any]) -> tuple[pa.Table, str | None]:
        """The stage's table, or one with the reason why there is none; and the traceback of a bug."""
        try:
            return self._patiently(self._process.run, pa.Table.from_pylist([row]), row["uri"]), None
        except (BadRowError, StorageUnreachableError) as error:
            known = {name: row[name] for name in self._job.schema.names if name in row}
            trace = error.trace if isinstance(error, RowBugError) else None
            return schemas.table(self._job.schema, [{**known, "error": str(error)}]), trace

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
