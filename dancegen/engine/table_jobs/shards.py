"""The shards of a job's table: which rows are left to do in each, and the compaction of the finished ones."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from dancegen import storage, tables
from dancegen.engine.table_jobs.job import SHARD, Row, Status, TableJob
from dancegen.engine.table_jobs.plan import Plan
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.summary import SetAside
from dancegen.errors import StorageUnreachableError
from dancegen.logs import notify
from dancegen.tables.names import Shard, key_hash, part_hash, shard_count, shard_index, shard_of
from dancegen.tables.shards import SHARD_BYTES, compact, divide

WAITING = 2  # compactions; the job waits for the first of more


@dataclass
class Left:
    """Rows of a shard that are not done."""

    rows: list[Row] = field(default_factory=list)
    """Each with the number of its next attempt, the index of its shard, and the costs that are known before it."""
    quarantined: list[SetAside] = field(default_factory=list)
    done: int = 0
    """Number of rows that were done in earlier runs."""


@dataclass
class _Open:
    """A shard whose rows are being done."""

    shard: Shard
    left: int
    sizes: dict[str, int]
    """Size in bytes of each part, by its URI."""


class Shards:
    """Opens the shards of a plan one after the other, and compacts each when its last row is done.

    Only the rows of open shards are in memory. A context manager: it waits for the compactions at the end of the job.
    """

    def __init__(self, job: TableJob, plan: Plan, parallel: Parallel) -> None:
        """The table must exist."""
        self._job, self._plan, self._parallel = job, plan, parallel
        found = tables.files(job.table)
        counts = {shard.count for file in found if (shard := shard_of(file.uri))}
        self._count = shard_count(len(plan), max(counts, default=1))
        if any(count < self._count for count in counts):
            divide(job.table, job.schema, self._count)
            found = tables.files(job.table)
        self._files = {shard: file for file in found if (shard := shard_of(file.uri))}
        self._parts: dict[int, list[storage.File]] = defaultdict(list)
        for file in found:
            if (hashed := part_hash(file.uri)) is not None:
                self._parts[shard_index(hashed, self._count)].append(file)
        self._open: dict[int, _Open] = {}
        self._thread = ThreadPoolExecutor(1, "compaction")
        self._compactions: list[Future[None]] = []

    def __enter__(self) -> "Shards":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the compactions; after an exception, only for the one that is running."""
        self._thread.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            self._collect(0)

    def left(self, tell: Callable[[Left], None]) -> Iterator[Row]:
        """The rows to do, shard by shard. `tell` is called with what is left of each shard when it is opened."""
        for shard, rows in self._plan.shards(self._count):
            parts = self._parts.pop(shard.index, [])
            if not rows and not parts:
                continue
            left = self._left(shard, rows, parts)
            tell(left)
            sizes = {file.uri: file.size for file in parts}
            self._open[shard.index] = _Open(shard, len(left.rows), sizes)
            self._close_if_done(shard.index)
            yield from left.rows

    def done(self, status: Status) -> None:
        """Count a row as done. Its part must exist."""
        hashed = key_hash(status["uri"])
        index = shard_index(hashed, self._count)
        part = storage.join(self._job.table, tables.part_name(status["uri"]))
        self._open[index].sizes[part] = status["bytes"]
        self._open[index].left -= 1
        self._close_if_done(index)

    def _left(self, shard: Shard, rows: list[Row], parts: list[storage.File]) -> Left:
        past = {row["uri"]: row for row in self._past(shard, parts)}
        left = Left()
        held = {"cpus": self._parallel.cpus_per_actor, "gpus": self._parallel.gpus_per_actor, "wasted_s": 0.0}
        held[SHARD] = shard.index
        for row in rows:
            before = past.get(row["uri"])
            if before is None or before["version"] != row["version"]:
                left.rows.append({**row, **held, "attempts": 1})
            elif before["error"] is None and not row.get("gone"):
                left.done += 1
            elif self._is_quarantined(before):
                left.quarantined.append(SetAside(row["uri"], str(before["error"]), self._was_judged(before)))
            else:
                attempts = 0 if before["error"] is None else before["attempts"] or 1
                wasted_s = _wasted_s(before) if attempts else 0.0
                left.rows.append({**row, **held, "attempts": attempts + 1, "wasted_s": wasted_s})
        return left

    def _past(self, shard: Shard, parts: list[storage.File]) -> list[Row]:
        """The rows of a shard from earlier runs, in the columns that say what is left."""
        files = [*filter(None, [self._files.get(shard)]), *parts]
        if not files:
            return []
        cost = [name for name in ("held_s", "wasted_s") if name in self._job.schema.names]
        columns = ["uri", "version", "attempts", "error", *cost, *filter(None, [self._job.judged])]
        return tables.read(self._job.table, self._job.schema, columns, some=files).to_pylist()

    def _is_quarantined(self, before: Row) -> bool:
        tried = before["attempts"] or 1
        keep = tried >= self._parallel.max_attempts and not self._parallel.retry_quarantined
        return before["error"] is not None and keep

    def _was_judged(self, before: Row) -> bool:
        return bool(self._job.judged) and before[self._job.judged] is not None

    def _close_if_done(self, index: int) -> None:
        if self._open[index].left:
            return
        done = self._open.pop(index)
        before = self._files.get(done.shard)
        size = sum(done.sizes.values()) + (before.size if before else 0)
        if done.sizes and size <= SHARD_BYTES:
            self._collect(WAITING)
            self._compactions.append(self._thread.submit(self._compact, done.shard, list(done.sizes)))

    def _compact(self, shard: Shard, parts: Iterable[str]) -> None:
        try:
            compact(self._job.table, self._job.schema, shard, self._files.get(shard), parts)
        except StorageUnreachableError as error:
            notify(f"{error} Rows stay in files of their own until the next run.", logging.WARNING)

    def _collect(self, at_most: int) -> None:
        """Wait until at most so many compactions are left. Raises the error of one that failed."""
        while len(self._compactions) > at_most:
            self._compactions.pop(0).result()


def _wasted_s(before: Row) -> float:
    """Time that attempts of a row in earlier runs held actors, in seconds, where the table has it."""
    return (before.get("held_s") or 0.0) + (before.get("wasted_s") or 0.0)
