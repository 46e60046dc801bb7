"""Decides which rows a pool runs next, how many actors it has, and what happens to the rows of a lost one.

Without Ray and without a clock of its own: pool.py applies it to Ray's actors, `benchmarks/catalogue_simulation.py` to
simulated ones.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf

from dancegen.engine.table_jobs.job import Row

BATCH_S = 0.5
LARGEST_BATCH = 128  # rows
GROW_S = 1.0  # the pool doubles so often while rows wait
LOSSES = 3  # actors that a row may lose, other than with their nodes, before it is set aside


@dataclass(frozen=True)
class Batch:
    """Rows that an actor gets at once."""

    rows: list[Row]
    again: bool = False
    """An actor that had the row is lost: it may have finished it."""


class Schedule:
    """The rows that wait for an actor. Times are in seconds, of any clock."""

    def __init__(self, rows: Iterator[Row], actors: int, min_actors: int) -> None:
        """`actors` is the maximum size of the pool."""
        self._rows, self._actors, self._min_actors = rows, actors, min_actors
        self._more = True
        self._waiting: deque[Row] = deque()
        self._losses: Counter[str] = Counter()  # by uri
        self._again: dict[str, float] = {}  # uri of a row whose actor was lost -> seconds that it held its actors
        self._row_s = BATCH_S  # mean duration of a row lately
        self._grown_s = -inf

    def take(self) -> bool:
        """Take as many rows as the pool needs soon. Returns whether rows wait."""
        while self._more and len(self._waiting) < 2 * self._actors * self._batch_size():
            row = next(self._rows, None)
            if row is None:
                self._more = False
                break
            self._waiting.append(row)
        return bool(self._waiting)

    def stop(self) -> None:
        """Hand out no further row."""
        self._more = False
        self._waiting.clear()

    def to_start(self, starting: int, idle: int, busy: int, now_s: float) -> int:
        """Number of actors to start now: while rows wait for one, the pool doubles every GROW_S."""
        size = starting + idle + busy
        if self._waiting and self._grown_s == -inf:
            return self._grow(min(self._min_actors, self._actors), now_s)
        room = min(self._actors, len(self._waiting) + busy) - size
        if self._waiting and not idle and room > 0 and now_s - self._grown_s > GROW_S:
            return self._grow(min(room, max(1, size)), now_s)
        return 0

    def to_end(self, idle: int, busy: int) -> int:
        """Number of idle actors to end now: those for which no rows are left."""
        if self._waiting or self._more:
            return 0
        return max(0, idle - max(0, self._min_actors - busy))

    def batch(self) -> Batch | None:
        """Rows for an idle actor: a single one, or several that take about BATCH_S; None when none waits."""
        if not self._waiting:
            return None
        each = min(self._batch_size(), ceil(len(self._waiting) / (2 * self._actors)))  # the last ones for all actors
        rows = [self._waiting.popleft()]
        if rows[0]["uri"] in self._again:
            return Batch([{**rows[0], "wasted_s": self._again[rows[0]["uri"]]}], again=True)
        while len(rows) < each and self._waiting and self._waiting[0]["uri"] not in self._again:
            rows.append(self._waiting.popleft())
        return Batch(rows)

    def ended(self, batch: Batch, seconds: list[float]) -> None:
        """An actor returned the batch after its first rows, which took so long. The others wait again."""
        self._waiting.extendleft(reversed(batch.rows[len(seconds) :]))
        if seconds:  # adapt the size of batches: at once to slower rows, to faster ones by a factor of two
            self._row_s = max(sum(seconds) / len(seconds), self._row_s / 2, 1e-4)

    def lost(self, batch: Batch, held_s: float, with_node: bool) -> list[Row]:
        """Put the rows of a lost actor back, each to be run alone. Returns those that lost too many actors.

        `with_node` says that the actor was lost with its node, for which a row is not to blame.
        """
        given_up = []
        for row in reversed(batch.rows):
            self._losses[row["uri"]] += not with_node
            self._again[row["uri"]] = row.get("wasted_s", 0.0) + held_s / len(batch.rows)
            if self._losses[row["uri"]] < LOSSES:
                self._waiting.appendleft(row)
            else:
                given_up.append({**row, "wasted_s": self._again[row["uri"]]})
        return given_up

    def _grow(self, number: int, now_s: float) -> int:
        self._grown_s = now_s
        return number

    def _batch_size(self) -> int:
        return max(1, min(int(BATCH_S / self._row_s), LARGEST_BATCH))
