"""The plan of a dance: its phrases, and a latent code for each of them.

A phrase has a latent code of its own, which it shares with all phrases of the same label: choreography repeats where
the music does, and changes where it changes. A fifth of a code's variance is the dancer's and the same in all phrases.

Axes used in shapes:
    T frames    Z noise    P phrases
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from dancegen.music.phrases import Phrase

FADE_S = 1.0  # duration of the change from one code to the next
DANCER_SHARE = 0.2  # of a code's variance is the same in all phrases


def codes(phrases: Sequence[Phrase], frames: int, fps: float, drawn: Float[Tensor, "P Z"]) -> Float[Tensor, "T Z"]:
    """The code of every frame. Row 0 of `drawn` is the dancer's; each new label takes the next row."""
    rows, by_label = iter(drawn[1:]), dict[str, Tensor]()
    seconds = torch.arange(frames) / fps
    own = torch.zeros(frames, drawn.shape[1])
    for number, phrase in enumerate(phrases):
        if phrase.label not in by_label:
            by_label[phrase.label] = next(rows)
        code = by_label[phrase.label].expand(frames, -1)
        own = fade(own, code, (seconds - phrase.start_s) / FADE_S + 0.5) if number else code
    return DANCER_SHARE**0.5 * drawn[0] + (1 - DANCER_SHARE) ** 0.5 * own


def fade(
    before: Float[Tensor, "*B Z"], after: Float[Tensor, "*B Z"], share: Float[Tensor, " *B"]
) -> Float[Tensor, "*B Z"]:
    """From one code to another; `share` is that of the latter, clipped to [0, 1]. The variance stays the same."""
    share = share.clamp(0, 1)[..., None].to(before)
    return ((1 - share) * before + share * after) / ((1 - share).square() + share.square()).sqrt()
