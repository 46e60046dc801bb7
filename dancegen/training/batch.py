"""A batch of training clips.

Axes used in shapes:
    B clips    T frames    S samples per frame    J joints    R rhythm channels
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Clips, normalised as the model's settings define. No value is NaN: a missing joint has confidence 0 in `mask`."""

    audio: Float[Tensor, "B T S"]
    rhythm: Float[Tensor, "B T R"]
    pose: Float[Tensor, "B T J 2"]
    mask: Float[Tensor, "B T J"]
    ids: Int[Tensor, " B"] | None = None
    """Numbers that identify the clips, the same in every batch; None if nothing depends on them."""
    style: Int[Tensor, " B"] | None = None
    """Numbers of the dances' styles (`gan/styles.py`); None for a model without styles."""

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on a device."""
        return self._each(lambda values: values.to(device, non_blocking=True))

    def pinned(self) -> "Batch":
        """The batch in pinned memory."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """Apply `change` to all fields except the ids, which are only used as seeds."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "ids"}
        return replace(self, **{name: change(values) for name, values in given.items() if values is not None})


def neighbours(clips: int, apart: int = 1) -> Tensor:
    """Each clip's partner: clips swap in pairs, so that shards of a batch pair alike; an odd one gets the first."""
    partner = torch.arange(clips) ^ apart
    return partner.where(partner < clips, 0)
