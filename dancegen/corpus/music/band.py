"""Renders notes and drums of a song onto its beats, bar by bar."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from dancegen.corpus.music.harmony import CHORUSES, VERSES, Key, MelodyNote, draw_key, draw_melody, draw_progression
from dancegen.corpus.music.sounds import DRUMS, TIMBRES, Sound, note, riser
from dancegen.corpus.structure import CATEGORIES, PHRASE_BARS, Section, SongStructure


@dataclass(frozen=True)
class Bar:
    """One bar: position in the song, and chord and melody."""

    beat: int
    """Number of its first beat in the song."""
    beats: int
    section: Section
    phrase_bar: int
    fills: bool
    """Whether it ends a phrase or a section."""
    chord: int
    """Scale degree of its chord."""
    melody: list[MelodyNote]

    @property
    def starts_phrase(self) -> bool:
        """Whether a phrase starts with this bar."""
        return self.phrase_bar == 0

    @property
    def second_half(self) -> bool:
        """Whether it is in the second half of its phrase, which has more notes."""
        return self.phrase_bar >= PHRASE_BARS // 2


class Band:
    """Two tracks of the song's length, drums and music, and the methods that render into them."""

    def __init__(self, structure: SongStructure, rate: int) -> None:
        self.structure, self.rate = structure, rate
        self.rng = np.random.default_rng([CATEGORIES.index(structure.category), structure.seed, 1])
        self.key: Key = draw_key(structure.category, self.rng)
        samples = round(structure.seconds * rate)
        self.drums, self.music = np.zeros(samples, np.float32), np.zeros(samples, np.float32)
        self._kit = {name: drum(rate, self.rng) for name, drum in DRUMS.items()}
        self._notes: dict[tuple[str, float, float], Sound] = {}

    def strike(self, drum: str, beat: float, gain: float) -> None:
        """Add a drum on a beat."""
        self._add(self.drums, self._kit[drum], beat, gain * float(self.rng.uniform(0.92, 1.08)))

    def play(self, instrument: str, midi: float, beat: float, beats: float, gain: float) -> None:
        """Add a note that starts on a beat and is held for `beats` beats."""
        key = (instrument, midi, beats)
        if key not in self._notes:
            self._notes[key] = note(TIMBRES[instrument], midi, beats * self.structure.beat_s, self.rate)
        self._add(self.music, self._notes[key], beat, gain * float(self.rng.uniform(0.95, 1.05)))

    def chord(self, instrument: str, pitches: list[int], beat: float, beats: float, gain: float) -> None:
        """Add several simultaneous notes."""
        for midi in pitches:
            self.play(instrument, midi, beat, beats, gain / len(pitches) ** 0.5)

    def rise(self, beat: float, beats: float, gain: float) -> None:
        """Add a riser that ends `beats` beats after `beat`."""
        self._add(self.drums, riser(beats * self.structure.beat_s, self.rate, self.rng), beat, gain)

    def sing(self, instrument: str, bar: Bar, lowest: int, gain: float) -> None:
        """Add the bar's melody, with its chord's root in the octave above `lowest`."""
        shift = self.key.bass(bar.chord, lowest) - self.key.pitch(bar.chord)
        for tone in bar.melody:
            self.play(
                instrument,
                self.key.pitch(bar.chord + tone.degree) + shift,
                bar.beat + tone.beat,
                0.9 * tone.beats,
                gain,
            )

    def bars(self) -> list[Bar]:
        """All bars of the song, with its chords and melodies."""
        song, rng = self.structure, self.rng
        verse, chorus = (draw_progression(table, song.category, rng) for table in (VERSES, CHORUSES))
        tune, hook = _phrase(song.beats_per_bar, 0.35, rng), _phrase(song.beats_per_bar, 0.6, rng)
        result = []
        for index in range(song.bars):
            section, phrase_bar = song.section_at(index), song.phrase_bar(index)
            chords, melody = (chorus, hook) if section.kind == "chorus" else (verse, tune)
            result.append(
                Bar(
                    index * song.beats_per_bar,
                    song.beats_per_bar,
                    section,
                    phrase_bar,
                    song.ends_phrase(index),
                    chords[phrase_bar % len(chords)],
                    melody[phrase_bar],
                )
            )
        return result

    def _add(self, track: Sound, sound: Float32[np.ndarray, " N"], beat: float, gain: float) -> None:
        start = round((self.structure.start_s + beat * self.structure.beat_s) * self.rate)
        room = len(track) - start
        if room > 0:
            track[start : start + len(sound)] += np.float32(gain) * sound[:room]


def _phrase(beats_per_bar: int, busy: float, rng: np.random.Generator) -> list[list[MelodyNote]]:
    """A melody for the bars of a phrase: two bars repeated three times, and two final bars."""
    motif, ending = draw_melody(2, beats_per_bar, busy, rng), draw_melody(2, beats_per_bar, busy, rng)
    return (motif * (PHRASE_BARS // 2 - 1)) + ending
