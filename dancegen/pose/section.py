"""A section of a dance that is danced anew.

Axes used in shapes:
    T frames    J joints
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Section:
    """The frames of a dance from `first` up to `last`, which is the first one after the section."""

    dance: Float[Tensor, "T J 2"]
    """The whole dance, in the normalised coordinates of its model."""
    first: int
    last: int
