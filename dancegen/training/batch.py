"""What one update learns from.

Axes used in shapes:
    B clips    T frames    S samples a frame    J joints    R rhythm channels
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Clips, normalised as the model's settings say. No value is NaN: a missing joint has confidence 0 in `mask`."""

    audio: Float[Tensor, "B T S"]
    rhythm: Float[Tensor, "B T R"]
    pose: Float[Tensor, "B T J 2"]
    mask: Float[Tensor, "B T J"]
    ids: Int[Tensor, " B"] | None = None
    """Numbers that tell clips apart, the same for the same clip in every batch; None where nothing depends on them."""

    def to(self, device: torch.device | str) -> "Batch":
        """The same on a device."""
        return self._each(lambda values: values.to(device, non_blocking=True))

    def pinned(self) -> "Batch":
        """The same in memory that a GPU reads by itself."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """With a change of all but the ids, which only seed what is drawn."""
        names = [field.name for field in fields(self) if field.name != "ids"]
        return replace(self, **{name: change(getattr(self, name)) for name in names})
