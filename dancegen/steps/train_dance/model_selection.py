"""The best model so far, by a number measured on the validation clips."""

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

HIGHER_IS_BETTER = frozenset({"beat_alignment"})


@dataclass
class BestModel:
    """Which epoch's model was best, and that model."""

    by: str
    """Name of the number."""
    epoch: int = 0
    """0 when there is none yet."""
    updates: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)

    def improved_by(self, metrics: dict[str, float]) -> bool:
        """Whether a model with these numbers is better. One without the number, or where it is none, never is."""
        value = metrics.get(self.metric, math.nan)
        if not math.isfinite(value):
            return False
        return self.epoch == 0 or (value > self.value if self.by in HIGHER_IS_BETTER else value < self.value)

    @property
    def metric(self) -> str:
        """The number's name among the metrics."""
        return f"validation/{self.by}"

    @property
    def value(self) -> float:
        """The best number."""
        return self.metrics[self.metric]

    def state(self) -> dict[str, Any]:
        """All of it, in plain containers."""
        return dict(vars(self))
