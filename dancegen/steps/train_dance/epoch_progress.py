"""How far an epoch is: the updates that are done, their losses, and after which update to look up next.

A look is what workers do together: compare losses, ask whether a machine is about to go away, save. So it must fall
on the same update for all of them, though clocks differ: each look sets the next one by the slowest worker's time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dancegen.training.meters import Sums, added

LOOK_S = 2.0  # about so long from look to look: a machine that goes away gives half a minute, or two
LOOK_UPDATES = 100  # but no more updates than these


@dataclass
class EpochProgress:
    """All workers know the same of it."""

    workers: int
    updates: int = 0
    """Done, and looked at."""
    losses: Sums = field(default_factory=dict)
    """Of all workers together."""
    next_sync: int = 1

    def record(self, updates: int, losses: Iterable[Sums], seconds: float) -> None:
        """So many updates are done now; the last ones had these losses and took so long."""
        done = updates - self.updates
        ahead = int(LOOK_S * done / max(seconds, 1e-6))
        self.next_sync = updates + max(1, min(ahead, 2 * done, LOOK_UPDATES))
        self.updates, self.losses = updates, added([self.losses, *losses])

    def state(self) -> dict[str, Any]:
        """All of it, in plain containers."""
        return {"workers": self.workers, "updates": self.updates, "losses": self.losses}


def resumed(state: dict[str, Any], workers: int) -> EpochProgress:
    """An epoch that was begun, for so many workers; with other workers than before, about as far as it was."""
    updates = state["updates"] * state["workers"] // workers
    return EpochProgress(workers, updates, state["losses"], updates + 1)
