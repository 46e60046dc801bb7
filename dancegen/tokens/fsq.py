"""Finite scalar quantization (Mentzer et al., 2023): each value of a latent vector is rounded to one of a few levels.

Axes used in shapes:
    G codes of a token    D values of a code
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

LEVELS = (8, 5, 5, 5)
CODES = 1000  # their product
INSIDE = 1e-3  # the bound is a little beyond the outer levels, so that these can be reached


class FSQ(nn.Module):
    """Rounds latent values to levels, with the gradient of the identity. It has no trained parameters."""

    levels: Tensor
    basis: Tensor

    def __init__(self) -> None:
        super().__init__()
        levels = torch.tensor(LEVELS)
        self.register_buffer("levels", levels, persistent=False)
        self.register_buffer("basis", torch.cumprod(torch.cat([levels.new_ones(1), levels[:-1]]), 0), persistent=False)

    def forward(self, values: Float[Tensor, "*N G D"]) -> Float[Tensor, "*N G D"]:
        """Levels in about [-1, 1]."""
        half = (self.levels - 1) * (1 + INSIDE) / 2
        offset = torch.where(self.levels % 2 == 0, 0.5, 0.0)
        bounded = (values + (offset / half).atanh()).tanh() * half - offset
        return (bounded + (bounded.round() - bounded).detach()) / (self.levels // 2)

    def codes(self, values: Float[Tensor, "*N G D"]) -> Int[Tensor, "*N G"]:
        """The number of each code, from its levels."""
        return ((values * (self.levels // 2)).round().long() + self.levels // 2).mul(self.basis).sum(dim=-1)

    def values(self, codes: Int[Tensor, "*N G"]) -> Float[Tensor, "*N G D"]:
        """The levels of each code."""
        steps = codes[..., None] // self.basis % self.levels - self.levels // 2
        return steps / (self.levels // 2)
