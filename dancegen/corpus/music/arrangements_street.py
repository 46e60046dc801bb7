"""Instrumentation of each bar of house, krump and hip-hop songs; see `arrangements` for what must be recognizable."""

import numpy as np

from dancegen.corpus.music.band import Band, Bar

FULL = ("verse", "chorus")


def house(band: Band, bar: Bar) -> None:
    """Kick on every beat, open hats between the beats, off-beat stabs of the piano, an organ-like bass."""
    kind, chorus = bar.section.kind, bar.section.kind == "chorus"
    for beat in range(4):
        band.strike("kick", bar.beat + beat, (0.9 if kind in FULL else 0.7) * (1.1 if beat == 0 else 1.0))
        band.strike("open_hat", bar.beat + beat + 0.5, 0.13 if kind in FULL else 0.08)
        band.strike("hat", bar.beat + beat, 0.3)
        if beat % 2 and kind != "intro":
            band.strike("clap", bar.beat + beat, 0.55)
        if chorus or bar.second_half:
            for sixteenth in (0.25, 0.75):
                band.strike("hat", bar.beat + beat + sixteenth, 0.1)
    root, pitches = band.key.bass(bar.chord, 33), band.key.chord(bar.chord, 57, 4)
    band.play("bass", root, bar.beat, 0.7, 0.5)
    for beat in (1, 2, 2.5, 3, 3.5) if kind in FULL else (2,):
        band.play("bass", root + (12 if beat == 3.5 else 0), bar.beat + beat, 0.4, 0.36)
    for beat in (0.0, 1.0, 1.75, 2.0, 3.0, 3.75) if chorus else (0.0, 1.0, 2.5, 3.0):
        band.chord("piano", pitches, bar.beat + beat, 0.35, 0.4 if chorus else 0.22)
    band.chord("pad", pitches, bar.beat, 4, 0.2 if chorus else 0.1)
    if chorus:
        band.sing("voice", bar, 69, 0.22)
    elif kind == "verse":
        band.sing("piano", bar, 69, 0.14)
    _phrase(band, bar, "high_tom")


def krump(band: Band, bar: Bar) -> None:
    """Heavy drums in halved time over a deep bass, with brass in minor and rolls of the toms."""
    kind, chorus = bar.section.kind, bar.section.kind == "chorus"
    for beat, gain in ((0.0, 1.2), (1.0, 0.6), (1.5, 0.4), (3.0, 0.7)) if kind in FULL else ((0.0, 1.1), (3.0, 0.4)):
        band.strike("kick", bar.beat + beat, 0.85 * gain)
    for beat in range(4):
        band.strike("low_tom" if beat % 2 == 0 else "clap", bar.beat + beat, 0.8 if chorus else 0.5)
        band.strike("hat", bar.beat + beat, 0.5 if chorus else 0.26)
        band.strike("hat", bar.beat + beat + 0.5, 0.13)
    if kind != "intro":
        band.strike("snare", bar.beat + 2, 1.0 if chorus else 0.8)
    if chorus or bar.second_half:
        for step in range(8):
            band.strike("hat", bar.beat + 2 + step / 4, 0.08)
    root, pitches = band.key.bass(bar.chord, 28), band.key.chord(bar.chord, 48, 3)
    band.play("bass", root, bar.beat, 1.8 if kind in FULL else 3.6, 0.6)
    if kind in FULL:
        band.play("bass", root + 12, bar.beat + 2.5, 0.8, 0.34)
    for beat in (0.0, 1.0, 2.0, 3.0) if chorus else (0.0,):
        band.chord("brass", pitches, bar.beat + beat, 0.3, 0.3 if chorus else 0.22)
    band.chord("strings", pitches, bar.beat, 4, 0.12)
    if chorus:
        band.sing("strings", bar, 62, 0.14)
    elif kind == "verse":
        band.sing("pluck", bar, 62, 0.2)
    _phrase(band, bar, "low_tom")


def hiphop(band: Band, bar: Bar) -> None:
    """Boom bap: syncopated kicks, snares on 2 and 4, swung hats, an electric piano and a round bass."""
    kind, chorus = bar.section.kind, bar.section.kind == "chorus"
    for beat, gain in ((0.0, 1.2), (0.75, 0.5), (2.5, 0.8)) if kind in FULL else ((0.0, 1.0), (2.5, 0.5)):
        band.strike("kick", bar.beat + beat, 0.8 * gain)
    for beat in range(4):
        band.strike("hat", bar.beat + beat, 0.3)
        band.strike("hat", bar.beat + beat + 0.58, 0.16)
        if beat % 2:
            band.strike("snare", bar.beat + beat, 0.75 if kind != "intro" else 0.4)
        if chorus:
            band.strike("clap", bar.beat + beat, 0.4 if beat % 2 else 0.12)
        if bar.second_half:
            band.strike("hat", bar.beat + beat + 0.82, 0.1)
    root, pitches = band.key.bass(bar.chord, 31), band.key.chord(bar.chord, 57, 4)
    band.play("bass", root, bar.beat, 1.4, 0.55)
    for beat, interval in ((1.5, 0), (2.5, 7), (3.5, 12)) if kind in FULL else ((2.5, 0),):
        band.play("bass", root + interval, bar.beat + beat, 0.6, 0.34)
    band.chord("piano", pitches, bar.beat, 1.6, 0.36)
    band.chord("piano", pitches, bar.beat + 2.5, 1.2, 0.24)
    if chorus:
        band.chord("brass", pitches, bar.beat, 0.5, 0.4)
        band.chord("brass", pitches, bar.beat + 3, 0.4, 0.3)
        band.sing("lead", bar, 67, 0.2)
    elif kind == "verse":
        band.sing("clavinet", bar, 64, 0.16)
    _phrase(band, bar, "mid_tom")


def _phrase(band: Band, bar: Bar, drum: str) -> None:
    """A cymbal where a phrase starts, and a roll where it ends."""
    if bar.starts_phrase:
        band.strike("crash", bar.beat, 0.45 if bar.section.kind == "chorus" else 0.28)
    if bar.fills:
        band.rise(bar.beat, 4, 0.2)
        for step, beat in enumerate(np.arange(2, 4, 0.25)):
            band.strike("snare" if step % 3 == 2 else drum, bar.beat + float(beat), 0.3 + 0.05 * step)
