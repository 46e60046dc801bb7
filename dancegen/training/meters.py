"""Weighted means of metrics over updates and workers."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

Sums = dict[str, tuple[float, float]]  # by name: the weighted sum, and the sum of the weights


class Mean:
    """Weighted means by name. Adding does not wait for the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._weights: dict[str, float] = {}

    def add(self, values: dict[str, Tensor], weight: float = 1.0) -> None:
        """Add one batch's values."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value * weight
            self._weights[name] = self._weights.get(name, 0.0) + weight

    def sums(self) -> Sums:
        """The sums to send to other workers."""
        return {name: (float(value), self._weights[name]) for name, value in self._sums.items()}


def added(parts: Iterable[Sums]) -> Sums:
    """The sums of all parts, in the order of the names' first appearance."""
    total: Sums = {}
    for part in parts:
        for name, (value, weight) in part.items():
            before, weight_before = total.get(name, (0.0, 0.0))
            total[name] = (before + value, weight_before + weight)
    return total


def merged(parts: Iterable[Sums]) -> dict[str, float]:
    """The means over all workers, in the order of the names' first appearance."""
    return {name: value / weight for name, (value, weight) in added(parts).items()}


def not_finite(values: dict[str, float]) -> str | None:
    """The first name whose value is NaN or infinite."""
    return next((name for name, value in values.items() if not math.isfinite(value)), None)
