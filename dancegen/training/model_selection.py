"""The best model so far, by a metric on the validation clips."""

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

FORMER_METRICS = {"validation/misfit": "validation/motion_error"}  # in states of earlier releases
HIGHER_IS_BETTER = frozenset({"beat_alignment", "ssim"})


@dataclass
class BestModel:
    """The best model and its epoch."""

    by: str
    """Name of the metric."""
    epoch: int = 0
    """0 when there is none yet."""
    updates: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)

    def improved_by(self, metrics: dict[str, float]) -> bool:
        """Whether a model with these metrics is better; False if the metric is missing, NaN or Inf."""
        value = metrics.get(self.metric, math.nan)
        if not math.isfinite(value):
            return False
        return self.epoch == 0 or (value > self.value if self.by in HIGHER_IS_BETTER else value < self.value)

    @property
    def metric(self) -> str:
        """Key of the metric."""
        return f"validation/{self.by}"

    @property
    def value(self) -> float:
        """Best value of the metric."""
        return self.metrics[self.metric]

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "BestModel":
        """The best model of a state, with the present names of metrics."""
        metrics = {FORMER_METRICS.get(name, name): value for name, value in state["metrics"].items()}
        by = FORMER_METRICS.get(f"validation/{state['by']}", f"validation/{state['by']}").removeprefix("validation/")
        return cls(**{**state, "by": by, "metrics": metrics})

    def state(self) -> dict[str, Any]:
        """The state, in plain containers."""
        return dict(vars(self))
