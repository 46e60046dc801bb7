"""Instrumentation of each bar, by category of song.

The position in the music must be recognizable from the audio: the beat, the downbeat (the bass changes to the
chord's root), the kind of section (instrumentation), the start of a phrase (a crash, a low octave), its second half
(more notes, or higher ones) and its end (a fill).
"""

from collections.abc import Callable

import numpy as np

from dancegen.corpus.music.arrangements_street import hiphop, house, krump
from dancegen.corpus.music.band import Band, Bar

Arrangement = Callable[[Band, Bar], None]

SPARSE = ("intro", "break", "outro")


def kpop(band: Band, bar: Bar) -> None:
    """Kick on every beat, clap and snare on 2 and 4, a synthesiser hook in the chorus."""
    kind = bar.section.kind
    _kpop_drums(band, bar)
    pitches = band.key.chord(bar.chord, 55, 4 if kind == "chorus" else 3)
    band.chord("pad", pitches, bar.beat, 4, 0.2 if kind == "chorus" else 0.13)
    root = band.key.bass(bar.chord, 33)
    if kind in ("verse", "chorus"):
        for step in range(8):  # octave jumps on every half beat
            band.play(
                "bass",
                root + 12 * (step % 2),
                bar.beat + step / 2,
                0.42,
                0.42 if step == 0 else 0.3 - 0.08 * (step % 2),
            )
    else:
        band.play("bass", root, bar.beat, 3.8, 0.34)
    if kind == "chorus":
        band.sing("lead", bar, 67, 0.2)
        band.sing("voice", bar, 67, 0.14)
    elif kind == "verse":
        band.sing("voice", bar, 62, 0.2)
    if kind != "verse":
        for step in range(16 if kind == "chorus" else 8):  # the chord's notes, one after the other
            beat = step * (0.25 if kind == "chorus" else 0.5)
            band.play(
                "pluck", pitches[step % len(pitches)] + (24 if bar.second_half else 12), bar.beat + beat, 0.3, 0.09
            )


def _kpop_drums(band: Band, bar: Bar) -> None:
    kind = bar.section.kind
    soft = kind in SPARSE
    for beat in range(bar.beats):
        if not (bar.fills and kind == "break"):
            band.strike("kick", bar.beat + beat, (0.5 if soft else 0.8) * (1.12 if beat == 0 else 1.0))
        band.strike("hat", bar.beat + beat, 0.28)
        if beat % 2 and kind != "intro":
            band.strike("clap", bar.beat + beat, 0.3 if soft else 0.5)
            if not soft:
                band.strike("snare", bar.beat + beat, 0.35)
        band.strike("open_hat" if kind == "chorus" else "hat", bar.beat + beat + 0.5, 0.12)
        if kind == "chorus" or bar.second_half:
            for sixteenth in (0.25, 0.75):
                band.strike("hat", bar.beat + beat + sixteenth, 0.07)
    if bar.starts_phrase:
        band.strike("crash", bar.beat, 0.45 if kind == "chorus" else 0.28)
    if bar.fills:
        band.rise(bar.beat, bar.beats, 0.22)
        for step, beat in enumerate(np.arange(2, 4, 0.25)):
            band.strike("snare" if step < 4 else "mid_tom", bar.beat + beat, 0.2 + 0.05 * step)


def ballet(band: Band, bar: Bar) -> None:
    """Piano, strings and plucked strings; a low note marks the downbeat, soft chords the other beats."""
    kind, pitches = bar.section.kind, band.key.chord(bar.chord, 57)
    root = band.key.bass(bar.chord, 38)
    band.play("piano", root, bar.beat, bar.beats * 0.95, 0.5)
    band.play("pizzicato", root + 12, bar.beat, 0.8, 0.42)
    for beat in range(1, bar.beats):
        band.chord("piano", pitches, bar.beat + beat, 0.7, 0.24)
        if bar.second_half:
            band.play("celesta", pitches[-1] + 24, bar.beat + beat, 0.6, 0.07)
        if kind == "chorus":
            band.chord("pizzicato", [pitch + 12 for pitch in pitches], bar.beat + beat, 0.5, 0.24)
    if kind != "intro":
        band.chord(
            "strings", [pitch - 12 for pitch in pitches], bar.beat, bar.beats * 0.97, 0.22 if kind == "chorus" else 0.1
        )
    if kind == "chorus":
        band.sing("strings", bar, 69, 0.26)
        band.sing("celesta", bar, 81, 0.12)
    elif kind == "verse":
        band.sing("piano", bar, 69, 0.3)
    elif kind == "break":
        band.sing("pizzicato", bar, 69, 0.34)
    _ballet_phrase(band, bar, pitches, root)


def _ballet_phrase(band: Band, bar: Bar, pitches: list[int], root: int) -> None:
    """A run of the harp replaces the drum roll; timpani and a low octave replace the cymbal."""
    if bar.starts_phrase:
        band.play("piano", root - 12, bar.beat, bar.beats, 0.45)
        band.strike("timpani", bar.beat, 0.4 if bar.section.kind == "chorus" else 0.22)
        band.strike("swell", bar.beat, 0.07)
    if bar.fills:
        steps = (bar.beats - 1) * 4
        for step in range(steps):
            octave, tone = divmod(step, len(pitches))
            band.play(
                "celesta", pitches[tone] + 12 * min(octave, 3), bar.beat + 1 + step / 4, 0.5, 0.08 + 0.1 * step / steps
            )
        band.rise(bar.beat + bar.beats - 2, 2, 0.03)


FUNK_BASS = (
    (0.0, 0, 0.9),
    (1.5, 12, 0.2),
    (2.0, 12, 0.2),
    (2.5, 7, 0.3),
    (3.0, 10, 0.2),
    (3.5, 12, 0.2),
)  # beat, interval, beats
FUNK_STABS = ((0.0, 1.0, 3.5), (0.0, 2.0), (0.0, 1.0, 2.5, 3.0), (0.0, 0.5, 2.0, 3.0))


def popping(band: Band, bar: Bar) -> None:
    """Funk: sharp claps on 2 and 4, an off-beat slap bass, and brass hits for the pops."""
    kind = bar.section.kind
    _popping_drums(band, bar)
    root = band.key.bass(bar.chord, 33)
    if kind in ("verse", "chorus"):
        for beat, interval, beats in FUNK_BASS:
            band.play("slap", root + interval, bar.beat + beat, beats, 0.65 if beat == 0 else 0.4)
    else:
        band.play("slap", root, bar.beat, 0.5, 0.55)
        band.play("slap", root + 12, bar.beat + 2.5, 0.3, 0.4)
    pitches = band.key.chord(bar.chord, 60, 4)
    band.chord("pad", pitches, bar.beat, 1.8, 0.12)
    for beat in (0.0, 0.75, 1.0, 2.0, 2.5, 3.0, 3.75):
        band.chord("clavinet", pitches, bar.beat + beat, 0.18, 0.2 if kind in ("verse", "chorus") else 0.1)
    if kind == "chorus":
        for beat in FUNK_STABS[bar.phrase_bar % len(FUNK_STABS)]:
            band.chord("brass", [pitch + 5 for pitch in pitches[:1]] + pitches, bar.beat + beat, 0.22, 0.36)
        band.sing("lead", bar, 65, 0.16)
    elif kind == "break":
        band.chord("brass", pitches, bar.beat, 0.3, 0.4)
    else:
        band.sing("clavinet", bar, 65, 0.26)


def _popping_drums(band: Band, bar: Bar) -> None:
    kind = bar.section.kind
    full = kind in ("verse", "chorus")
    for beat, gain in ((0.0, 1.1), (1.5, 0.5), (2.0, 0.4), (2.5, 0.5)) if full else ((0.0, 1.0), (2.0, 0.4)):
        band.strike("kick", bar.beat + beat, 0.8 * gain)
    for beat in (1, 3):
        band.strike("clap", bar.beat + beat, 0.8 if full else 0.6)
        if kind == "chorus":
            band.strike("snare", bar.beat + beat, 0.4)
    for step in range(16 if full else 8):
        beat = step * (0.25 if full else 0.5)
        band.strike("hat", bar.beat + beat, 0.3 if float(beat).is_integer() else 0.12)
        if bar.second_half and step % 4 == 2 and full:
            band.strike("open_hat", bar.beat + beat, 0.16)
    if bar.starts_phrase:
        band.strike("crash", bar.beat, 0.4 if kind == "chorus" else 0.25)
    if bar.fills:
        for step, drum in enumerate(("high_tom", "high_tom", "mid_tom", "clap", "mid_tom", "low_tom", "clap", "clap")):
            band.strike(drum, bar.beat + 2 + step / 4, 0.5 + 0.03 * step)


ARRANGEMENTS: dict[str, Arrangement] = {
    "kpop": kpop,
    "ballet": ballet,
    "popping": popping,
    "house": house,
    "krump": krump,
    "hiphop": hiphop,
}
