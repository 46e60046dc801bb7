"""The pool of Ray actors that rows are handed out to. Jobs over videos use Ray Data instead: dataset_pool.py.

Rows are taken from an iterator only as actors become free, so their number does not matter. An actor has one batch at a
time: a single row, or several rows that take about BATCH_S together, because handing out a row costs a millisecond.
"""

import logging
import pickle
import time
from collections import Counter, deque
from collections.abc import Iterator
from math import ceil
from typing import Any

from dancegen import logs
from dancegen.engine.cluster.session import worker_environment
from dancegen.engine.table_jobs.job import SHARD, Row, Status, TableJob
from dancegen.engine.table_jobs.row_actor import (
    NO_PROGRESS_S,
    RowActor,
    actor_arguments,
    bad_row,
    no_room,
    write_row,
)
from dancegen.engine.table_jobs.row_process import ATTEMPTS
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.errors import ClusterError

BATCH_S = 0.5
LARGEST_BATCH = 128  # rows
GROW_S = 1.0  # the pool doubles so often while rows wait
POLL_S = 1.0
LOSSES = 3  # actors that a row may lose, other than with their nodes, before it is set aside
FAILED_STARTS = 10  # consecutive ones, after which the job ends


class RowPool:
    """Actors, and the rows that they have."""

    def __init__(self, job: TableJob, parallel: Parallel, actors: int) -> None:
        """`actors` is the maximum size. Ray must be started."""
        import ray

        self._job, self._parallel, self._actors = job, parallel, actors
        self._arguments = actor_arguments(job, parallel)
        self._actor = ray.remote(RowActor).options(
            num_cpus=parallel.cpus_per_actor,
            num_gpus=parallel.gpus_per_actor,
            scheduling_strategy="SPREAD",
            **worker_environment(),
        )
        self._starting: dict[Any, Any] = {}  # future of the node's id -> actor
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, list[Row]]] = {}  # future of the statuses -> actor, its rows
        self._nodes: dict[Any, str] = {}  # actor -> id of its node
        self._waiting: deque[Row] = deque()
        self._losses: Counter[str] = Counter()  # by uri
        self._again: set[str] = set()  # uris of rows whose actor was lost
        self._row_s = BATCH_S  # mean duration of a row lately
        self._grown = self._progressed = time.monotonic()
        self._failed_starts = 0

    def statuses(self, rows: Iterator[Row]) -> Iterator[Status]:
        """Run the rows. Yields the status of each when it is done.

        Raises the exception of a stage that cannot be constructed, and ClusterError when there is no progress.
        """
        self._start(min(self._parallel.min_actors, self._actors))
        try:
            more = True
            while True:
                more = more and self._take(rows)
                if not self._waiting and not self._busy:
                    return
                self._resize(more)
                self._hand_out()
                yield from self._collect()
        finally:
            self._end([*self._starting.values(), *self._idle, *(actor for actor, _ in self._busy.values())])

    @property
    def _size(self) -> int:
        return len(self._starting) + len(self._idle) + len(self._busy)

    def _take(self, rows: Iterator[Row]) -> bool:
        """Take as many rows as the pool needs soon. Returns whether there may be more."""
        while len(self._waiting) < 2 * self._actors * self._batch_size():
            row = next(rows, None)
            if row is None:
                return False
            self._waiting.append(row)
        return True

    def _resize(self, more: bool) -> None:
        """Add actors while rows wait for one; end those for which no rows are left."""
        room = min(self._actors, len(self._waiting) + len(self._busy)) - self._size
        if self._waiting and not self._idle and room > 0 and time.monotonic() - self._grown > GROW_S:
            self._start(min(room, max(1, self._size)))
        if not self._waiting and not more:
            keep = max(0, self._parallel.min_actors - len(self._busy))
            self._end(self._idle[keep:])
            del self._idle[keep:]

    def _start(self, number: int) -> None:
        for _ in range(number):
            actor = self._actor.remote(*self._arguments)
            self._starting[actor.node.remote()] = actor  # pyright: ignore[reportFunctionMemberAccess]
        self._grown = time.monotonic()

    def _end(self, actors: list[Any]) -> None:
        """End actors. Their child processes detect it, and delete the files that they were writing."""
        import ray

        for actor in actors:
            self._nodes.pop(actor, None)
            ray.kill(actor)

    def _batch_size(self) -> int:
        return max(1, min(int(BATCH_S / self._row_s), LARGEST_BATCH))

    def _hand_out(self) -> None:
        """Give each idle actor rows."""
        each = min(self._batch_size(), ceil(len(self._waiting) / (2 * self._actors)))  # the last ones for all actors
        while self._idle and self._waiting:
            batch = [self._waiting.popleft()]
            again = batch[0]["uri"] in self._again
            while not again and len(batch) < each and self._waiting and self._waiting[0]["uri"] not in self._again:
                batch.append(self._waiting.popleft())
            actor = self._idle.pop()
            self._busy[actor.run.remote(batch, 2 * BATCH_S, again)] = (actor, batch)

    def _collect(self) -> Iterator[Status]:
        """Wait a little for actors that have started or ended their rows. Yields the statuses."""
        import ray

        futures = [*self._starting, *self._busy]
        done, _ = ray.wait(futures, num_returns=1, timeout=POLL_S)
        if done:
            done, _ = ray.wait(futures, num_returns=len(futures), timeout=0)
        for future in done:
            self._progressed = time.monotonic()
            if future in self._starting:
                self._started(future)
            else:
                yield from self._ended(future)
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
            self._idle.append(actor)

    def _ended(self, future: Any) -> Iterator[Status]:
        import ray
        from ray.exceptions import RayError, RayTaskError

        actor, batch = self._busy.pop(future)
        try:
            statuses, fatal = ray.get(future)
        except RayTaskError:
            raise  # a bug
        except RayError as error:
            yield from self._lost(actor, batch, error)
            return
        self._idle.append(actor)
        self._waiting.extendleft(reversed(batch[len(statuses) :]))
        self._learn([status["busy_s"] for status in statuses])
        yield from statuses
        if fatal is not None:
            raise pickle.loads(fatal)

    def _learn(self, seconds: list[float]) -> None:
        """Adapt the size of batches: at once to slower rows, to faster ones by a factor of two."""
        if seconds:
            self._row_s = max(sum(seconds) / len(seconds), self._row_s / 2, 1e-4)

    def _lost(self, actor: Any, batch: list[Row], error: Exception) -> Iterator[Status]:
        """Put the rows of a lost actor back, each to be run alone. Yields those that lost too many actors."""
        import ray

        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        node = self._nodes.get(actor)
        with_node = node not in alive
        self._end([actor])
        reason = " ".join(str(error).split("\n")[0].split()).rstrip(".")
        for row in reversed(batch):
            self._again.add(row["uri"])
            self._losses[row["uri"]] += not with_node
            lost = {"ray_node": node, "node_lost": with_node, "error": reason}
            about = {"table": self._job.table, "shard": row.get(SHARD), "row": row["uri"], "attempt": row["attempts"]}
            logs.event("the row's actor was lost", logging.WARNING, **about, **lost)
            if self._losses[row["uri"]] < LOSSES:
                self._waiting.appendleft(row)
                continue
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
