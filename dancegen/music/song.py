"""The music of a song as dance models take it.

Axes used in shapes:
    T frames    S samples per frame    R rhythm channels
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from dancegen.music.phrases import Phrase


@dataclass(frozen=True)
class Song:
    """Audio and rhythm of each pose frame, and the parts that a dance has a plan for."""

    audio: Float[Tensor, "T S"]
    """Mono, 16 kHz."""
    rhythm: Float[Tensor, "T R"]
    """Channels of `rhythm.RHYTHM_CHANNELS`, or a subset of them."""
    phrases: list[Phrase]
    """In order; none for a dance without a plan."""
