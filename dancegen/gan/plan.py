"""The plan of a dance: its phrases, and a latent code for each of them.

A section of the song is danced in phrases of four bars. A phrase has a latent code of its own, which it shares with the
same phrase of every section with the same letter: choreography repeats where the music does, and changes where it
changes. A fifth of a code's variance is the dancer's and the same in all phrases.

Axes used in shapes:
    H hops of audio    M mel bands    T frames    Z noise    P phrases
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from dancegen.music.beats import Heard
from dancegen.music.sections import find_sections

PHRASE_BARS = 4
FREE_PHRASE_S = 8.0  # length of a phrase of music without a beat
FADE_S = 1.0  # duration of the change from one code to the next
DANCER_SHARE = 0.2  # of a code's variance is the same in all phrases


class Phrase(NamedTuple):
    """A phrase of a dance."""

    start_s: float
    label: str
    """Letter of the section and number of the phrase in it, such as B2; phrases with one label have one code."""


def find_phrases(bands: Float32[np.ndarray, "H M"], heard: Heard, seconds: float) -> list[Phrase]:
    """The phrases of a song, in order; the first starts at 0."""
    bars_s = heard.count.bar_times()
    sections = find_sections(bands, bars_s)
    if not sections:
        return [Phrase(start, str(number)) for number, start in enumerate(np.arange(0.0, seconds, FREE_PHRASE_S))]
    phrases = [Phrase(0.0, "start")] if sections[0].start_s > FADE_S else []
    for section in sections:
        inside = bars_s[(bars_s >= section.start_s - 1e-6) & (bars_s < section.end_s - 1e-6)]
        starts = inside[::PHRASE_BARS]
        if len(starts) > 1 and len(inside) % PHRASE_BARS == 1:
            starts = starts[:-1]  # a single bar belongs to the phrase before
        phrases += [Phrase(float(start), f"{section.label}{number}") for number, start in enumerate(starts)]
    return [phrases[0]._replace(start_s=0.0), *phrases[1:]]


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
