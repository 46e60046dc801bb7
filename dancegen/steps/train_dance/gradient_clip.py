"""Gradient clipping relative to the running mean of the norm, which fits any size of network, batch and loss.

A fixed bound would have to be tuned for each of them. Adam scales gradients by their running second moment, so it is
destabilised by a gradient far above the usual one, as in the first updates of a new loss.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

MEMORY = 0.99  # decay of the running mean per update


class GradientClip:
    """Clips gradients to `factor` times the running mean of their norm."""

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.mean: Tensor | None = None
        """Running mean of the clipped norms; None before the first update."""

    @torch.no_grad()
    def __call__(self, parameters: Iterable[nn.Parameter]) -> None:
        """Clip the gradients of the parameters in place, by their common norm."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if self.mean is None:
            self.mean = norm
            return
        allowed = torch.minimum(norm, self.factor * self.mean.to(norm))
        scale = allowed / norm.clamp(min=torch.finfo(norm.dtype).tiny)
        for gradient in gradients:
            gradient.mul_(scale.to(gradient))
        self.mean = torch.lerp(allowed, self.mean.to(norm), MEMORY)
