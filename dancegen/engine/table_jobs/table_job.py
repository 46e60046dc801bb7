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

from dancegen import logs, tables
from dancegen.engine.cluster.head_watch import watching_head
from dancegen.engine.cluster.session import await_room, start_ray
from dancegen.engine.messages import progress_file
from dancegen.engine.metrics import RowMetrics
from dancegen.engine.table_jobs.dataset_pool import dataset_statuses
from dancegen.engine.table_jobs.job import Row, Status, TableJob
from dancegen.engine.table_jobs.plan import Plan
from dancegen.engine.table_jobs.pool import RowPool
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.shards import Left, Shards
from dancegen.engine.table_jobs.summary import SetAside, Summary
from dancegen.errors import ConfigError
from dancegen.logs import notify

TELL_EVERY_S = 30.0  # between two events of progress in JSON lines

__all__ = ["TableJob", "run_table_job"]


def run_table_job(job: TableJob, rows: Iterable[Row], parallel: Parallel) -> Summary:
    """Make the table. Each row has a `uri` and a `version`; rows done before in the same version are skipped.

    A row with `gone` is always done again: the files that it wrote outside the table no longer exist.
    Raises ConfigError when there are no rows, TooManyBadRowsError above `max_error_fraction`, and any
    DanceGenError that the stage's constructor raises.
    """
    started = time.monotonic()
    with Plan(rows) as plan:
        if not len(plan):
            raise ConfigError(job.label, "there are none to process.", "Check the input in the settings.")
        tables.begin(job.table, job.schema, job.settings, overwrite=parallel.overwrite)
        summary = Summary(job.label, job.table, len(plan), 0, parallel, unit=job.unit, tolerant=job.tolerant)
        _process(job, plan, parallel, summary, started)
    summary.seconds = time.monotonic() - started
    notify(str(summary), **summary.numbers())
    summary.check()
    return summary


def _process(job: TableJob, plan: Plan, parallel: Parallel, summary: Summary, started: float) -> None:
    """Process the rows that are left, with a progress bar; counts all rows in the summary."""
    metrics, told = RowMetrics(job.label, job.unit), started
    with (
        Shards(job, plan, parallel) as shards,
        tqdm(total=len(plan), desc=job.label, mininterval=_interval_s(), file=progress_file()) as bar,
    ):
        left = shards.left(lambda opened: _skip(summary, bar, opened))
        for status in _statuses(job, left, parallel, summary.so_far):
            shards.done(status)
            _count(summary, status)
            metrics.count(status, left=summary.left)
            summary.seconds = time.monotonic() - started
            bar.set_postfix_str(summary.postfix(), refresh=False)
            bar.update()
            told = _log_progress(summary, told)


def _skip(summary: Summary, bar: "tqdm[Any]", opened: Left) -> None:
    """Count the rows of a shard that are not done in this run."""
    summary.done_before += opened.done
    summary.quarantined += opened.quarantined
    skipped = opened.done + len(opened.quarantined)
    if not bar.disable:  # by TQDM_DISABLE
        bar.initial += skipped  # they do not count as progress of this run
    bar.update(skipped)


def _count(summary: Summary, status: Status) -> None:
    summary.units += status["units"]
    summary.busy_s += status["busy_s"]
    if status["error"] is not None:
        summary.set_aside.append(SetAside(status["uri"], status["error"], status["judged"]))
    else:
        summary.done_now += 1
    if status["trace"] is not None:
        summary.bugs += 1
        if summary.bugs == 1:
            text = f"{status['error']} The first traceback; further ones are in Ray's logs:\n{status['trace'].rstrip()}"
            notify(text, logging.ERROR, row=status["uri"])


def _log_progress(summary: Summary, told: float) -> float:
    """Log how far the job is, at most every TELL_EVERY_S. Returns the time at which it was logged last."""
    if time.monotonic() - told < TELL_EVERY_S:
        return told
    logs.event("progress", **summary.numbers())
    return time.monotonic()


def _statuses(job: TableJob, rows: Iterator[Row], parallel: Parallel, so_far: Callable[[], str]) -> Iterator[Status]:
    """Process the rows; yields the status of each as it is done. Ray is started only if there are rows."""
    first = list(islice(rows, parallel.actors))
    if not first:
        return
    actors = len(first)
    start_ray(actors * parallel.cpus_per_actor, actors * parallel.gpus_per_actor)
    with watching_head(so_far):
        await_room(parallel.cpus_per_actor, parallel.gpus_per_actor)
        if job.ray_data:
            yield from dataset_statuses(job, chain(first, rows), parallel, actors)
        else:
            yield from RowPool(job, parallel, actors).statuses(chain(first, rows))


def _interval_s() -> float:
    """Seconds between two updates of the progress bar: a log file needs fewer than a terminal."""
    return 0.1 if sys.stderr.isatty() else 5.0
