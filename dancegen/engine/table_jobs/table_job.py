"""The runner of all table steps: takes rows, writes one part of a table per row, distributed across Ray actors.

    rows -> plan.py      the rows in shards of about a thousand, by the hash of their uri, in a file
         -> shards.py    opens shard after shard: which rows are left to do
         -> pool.py      hands rows out to actors, and replaces lost actors; dataset_pool.py does so by Ray Data
         -> row_actor.py runs a row in a child process (row_process.py), writes its part
         -> shards.py    compacts the parts of a shard whose rows are done to one file

A row is identified by its `uri`. Its part is written atomically, under a name derived from the uri, before the row is
reported as done. The rows of a killed actor are therefore done again, and a killed job resumes where it stopped. A row
that fails is written with its reason in `error` and the number of attempts in `attempts`; the next runs retry it until
it is in quarantine.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from tqdm import tqdm

from dancegen import tables
from dancegen.engine.cluster.head_watch import watching_head
from dancegen.engine.cluster.session import await_room, start_ray
from dancegen.engine.messages import ProgressEvents, progress_file
from dancegen.engine.metrics import RowMetrics
from dancegen.engine.prices import actor_price
from dancegen.engine.table_jobs.cost import LEVEL, Budget, CancelledError
from dancegen.engine.table_jobs.dataset_pool import dataset_statuses
from dancegen.engine.table_jobs.job import Row, Status, TableJob
from dancegen.engine.table_jobs.plan import Plan
from dancegen.engine.table_jobs.pool import RowPool
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.shards import Left, Shards
from dancegen.engine.table_jobs.summary import Summary
from dancegen.errors import ConfigError
from dancegen.logs import notify

UNLIMITED = Budget()

__all__ = ["TableJob", "run_table_job"]


def run_table_job(
    job: TableJob,
    rows: Iterable[Row],
    parallel: Parallel,
    budget: Budget = UNLIMITED,
    begun: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Make the table. Each row has a `uri` and a `version`; rows done before in the same version are skipped.

    A row with `gone` is always done again: the files that it wrote outside the table no longer exist. `begun` is called
    with the state of the job, which goes on changing, once all rows are known.
    Raises ConfigError when there are no rows, TooManyBadRowsError above `max_error_fraction`, CancelledError when the
    budget says so, and any DanceGenError that the stage's constructor raises.
    """
    started, price = time.monotonic(), actor_price(parallel)
    if budget.max_cost is not None and not price.per_hour:
        remedy = "Give machine=, or price_per_cpu_hour= and price_per_gpu_hour=."
        raise ConfigError(f"max_cost={budget.max_cost:g}", "needs to know what an actor costs.", remedy)
    with Plan(rows) as plan:
        if not len(plan):
            raise ConfigError(job.label, "there are none to process.", "Check the input in the settings.")
        tables.begin(job.table, job.schema, job.settings, overwrite=parallel.overwrite)
        summary = Summary(
            job.label, job.table, len(plan), 0, parallel, unit=job.unit, tolerant=job.tolerant, price=price
        )
        begun(summary)
        _process(job, plan, parallel, budget, summary, started)
    summary.seconds = time.monotonic() - started
    notify(str(summary), **summary.numbers())
    if summary.left:
        notify(_left(summary, budget))
    summary.check()
    return summary


def _process(job: TableJob, plan: Plan, parallel: Parallel, budget: Budget, summary: Summary, started: float) -> None:
    """Process the rows that are left, with a progress bar; counts all rows in the summary."""
    metrics, progress = RowMetrics(job.label, job.unit), ProgressEvents()
    with (
        Shards(job, plan, parallel) as shards,
        tqdm(total=len(plan), desc=job.label, mininterval=_interval_s(), file=progress_file()) as bar,
    ):
        left = shards.left(lambda opened: _skip(summary, bar, opened))
        for status in _statuses(job, islice(left, budget.sample or None), parallel, budget, summary):
            shards.done(status)
            summary.count(status)
            _tell_first_bug(summary, status)
            metrics.count(status, left=summary.left)
            summary.seconds = time.monotonic() - started
            bar.set_postfix_str(summary.postfix(), refresh=False)
            bar.update()
            progress.tell(**summary.numbers())
        for _ in left:
            pass  # opens the other shards, so that their finished rows are counted


def _skip(summary: Summary, bar: "tqdm[Any]", opened: Left) -> None:
    """Count the rows of a shard that are not done in this run."""
    summary.opened += opened.done + len(opened.quarantined) + len(opened.rows)
    summary.done_before += opened.done
    summary.quarantined += opened.quarantined
    skipped = opened.done + len(opened.quarantined)
    if not bar.disable:  # by TQDM_DISABLE
        bar.initial += skipped  # they do not count as progress of this run
    bar.update(skipped)


def _tell_first_bug(summary: Summary, status: Status) -> None:
    if status["trace"] is not None and summary.bugs == 1:
        text = f"{status['error']} The first traceback; further ones are in Ray's logs:\n{status['trace'].rstrip()}"
        notify(text, logging.ERROR, row=status["uri"])


def _statuses(
    job: TableJob, rows: Iterator[Row], parallel: Parallel, budget: Budget, summary: Summary
) -> Iterator[Status]:
    """Process the rows; yields the status of each as it is done. Ray is started only if there are rows."""
    first = list(islice(rows, parallel.actors))
    if not first:
        return
    actors, spending = len(first), summary.spending
    start_ray(actors * parallel.cpus_per_actor, actors * parallel.gpus_per_actor)

    def enough() -> bool:
        if budget.cancelled():
            raise CancelledError
        cost = budget.spent + budget.beside() + summary.price.of(spending.committed_s(time.monotonic()))
        return budget.max_cost is not None and cost > budget.max_cost

    with watching_head(summary.so_far):
        await_room(parallel.cpus_per_actor, parallel.gpus_per_actor, budget.cancelled)
        if job.ray_data:
            yield from dataset_statuses(job, chain(first, rows), parallel, actors)
        else:
            yield from RowPool(job, parallel, actors, spending).statuses(chain(first, rows), enough)
    if budget.sample:
        from dancegen.engine.cluster.capacity import places  # late: imports Ray

        spending.most = max(
            spending.most, min(parallel.actors, places(parallel.cpus_per_actor, parallel.gpus_per_actor))
        )


def _left(summary: Summary, budget: Budget) -> str:
    """What a run that its budget ended has left, and how to go on."""
    count, actors = f"{summary.left:,} {summary.label} are left", summary.spending.most
    rest = summary.rest(actors)
    forecast = f": {rest} with {actors:,} actors, with a probability of {LEVEL:.0%}" if rest else ""
    if budget.sample:
        return f"  from a sample of {summary.spending.rows:,}: {count}{forecast}. To do them, run without estimate="
    remedy = "To go on, run the same command again; max_cost is that of each run"
    return f"  stopped at max_cost={budget.max_cost:g}: {count}{forecast}. {remedy}"


def _interval_s() -> float:
    """Seconds between two updates of the progress bar: a log file needs fewer than a terminal."""
    return 0.1 if sys.stderr.isatty() else 5.0
