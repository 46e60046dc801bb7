"""A bidirectional GRU that trains in fewer operations on a CPU.

torch differentiates a GRU frame by frame: for each frame and direction it multiplies out a gradient of the weights and
adds it to the sum. Here both directions advance together, and the gradients of all frames are one product. GPUs have
cuDNN's own kernel.

Axes used in shapes:
    T frames    D directions    B clips    I inputs    H hidden features    G gates: reset, update, new (3 * H)
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class BidirectionalGRU(nn.GRU):
    """`nn.GRU`, batch first and in both directions, with the same parameters and up to rounding the same results."""

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__(inputs, hidden, layers, batch_first=True, bidirectional=True)

    def forward(self, x: Float[Tensor, "B T I"], hx: None = None) -> tuple[Float[Tensor, "B T H2"], Tensor | None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Features of every frame, those of both directions; in training on a CPU without the last state."""
        if not self.training or x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        for layer in range(self.num_layers):
            x = self._layer(x, layer)
        return x, None

    def _layer(self, x: Float[Tensor, "B T I"], layer: int) -> Float[Tensor, "B T H2"]:
        input_weight, weight, input_bias, bias = (
            torch.stack([getattr(self, f"{name}_l{layer}{side}") for side in ("", "_reverse")])
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        gates = F.linear(x, input_weight.flatten(0, 1), input_bias.flatten()).to(weight)
        forward, backward = gates.transpose(0, 1).chunk(2, dim=-1)
        states = Recurrence.apply(torch.stack([forward, backward.flip(0)], dim=1), weight, bias)
        return torch.cat([states[:, 0], states[:, 1].flip(0)], dim=-1).transpose(0, 1)


class Recurrence(torch.autograd.Function):
    """The states of a GRU from its inputs' part of the gates. Products are in the precision of autocast."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Float[Tensor, "T D B G"],
        weight: Float[Tensor, "D G H"],
        bias: Float[Tensor, "D G"],
    ) -> Float[Tensor, "T D B H"]:
        """The state after each frame; the first one follows a state of zeros."""
        rounded = torch.is_autocast_enabled("cpu") and inputs.dtype == torch.float32  # as autocast does, not float64
        ctx.dtype = torch.get_autocast_dtype("cpu") if rounded else inputs.dtype
        frames, size = len(inputs), weight.shape[2]
        states = inputs.new_zeros(frames + 1, *inputs.shape[1:3], size)
        gates = torch.empty_like(inputs)
        heard = torch.empty_like(states[1:])
        with torch.autocast("cpu", enabled=False):
            turned = weight.transpose(1, 2).to(ctx.dtype)
            for frame in range(frames):
                hidden = torch.bmm(states[frame].to(ctx.dtype), turned) + bias[:, None]
                heard[frame] = hidden[..., 2 * size :]
                torch.add(inputs[frame], hidden, out=gates[frame])
                reset, update = gates[frame, ..., : 2 * size].sigmoid_().chunk(2, dim=-1)
                new = torch.addcmul(inputs[frame, ..., 2 * size :], reset, heard[frame]).tanh_()
                gates[frame, ..., 2 * size :] = new
                torch.lerp(new, states[frame], update, out=states[frame + 1])
        ctx.save_for_backward(gates, heard, states, weight)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Gradients of the inputs, of the weights and of the biases.

        The gradient of a gate is that of its state times a factor that is known for all frames.
        """
        (gradient,) = gradients
        gates, heard, states, weight = ctx.saved_tensors
        reset, update, new = gates.chunk(3, dim=-1)
        to_new = (1 - update) * (1 - new.square())
        to_reset = to_new * heard * reset * (1 - reset)
        to_update = (states[:-1] - new) * update * (1 - update)
        factors = torch.stack([to_reset, to_update, to_new * reset], dim=3)  # (T, D, B, 3, H)
        found, of_state = torch.empty_like(factors), torch.empty_like(gradient)
        with torch.autocast("cpu", enabled=False):
            rounded = weight.to(ctx.dtype)
            later = torch.zeros_like(gradient[0])
            for frame in reversed(range(len(gradient))):
                torch.add(gradient[frame], later, out=of_state[frame])
                torch.mul(factors[frame], of_state[frame, :, :, None], out=found[frame])
                before = torch.bmm(found[frame].flatten(2).to(ctx.dtype), rounded)
                later = torch.addcmul(before.to(gradient), of_state[frame], update[frame])
            hidden = found.flatten(3).transpose(0, 1).flatten(1, 2)  # (D, T * B, G)
            before = states[:-1].transpose(0, 1).flatten(1, 2).to(ctx.dtype)
            of_weight = torch.bmm(hidden.transpose(1, 2).to(ctx.dtype), before).to(weight)
            of_bias = hidden.sum(dim=1)
        found[..., 2, :] = of_state * to_new  # `hidden` may be a view of it
        return found.flatten(3), of_weight, of_bias
