"""A 3 x 3 convolution of maps a few rows high, with half of the multiplications.

Along the width, four outputs of three taps come from six products instead of twelve (Lavin and Gray, "Fast
Algorithms for Convolutional Neural Networks", CVPR 2016, F(4, 3)). Width is the outermost axis in memory: changing
to the six points and back is then a multiplication by a small matrix, and so is everything between. Results are those
of `conv2d` within float error; there is no second derivative.

Axes used in shapes:
    W width    N maps    H rows    O rows wanted    C channels    P points (6)    Q groups of four columns
"""

from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

POINTS, GROUP, TAPS = 6, 4, 3
INPUTS = (
    (4.0, 0.0, -5.0, 0.0, 1.0, 0.0),
    (0.0, -4.0, -4.0, 1.0, 1.0, 0.0),
    (0.0, 4.0, -4.0, -1.0, 1.0, 0.0),
    (0.0, -2.0, -1.0, 2.0, 1.0, 0.0),
    (0.0, 2.0, -1.0, -2.0, 1.0, 0.0),
    (0.0, 4.0, 0.0, -5.0, 0.0, 1.0),
)
WEIGHTS = (
    (1 / 4, 0.0, 0.0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0.0, 0.0, 1.0),
)
OUTPUTS = (
    (1.0, 1.0, 1.0, 1.0, 1.0, 0.0),
    (0.0, 1.0, -1.0, 2.0, -2.0, 0.0),
    (0.0, 1.0, 1.0, 4.0, 4.0, 0.0),
    (0.0, 1.0, -1.0, 8.0, -8.0, 1.0),
)


def convolve(x: Float[Tensor, "W N H C"], layer: nn.Conv2d, rows: int) -> Float[Tensor, "W N O C2"]:
    """The first `rows` rows of what the layer gives; outside the map is 0."""
    maps: Tensor = _Convolution.apply(x, layer.weight, rows)
    return maps if layer.bias is None else maps.add_(layer.bias)


class _Convolution(torch.autograd.Function):
    """At each point, a row of outputs is one product of the rows around it, side by side, with their weights."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, rows: int) -> Tensor:
        width, maps, height, channels = x.shape
        to_points, to_columns = _matrices(width, x.dtype)
        points = (to_points @ x.reshape(width, -1)).view(POINTS, -1, height * channels)  # (P, Q * N, H * C)
        taps = torch.tensor(WEIGHTS, dtype=x.dtype)
        mixed = torch.einsum("pw,dchw->phcd", taps, weight).reshape(POINTS, TAPS * channels, -1)  # (P, 3 * C, C2)
        products = x.new_empty(POINTS, points.shape[1], rows, weight.shape[0])
        for row, (above, of_kernel) in enumerate(_rows(rows, height, channels)):
            for point in range(POINTS):
                torch.mm(points[point, :, above], mixed[point, of_kernel], out=products[point, :, row])
        ctx.save_for_backward(points if ctx.needs_input_grad[1] else x.new_empty(0), mixed)
        ctx.shape, ctx.rows = x.shape, rows
        found = x.new_empty(width, maps, rows, weight.shape[0])
        torch.mm(to_columns, products.view(to_columns.shape[1], -1), out=found.view(width, -1))
        return found

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *slopes: Any
    ) -> tuple[Tensor | None, Tensor | None, None]:
        (slope,) = slopes
        width, _, height, channels = ctx.shape
        points, mixed = ctx.saved_tensors
        to_points, to_columns = _matrices(width, slope.dtype)
        products = (to_columns.T @ slope.reshape(width, -1)).view(POINTS, -1, ctx.rows, mixed.shape[2])
        places = list(enumerate(_rows(ctx.rows, height, channels)))
        to_x = to_weight = None
        if ctx.needs_input_grad[0]:
            of_points = slope.new_zeros(POINTS, products.shape[1], height * channels)
            for row, (above, of_kernel) in places:
                for point in range(POINTS):
                    of_points[point, :, above].addmm_(products[point, :, row], mixed[point, of_kernel].T)
            to_x = (to_points.T @ of_points.view(to_points.shape[0], -1)).view(ctx.shape)
        if ctx.needs_input_grad[1]:
            of_mixed = torch.zeros_like(mixed)
            for row, (above, of_kernel) in places:
                for point in range(POINTS):
                    of_mixed[point, of_kernel].addmm_(points[point, :, above].T, products[point, :, row])
            taps = torch.tensor(WEIGHTS, dtype=slope.dtype)
            to_weight = torch.einsum("pw,phcd->dchw", taps, of_mixed.view(POINTS, TAPS, channels, -1))
        return to_x, to_weight, None


def _rows(rows: int, height: int, channels: int) -> list[tuple[slice, slice]]:
    """For each row of outputs: which channels of the rows side by side it sees, and which of the kernel's."""
    found = []
    for row in range(rows):
        first, last = max(row - 1, 0), min(row + 1, height - 1)
        kernel = first - row + 1
        count = last - first + 1
        found.append(
            (slice(first * channels, (last + 1) * channels), slice(kernel * channels, (kernel + count) * channels))
        )
    return found


@cache
def _matrices(width: int, dtype: torch.dtype) -> tuple[Float[Tensor, "PQ W"], Float[Tensor, "W PQ"]]:
    """From columns to points, and from points back to columns."""
    groups = -(-width // GROUP)
    to_points = torch.zeros(POINTS, groups, GROUP * groups + 2, dtype=torch.double)
    to_columns = torch.zeros(groups * GROUP, POINTS, groups, dtype=torch.double)
    for group in range(groups):
        start = GROUP * group
        to_points[:, group, start : start + POINTS] = torch.tensor(INPUTS, dtype=torch.double)
        to_columns[start : start + GROUP, :, group] = torch.tensor(OUTPUTS, dtype=torch.double)
    inner = to_points[:, :, 1 : width + 1].flatten(0, 1)  # outside the map is 0
    return inner.to(dtype).contiguous(), to_columns[:width].flatten(1, 2).to(dtype).contiguous()
