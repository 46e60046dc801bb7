"""Comparison of the weights of a file with those of a network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dancegen.errors import CheckpointError

TOLD = 3  # problems listed in a message


def weights(found: Mapping[str, Any], network: nn.Module, kind: str, subject: str) -> dict[str, Tensor]:
    """The weights in the dtypes of the network. Raises CheckpointError that lists the first mismatches."""
    wanted = network.state_dict()
    names = [*wanted, *(name for name in found if name not in wanted)]
    wrong = [mismatch for name in names if (mismatch := _misfit(name, wanted.get(name), found.get(name)))]
    if wrong:
        more = f"; and {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
        problem = f"does not match the published {kind}: {'; '.join(wrong[:TOLD])}{more}."
        raise CheckpointError(subject, problem, "Give the unmodified published state dict.")
    return {name: found[name].to(value.dtype) for name, value in wanted.items()}


def _misfit(name: str, wanted: Tensor | None, given: Any) -> str | None:
    """The mismatch of one weight; None when it matches."""
    if wanted is None:
        shape = f" {tuple(given.shape)}" if isinstance(given, Tensor) else ""
        return f"{name}{shape} is unexpected"
    shape = tuple(wanted.shape)
    if given is None:
        return f"{name} {shape} is missing"
    if not isinstance(given, Tensor) or given.layout != torch.strided or given.is_meta:
        return f"{name} is not a dense tensor"
    if given.shape != wanted.shape:
        return f"{name} has shape {tuple(given.shape)}, expected {shape}"
    if wanted.is_floating_point() and not given.is_floating_point():
        return f"{name} has dtype {str(given.dtype).removeprefix('torch.')}, expected float32"
    return None if given.to(wanted.dtype).isfinite().all() else f"{name} contains NaN or Inf"
