"""Progress of an epoch: the updates done, their losses, and the update after which the workers synchronise next.

At a synchronisation, workers compare losses, check for preemption notices, and save. It must happen at the same update
on all of them, though their clocks differ: each one schedules the next by the slowest worker's time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dancegen.training.meters import Sums, added

LOOK_S = 2.0  # target time between synchronisations: a preemption notice comes half a minute or two minutes ahead
LOOK_UPDATES = 100  # most updates between synchronisations


@dataclass
class EpochProgress:
    """Progress of an epoch, identical on all workers."""

    workers: int
    updates: int = 0
    """Done and synchronised."""
    losses: Sums = field(default_factory=dict)
    """Sums over all workers."""
    next_sync: int = 1

    def record(self, updates: int, losses: Iterable[Sums], seconds: float) -> None:
        """Record that `updates` are done; the last ones had these losses and took `seconds`."""
        done = updates - self.updates
        ahead = int(LOOK_S * done / max(seconds, 1e-6))
        self.next_sync = updates + max(1, min(ahead, 2 * done, LOOK_UPDATES))
        self.updates, self.losses = updates, added([self.losses, *losses])

    def state(self) -> dict[str, Any]:
        """The state, in plain containers."""
        return {"workers": self.workers, "updates": self.updates, "losses": self.losses}


def resumed(state: dict[str, Any], workers: int) -> EpochProgress:
    """Progress of a resumed epoch; with another number of workers, at about the same fraction of the epoch."""
    updates = state["updates"] * state["workers"] // workers
    return EpochProgress(workers, updates, state["losses"], updates + 1)
