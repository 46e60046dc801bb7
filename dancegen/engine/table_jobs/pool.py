"""The pool of Ray actors that rows are handed out to. Jobs over videos use Ray Data instead: dataset_pool.py.

Rows are taken from an iterator only as actors become free, so their number does not matter. An actor has one batch at a
time: a single row, or several rows that take about BATCH_S together, because handing out a row costs a millisecond.
schedule.py decides; this module starts, watches and ends the actors. A node that is about to be taken away gets no new
rows, and its actors end when they have finished those that they have.
"""

import logging
import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

from dancegen import logs
from dancegen.engine.cluster.internals import draining_nodes
from dancegen.engine.cluster.session import worker_environment
from dancegen.engine.table_jobs.cost import Spending
from dancegen.engine.table_jobs.job import Row, Status, TableJob
from dancegen.engine.table_jobs.row_actor import (
    NO_PROGRESS_S,
    RowActor,
    actor_arguments,
    bad_row,
    event_values,
    no_room,
    write_row,
)
from dancegen.engine.table_jobs.row_process import ATTEMPTS
from dancegen.engine.table_jobs.schedule import BATCH_S, LOSSES, Batch, Schedule
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.errors import ClusterError

POLL_S = 1.0
DRAIN_POLL_S = 5.0
FAILED_STARTS = 10  # consecutive ones, after which the job ends


class RowPool:
    """Actors, and the rows that they have."""

    def __init__(self, job: TableJob, parallel: Parallel, actors: int, spending: Spending) -> None:
        """`actors` is the maximum size. Ray must be started."""
        import ray

        self._job, self._parallel, self._actors, self._spending = job, parallel, actors, spending
        self._arguments = actor_arguments(job, parallel)
        self._actor = ray.remote(RowActor).options(
            num_cpus=parallel.cpus_per_actor,
            num_gpus=parallel.gpus_per_actor,
            scheduling_strategy="SPREAD",
            **worker_environment(),
        )
        self._starting: dict[Any, Any] = {}  # future of the node's id -> actor
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Batch, float]] = {}  # future of the statuses -> actor, its rows, since when
        self._nodes: dict[Any, str] = {}  # actor -> id of its node
        self._draining: set[str] = set()  # ids of nodes that are about to be taken away
        self._looked = self._progressed = time.monotonic()
        self._failed_starts = 0

    def statuses(self, rows: Iterator[Row], enough: Callable[[], bool]) -> Iterator[Status]:
        """Run the rows. Yields the status of each when it is done. Once `enough` is true, rows are only finished.

        Raises what `enough` raises, the exception of a stage that cannot be constructed, and ClusterError when there is
        no progress.
        """
        schedule = Schedule(rows, self._actors, self._parallel.min_actors)
        try:
            while True:
                if enough():
                    schedule.stop()
                if not schedule.take() and not self._busy:
                    return
                self._look_for_draining()
                self._hand_out(schedule)
                self._resize(schedule)  # only now is it known whether an actor stays idle
                yield from self._collect(schedule)
        finally:
            self._end([*self._starting.values(), *self._idle, *(actor for actor, *_ in self._busy.values())])

    def _look_for_draining(self) -> None:
        """End idle actors on nodes that are about to be taken away."""
        if time.monotonic() - self._looked < DRAIN_POLL_S:
            return
        self._looked = time.monotonic()
        self._draining = draining_nodes()
        leaving = [actor for actor in self._idle if self._nodes[actor] in self._draining]
        self._idle = [actor for actor in self._idle if actor not in leaving]
        self._end(leaving)

    def _resize(self, schedule: Schedule) -> None:
        state = len(self._idle), len(self._busy)
        for _ in range(schedule.to_start(len(self._starting), *state, time.monotonic())):
            actor = self._actor.remote(*self._arguments)
            self._starting[actor.node.remote()] = actor  # pyright: ignore[reportFunctionMemberAccess]
        kept = len(self._idle) - schedule.to_end(*state)
        self._end(self._idle[kept:])
        del self._idle[kept:]

    def _end(self, actors: list[Any]) -> None:
        """End actors. Their child processes detect it, and delete the files that they were writing."""
        import ray

        for actor in actors:
            self._nodes.pop(actor, None)
            self._spending.actor_ended(actor, time.monotonic())
            ray.kill(actor)

    def _hand_out(self, schedule: Schedule) -> None:
        """Give each idle actor rows."""
        while self._idle and (batch := schedule.batch()) is not None:
            actor = self._idle.pop()
            future = actor.run.remote(batch.rows, 2 * BATCH_S, batch.again)
            self._busy[future] = (actor, batch, time.monotonic())

    def _collect(self, schedule: Schedule) -> Iterator[Status]:
        """Wait a little for actors that have started or ended their rows. Yields the statuses."""
        import ray

        futures = [*self._starting, *self._busy]
        if not futures:  # all actors were on nodes that are taken away
            time.sleep(POLL_S)
            return
        done, _ = ray.wait(futures, num_returns=1, timeout=POLL_S)
        if done:
            done, _ = ray.wait(futures, num_returns=len(futures), timeout=0)
        for future in done:
            self._progressed = time.monotonic()
            if future in self._starting:
                self._started(future)
            else:
                yield from self._ended(future, schedule)
        self._check_progress()

    def _started(self, future: Any) -> None:
        import ray
        from ray.exceptions import RayError

        actor = self._starting.pop(future)
        try:
            self._nodes[actor] = ray.get(future)
        except RayError as error:
            self._failed_starts += 1
            self._end([actor])
            if self._failed_starts == FAILED_STARTS:
                reason = str(error).strip().split("\n")[0].rstrip(".")
                problem = f"could not start a process: {FAILED_STARTS} attempts failed; the last one: {reason}."
                raise ClusterError("the cluster", problem, "Look at Ray's logs.") from error
        else:
            self._failed_starts = 0
            self._spending.actor_started(actor, time.monotonic())
            self._idle.append(actor)

    def _ended(self, future: Any, schedule: Schedule) -> Iterator[Status]:
        import ray
        from ray.exceptions import RayError, RayTaskError

        actor, batch, since = self._busy.pop(future)
        try:
            statuses, fatal = ray.get(future)
        except RayTaskError:
            raise  # a bug
        except RayError as error:
            yield from self._lost(actor, batch, time.monotonic() - since, error, schedule)
            return
        if self._nodes[actor] in self._draining:
            self._end([actor])
        else:
            self._idle.append(actor)
        schedule.ended(batch, [status["busy_s"] for status in statuses])
        yield from statuses
        if fatal is not None:
            raise pickle.loads(fatal)

    def _lost(self, actor: Any, batch: Batch, held_s: float, error: Exception, schedule: Schedule) -> Iterator[Status]:
        """Put the rows of a lost actor back. Yields those that lost too many actors."""
        import ray

        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        node = self._nodes.get(actor)
        with_node = node not in alive or node in self._draining
        self._end([actor])
        self._spending.lost_s += held_s
        reason = " ".join(str(error).split("\n")[0].split()).rstrip(".")
        lost = {"ray_node": node, "node_lost": with_node, "error": reason}
        for row in batch.rows:
            logs.event("the row's actor was lost", logging.WARNING, **event_values(self._job, row), **lost)
        for row in schedule.lost(batch, held_s, with_node):
            text = f"{row['uri']}: ended the process of its actor {LOSSES} times ({reason}). Re-encode or leave it out."
            yield write_row(self._job, bad_row(self._job, row, text), row)

    def _check_progress(self) -> None:
        silent_s = time.monotonic() - self._progressed
        if silent_s < self._parallel.max_seconds_per_row * ATTEMPTS + NO_PROGRESS_S:
            return
        if self._busy:
            problem = f"has not ended a row for {silent_s:.0f} s, longer than the time limit of a row."
            raise ClusterError("the cluster", problem, "Look at Ray's logs, and run the step again.")
        raise no_room()
