"""When a training goes wrong: a loss that is no number, or that leaves its own level for good.

The losses of a discriminator and its generator swing by themselves, by tens and now and then by hundreds. So a loss
counts as exploded only far above its level: the median of its last means, and at least its first one, which says of
what size it is. A loss that grows slowly takes its level along; one that doubles from look to look does not.

Dances can fall apart while every loss stays finite and near its level. The pose error (gan/losses.py) shows it: it
counts in distances of the mean pose, so its limits hold for any data. The error on held-out clips is also compared with
its best value so far.
"""

import math
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor

LOOKS = 50  # means that make a level
POSE_ERROR = "pose_error"
LEARNED = 1.5  # pose error below which the generator has learned what a person looks like ...
LEARNED_LOOKS = 5  # ... when so many looks in a row were below it: the first updates may pass by good poses
LEFT = 3.0  # pose error above which its dances, once learned, have left the range of real poses ...
LEFT_LOOKS = 4  # ... when so many looks in a row were above it: a look may be one update, and one bad batch passes
HELD_OUT_GROWTH = 3.0  # times its best value at which the pose error on held-out clips has diverged
SMALLEST_ERROR = 2.0  # pose error below which growth on held-out clips is no divergence


@dataclass
class DivergenceMonitor:
    """Looks at the mean losses of some updates, again and again."""

    factor: float
    """Times its level at which a loss has exploded."""
    first: dict[str, float] = field(default_factory=dict)
    recent: dict[str, list[float]] = field(default_factory=dict)
    looks_below: int = 0
    """Looks in a row, LEARNED_LOOKS at most, in which the pose error was below LEARNED; it stays there."""
    looks_above: int = 0
    """Looks in a row, once it was learned, in which the pose error was above LEFT."""
    best_held_out: float = math.inf
    """Smallest pose error on held-out clips."""

    def check_losses(self, losses: dict[str, float]) -> tuple[str, str] | None:
        """The first loss that went wrong, and what is wrong with it; None when all is well."""
        for name, value in losses.items():
            if not math.isfinite(value):
                return name, "is no finite number any more"
            if name == POSE_ERROR and (left := self._left(value)):
                return name, left
            size = abs(value)
            recent = self.recent.setdefault(name, [])
            level = max(median(recent), self.first[name]) if recent else 0.0
            if level and size > self.factor * level:
                return name, f"is {value:.3g}, {size / level:.0f} times its level before,"
            self.first.setdefault(name, size)
            self.recent[name] = [*recent[-LOOKS + 1 :], size]
        return None

    def check_held_out(self, error: float) -> str | None:
        """What is wrong with the pose error on held-out clips; None when all is well."""
        best, self.best_held_out = self.best_held_out, min(self.best_held_out, error)
        if error > SMALLEST_ERROR and error > HELD_OUT_GROWTH * best:
            return f"is {error:.3g} on held-out clips, {error / best:.1f} times its best value before,"
        return None

    def _left(self, error: float) -> str | None:
        if self.looks_below < LEARNED_LOOKS:
            self.looks_below = self.looks_below + 1 if error < LEARNED else 0
            return None
        self.looks_above = self.looks_above + 1 if error > LEFT else 0
        if self.looks_above < LEFT_LOOKS:
            return None
        return f"is {error:.3g} times that of the mean pose (generated poses have left the range of real ones)"

    def state(self) -> dict[str, Any]:
        """The levels, in plain containers."""
        return dict(vars(self))

    def load(self, state: dict[str, Any]) -> None:
        """Carry on with the levels of a state."""
        self.first, self.recent = state["first"], state["recent"]
        self.looks_below, self.looks_above = state.get("looks_below", 0), state.get("looks_above", 0)
        self.best_held_out = state.get("best_held_out", math.inf)


def nonfinite_network(networks: dict[str, dict[str, Tensor]]) -> str | None:
    """The first network with a weight that is NaN or infinite: losses show it one update later."""
    for name, weights in networks.items():
        numbers = [value for value in weights.values() if value.is_floating_point()]
        if numbers and not bool(torch.stack([value.isfinite().all() for value in numbers]).all()):
            return name
    return None
