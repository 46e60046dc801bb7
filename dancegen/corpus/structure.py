"""Structure of a song: tempo, bars and sections, from which its audio and its dances are generated.

Positions are in bars and beats; `beats`, `downbeats` and `beat_at` convert to seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64

CATEGORIES = ("kpop", "ballet", "popping", "house", "krump", "hiphop")
SectionKind = Literal["intro", "verse", "chorus", "break", "outro"]
KINDS: tuple[SectionKind, ...] = get_args(SectionKind)
PHRASE_BARS = 8  # bars per phrase, counted from the first bar of a section

BPM = {
    "kpop": (100.0, 130.0),
    "ballet": (70.0, 110.0),
    "popping": (90.0, 110.0),
    "house": (110.0, 132.0),
    "krump": (84.0, 112.0),
    "hiphop": (84.0, 112.0),
}
BEATS_PER_BAR = {**dict.fromkeys(CATEGORIES, (4,)), "ballet": (3, 4)}
TAIL_S = 0.8  # decay of the last chord
SHORTEST_BARS = 2


@dataclass(frozen=True)
class Section:
    """A part of a song, in whole bars."""

    kind: SectionKind
    first_bar: int
    bars: int

    @property
    def end_bar(self) -> int:
        """The first bar after the section."""
        return self.first_bar + self.bars


@dataclass(frozen=True)
class SongStructure:
    """The structure of a song. The tempo is constant."""

    song: str
    category: str
    seed: int
    bpm: float
    beats_per_bar: int
    sections: tuple[Section, ...]
    start_s: float = 0.0
    """Seconds of silence before the first beat."""

    @property
    def bars(self) -> int:
        """Number of bars."""
        return self.sections[-1].end_bar

    @property
    def beat_s(self) -> float:
        """Duration of a beat in seconds."""
        return 60.0 / self.bpm

    @property
    def bar_s(self) -> float:
        """Duration of a bar in seconds."""
        return self.beat_s * self.beats_per_bar

    @property
    def beats(self) -> Float64[np.ndarray, " beats"]:
        """Times of all beats in seconds."""
        return self.start_s + np.arange(self.bars * self.beats_per_bar) * self.beat_s

    @property
    def downbeats(self) -> Float64[np.ndarray, " bars"]:
        """Times of all downbeats in seconds."""
        return self.beats[:: self.beats_per_bar]

    @property
    def seconds(self) -> float:
        """Length of the song in seconds: to the end of the last bar, plus TAIL_S."""
        return self.start_s + self.bars * self.bar_s + TAIL_S

    def section_at(self, bar: int) -> Section:
        """The section of a bar; the first or the last one for bars outside the song."""
        later = (section for section in self.sections if bar < section.end_bar)
        return next(later, self.sections[-1])

    def phrase_bar(self, bar: int) -> int:
        """Position of a bar in its phrase: 0 to PHRASE_BARS - 1."""
        return (bar - self.section_at(bar).first_bar) % PHRASE_BARS

    def ends_phrase(self, bar: int) -> bool:
        """Whether a bar is the last one of its phrase or section, where the music has a fill."""
        return self.phrase_bar(bar) == PHRASE_BARS - 1 or bar == self.section_at(bar).end_bar - 1

    def beat_at(self, seconds: float) -> float:
        """Fractional beat number at a time in seconds: 0.0 at the first beat, negative before it."""
        return (seconds - self.start_s) / self.beat_s


def compose(category: str, seed: int, seconds: float) -> SongStructure:
    """The structure of a song of `seconds` (to half a bar); deterministic for a seed."""
    rng = np.random.default_rng([CATEGORIES.index(category), seed])
    bpm = round(float(rng.uniform(*BPM[category])), 1)
    beats_per_bar = int(rng.choice(BEATS_PER_BAR[category]))
    start_s = round(float(rng.uniform(0.0, 0.4)), 3)
    bar_s = beats_per_bar * 60.0 / bpm
    bars = max(SHORTEST_BARS, round((seconds - start_s - TAIL_S) / bar_s))
    sections = _sections(bars, rng)
    return SongStructure(f"{category}-{seed:06d}", category, seed, bpm, beats_per_bar, sections, start_s)


def _sections(bars: int, rng: np.random.Generator) -> tuple[Section, ...]:
    """Sections that fill exactly this many bars, with intro and outro only if they fit."""
    intro = 4 if bars >= 16 else 0
    outro = 4 if bars >= 24 else 0
    lengths: list[tuple[SectionKind, int]] = [("intro", intro)]
    left = bars - intro - outro
    for kind, wanted in _form(rng):
        # if fewer than four bars would remain, the section includes them
        length = left if left - wanted < 4 else wanted
        lengths.append((kind, length))
        left -= length
        if not left:
            break
    lengths.append(("outro", outro))
    return _placed(lengths)


def _form(rng: np.random.Generator) -> Iterator[tuple[SectionKind, int]]:
    """An infinite song form: verses and choruses, with occasional breaks."""
    if rng.random() < 0.5:
        yield "chorus", PHRASE_BARS
    yield "verse", PHRASE_BARS
    yield "chorus", PHRASE_BARS
    while True:
        yield "verse", PHRASE_BARS
        yield "chorus", PHRASE_BARS
        yield "break", int(rng.choice([4, PHRASE_BARS]))
        yield "chorus", PHRASE_BARS


def _placed(lengths: list[tuple[SectionKind, int]]) -> tuple[Section, ...]:
    sections: list[Section] = []
    first_bar = 0
    for kind, length in lengths:
        if length:
            sections.append(Section(kind, first_bar, length))
            first_bar += length
    return tuple(sections)
