"""Detection of diverged training: a loss becomes NaN or Inf, or far exceeds its own level.

The losses of a discriminator and its generator fluctuate by tens and occasionally by hundreds. So a loss counts as
exploded only far above its level: the median of its last means, and at least its first mean, which sets the scale. If
a loss grows slowly, its level grows with it; if it doubles from check to check, its level does not follow.

Dances can degenerate while every loss stays finite and near its level. The pose error (gan/losses.py) detects this: its
unit is the error of the mean pose, so its limits hold for any data. The error on held-out clips is also compared with
its best value so far.
"""

import math
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor

LOOKS = 50  # means whose median is the level
POSE_ERROR = "pose_error"
LEARNED = 1.5  # pose error below which the generator has converged to human poses ...
LEARNED_LOOKS = 5  # ... after so many consecutive checks: early updates may reach low errors by chance
LEFT = 3.0  # pose error above which, after it converged, its dances left the range of real poses ...
LEFT_LOOKS = 4  # ... after so many consecutive checks: a check may cover one update, and one bad batch is tolerated
HELD_OUT_GROWTH = 3.0  # times its best value at which the pose error on held-out clips has diverged
SMALLEST_ERROR = 2.0  # pose error below which growth on held-out clips is not divergence


@dataclass
class DivergenceMonitor:
    """Repeatedly checks the mean losses of some updates for divergence."""

    factor: float
    """Multiple of its level above which a loss has exploded."""
    first: dict[str, float] = field(default_factory=dict)
    recent: dict[str, list[float]] = field(default_factory=dict)
    looks_below: int = 0
    """Consecutive checks with a pose error below LEARNED; it stays at LEARNED_LOOKS once reached."""
    looks_above: int = 0
    """Consecutive checks with a pose error above LEFT, after the generator converged."""
    nearness: float = 0.0
    """Largest loss of the last check, as a fraction of the size at which it has exploded."""
    best_held_out: float = math.inf
    """Smallest pose error on held-out clips."""

    def check_losses(self, losses: dict[str, float]) -> tuple[str, str] | None:
        """The first diverged loss and its problem; None if no loss diverged."""
        self.nearness = 0.0
        for name, value in losses.items():
            if not math.isfinite(value):
                return name, "became NaN or Inf"
            if name == POSE_ERROR and (left := self._left(value)):
                return name, left
            size = abs(value)
            recent = self.recent.setdefault(name, [])
            level = max(median(recent), self.first[name]) if recent else 0.0
            if level:
                self.nearness = max(self.nearness, size / (self.factor * level))
            if level and size > self.factor * level:
                return name, f"is {value:.3g}, {size / level:.0f} times its level before,"
            self.first.setdefault(name, size)
            self.recent[name] = [*recent[-LOOKS + 1 :], size]
        return None

    def check_held_out(self, error: float) -> str | None:
        """Problem of the pose error on held-out clips; None if it has not diverged."""
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
        """Restore the levels from a state."""
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
