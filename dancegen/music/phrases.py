"""sections -> phrases: the parts of a song that a dance has a plan for.

A section of the song is danced in phrases of four bars. Choreography repeats where the music does: the same phrase of
every section with the same letter has one label.

Axes used in shapes:
    H hops of audio    M mel bands
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from dancegen.music.beats import Heard
from dancegen.music.sections import find_sections

PHRASE_BARS = 4
FREE_PHRASE_S = 8.0  # length of a phrase of music without a beat
EARLIEST_S = 1.0  # a section that starts later has a phrase before it


class Phrase(NamedTuple):
    """A phrase of a dance."""

    start_s: float
    label: str
    """Letter of the section and number of the phrase in it, such as B2; phrases with one label are danced alike."""


def find_phrases(bands: Float32[np.ndarray, "H M"], heard: Heard, seconds: float) -> list[Phrase]:
    """The phrases of a song, in order; the first starts at 0."""
    bars_s = heard.count.bar_times()
    sections = find_sections(bands, bars_s)
    if not sections:
        return [Phrase(start, str(number)) for number, start in enumerate(np.arange(0.0, seconds, FREE_PHRASE_S))]
    phrases = [Phrase(0.0, "start")] if sections[0].start_s > EARLIEST_S else []
    for section in sections:
        inside = bars_s[(bars_s >= section.start_s - 1e-6) & (bars_s < section.end_s - 1e-6)]
        starts = inside[::PHRASE_BARS]
        if len(starts) > 1 and len(inside) % PHRASE_BARS == 1:
            starts = starts[:-1]  # a single bar belongs to the phrase before
        phrases += [Phrase(float(start), f"{section.label}{number}") for number, start in enumerate(starts)]
    return [phrases[0]._replace(start_s=0.0), *phrases[1:]]
