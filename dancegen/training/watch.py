"""When a training goes wrong: a loss that is no number, or that leaves its own level for good.

The losses of a discriminator and its generator swing by themselves, by tens and now and then by hundreds. So a loss
counts as exploded only far above its level: the median of its last means, and at least its first one, which says of
what size it is. A loss that grows slowly takes its level along; one that doubles from look to look does not.
"""

import math
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor

LOOKS = 50  # means that make a level


@dataclass
class Watch:
    """Looks at the mean losses of some updates, again and again."""

    factor: float
    """Times its level at which a loss has exploded."""
    first: dict[str, float] = field(default_factory=dict)
    recent: dict[str, list[float]] = field(default_factory=dict)

    def wrong(self, losses: dict[str, float]) -> tuple[str, str] | None:
        """The first loss that went wrong, and what is wrong with it; None when all is well."""
        for name, value in losses.items():
            if not math.isfinite(value):
                return name, "is no finite number any more"
            size = abs(value)
            recent = self.recent.setdefault(name, [])
            level = max(median(recent), self.first[name]) if recent else 0.0
            if level and size > self.factor * level:
                return name, f"is {value:.3g}, {size / level:.0f} times its level before,"
            self.first.setdefault(name, size)
            self.recent[name] = [*recent[-LOOKS + 1 :], size]
        return None

    def state(self) -> dict[str, Any]:
        """The levels, in plain containers."""
        return {"first": self.first, "recent": self.recent}

    def load(self, state: dict[str, Any]) -> None:
        """Carry on with the levels of a state."""
        self.first, self.recent = state["first"], state["recent"]


def spoiled(networks: dict[str, dict[str, Tensor]]) -> str | None:
    """The first network with a weight that is NaN or infinite: losses show it one update later."""
    for name, weights in networks.items():
        numbers = [value for value in weights.values() if value.is_floating_point()]
        if numbers and not bool(torch.stack([value.isfinite().all() for value in numbers]).all()):
            return name
    return None
