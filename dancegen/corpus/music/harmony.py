"""Keys, chords and melodies, in scale degrees."""

from dataclasses import dataclass

import numpy as np

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)

# category -> scales, and degrees of the chords of verses and choruses, one per bar
SCALES = {"kpop": (MAJOR, MINOR), "ballet": (MAJOR, MINOR), "popping": (MINOR,)}
SCALES |= {"house": (MAJOR, MINOR), "krump": (MINOR,), "hiphop": (MINOR, MAJOR)}
VERSES = {
    "kpop": ((0, 5, 3, 4), (0, 4, 5, 3), (5, 3, 0, 4)),
    "ballet": ((0, 3, 4, 0), (0, 5, 1, 4), (0, 3, 1, 4)),
    "popping": ((0, 0, 3, 0), (0, 0, 0, 6), (0, 6, 0, 4)),
    "house": ((0, 3, 0, 4), (5, 3, 0, 4), (0, 2, 3, 3)),
    "krump": ((0, 0, 5, 4), (0, 5, 0, 6), (0, 0, 1, 0)),
    "hiphop": ((0, 3, 0, 3), (0, 5, 3, 4), (1, 4, 0, 0)),
}
CHORUSES = {
    "kpop": ((3, 4, 2, 5), (5, 3, 0, 4), (3, 4, 5, 0)),
    "ballet": ((0, 4, 5, 2, 3, 0, 3, 4), (3, 0, 4, 5, 3, 0, 4, 0)),
    "popping": ((3, 3, 0, 0), (5, 6, 0, 0), (0, 3, 5, 4)),
    "house": ((3, 4, 5, 0), (5, 4, 3, 4), (3, 0, 4, 5)),
    "krump": ((5, 6, 0, 0), (0, 6, 5, 4), (3, 4, 0, 0)),
    "hiphop": ((5, 3, 4, 0), (3, 4, 0, 5), (0, 5, 1, 4)),
}


@dataclass(frozen=True)
class Key:
    """A scale on a tonic."""

    tonic: int
    """MIDI number of degree 0."""
    scale: tuple[int, ...]

    def pitch(self, degree: int) -> int:
        """MIDI number of a degree; 7 is an octave above 0."""
        octave, step = divmod(degree, len(self.scale))
        return self.tonic + 12 * octave + self.scale[step]

    def chord(self, degree: int, lowest: int, notes: int = 3) -> list[int]:
        """Stacked thirds on a degree, each transposed into the octave above `lowest`."""
        pitches = [self.pitch(degree + 2 * index) for index in range(notes)]
        return sorted(lowest + (pitch - lowest) % 12 for pitch in pitches)

    def bass(self, degree: int, lowest: int) -> int:
        """MIDI number of a degree in the octave above `lowest`."""
        return lowest + (self.pitch(degree) - lowest) % 12


@dataclass(frozen=True)
class MelodyNote:
    """A note of a melody, relative to its bar and to its bar's chord."""

    beat: float
    beats: float
    degree: int


def draw_key(category: str, rng: np.random.Generator) -> Key:
    """Sample a key for a song: the tonic is between G3 and F#4."""
    scales = SCALES[category]
    return Key(int(rng.integers(55, 67)), scales[int(rng.integers(len(scales)))])


def draw_progression(
    table: dict[str, tuple[tuple[int, ...], ...]], category: str, rng: np.random.Generator
) -> tuple[int, ...]:
    """Sample the degrees of a chord progression, one per bar, to be repeated."""
    choices = table[category]
    return choices[int(rng.integers(len(choices)))]


def draw_melody(bars: int, beats_per_bar: int, busy: float, rng: np.random.Generator) -> list[list[MelodyNote]]:
    """Sample a melody: a list of notes per bar; `busy` is the fraction of half beats with a note onset.

    Downbeats always have a chord note; between them the melody moves by steps.
    """
    degree = int(rng.choice([0, 2, 4]))
    melody = []
    for _ in range(bars):
        starts = [step / 2 for step in range(2 * beats_per_bar) if step == 0 or rng.random() < busy]
        ends = [*starts[1:], float(beats_per_bar)]
        notes = []
        for start, end in zip(starts, ends, strict=True):
            degree = _next_degree(degree, start.is_integer(), rng)
            notes.append(MelodyNote(start, min(end - start, 2.0), degree))
        melody.append(notes)
    return melody


def _next_degree(degree: int, strong: bool, rng: np.random.Generator) -> int:
    moved = int(np.clip(degree + rng.integers(-2, 3), -2, 8))
    if not strong:
        return moved
    chord_notes = np.array([-3, 0, 2, 4, 7, 9])
    return int(chord_notes[np.abs(chord_notes - moved).argmin()])
