"""What a job has cost so far, and what the rest will cost.

An actor holds its CPUs and GPUs from its start to its end: for rows, for attempts that were lost, and while it starts
or waits. The start of a machine, before it has an actor, is not counted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

LEVEL = 0.9  # of the interval


class CancelledError(Exception):
    """The job ended because another one no longer needs it."""


@dataclass(frozen=True)
class Budget:
    """Limits of one run."""

    max_cost: float | None = None
    """No row starts when those in progress may exceed it."""
    spent: float = 0.0
    """What earlier jobs of the run have cost."""
    sample: int = 0
    """Run only so many of the rows that are left, to estimate the others; 0 runs all."""
    beside: Callable[[], float] = lambda: 0.0
    """What a job that runs at the same time has cost so far."""
    cancelled: Callable[[], bool] = lambda: False
    """Whether the job is to end at once."""


@dataclass
class Spending:
    """Time for which the actors of a job were held, in seconds. Times of events are those of any one clock."""

    rows: int = 0
    """Number of rows that ended."""
    rows_s: float = 0.0
    """Time for rows that ended, also with an error."""
    failed_s: float = 0.0
    """Time for rows that ended with an error."""
    lost_s: float = 0.0
    """Time for rows whose actor was lost."""
    most: int = 0
    """Largest number of actors at one time."""
    _squares: float = 0.0
    _ended_s: float = 0.0
    _running: dict[Any, float] = field(default_factory=dict)

    @property
    def running(self) -> int:
        """Number of actors that run now."""
        return len(self._running)

    def actor_started(self, actor: Any, now_s: float) -> None:
        """An actor holds its CPUs and GPUs from now on."""
        self._running[actor] = now_s
        self.most = max(self.most, self.running)

    def actor_ended(self, actor: Any, now_s: float) -> None:
        """An actor ended; ignored for one that did not start."""
        self._ended_s += now_s - self._running.pop(actor, now_s)

    def row_ended(self, seconds: float, failed: bool) -> None:
        """A row ended after so many seconds."""
        self.rows += 1
        self.rows_s += seconds
        self.failed_s += seconds if failed else 0.0
        self._squares += seconds**2

    def held_s(self, now_s: float) -> float:
        """Time for which actors were held; that of the rows where the actors are not known."""
        held_s = self._ended_s + sum(now_s - since_s for since_s in list(self._running.values()))  # other threads ask
        return max(held_s, self.rows_s + self.lost_s)

    def committed_s(self, now_s: float) -> float:
        """`held_s`, and the time that the rows in progress are expected to need at most."""
        mean_s = self.rows_s / self.rows if self.rows else 0.0
        return self.held_s(now_s) + self.running * mean_s

    def rest_s(self, rows: float) -> tuple[float, float] | None:
        """Interval of the time that so many further rows will hold actors; None before two rows have ended.

        A prediction interval for a sum of independent durations, as those of the rows so far; and the share of lost
        attempts stays as it was.
        """
        if self.rows < 2:
            return None
        from scipy.special import stdtrit  # late: not needed by a job with nothing to do

        mean_s = self.rows_s / self.rows
        variance = max(0.0, self._squares / self.rows - mean_s**2) * self.rows / (self.rows - 1)
        spread_s = math.sqrt(variance * (rows + rows**2 / self.rows))
        spread_s *= float(stdtrit(self.rows - 1, (1 + LEVEL) / 2))
        lost = 1 + (self.lost_s / self.rows_s if self.rows_s else 0.0)
        return lost * max(0.0, rows * mean_s - spread_s), lost * (rows * mean_s + spread_s)
