"""Structure of a song -> its audio.

Songs are synthesized without samples, so that they can be redistributed and their beats are known exactly.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from scipy import signal

from dancegen.corpus.music.arrangements import ARRANGEMENTS
from dancegen.corpus.music.band import Band
from dancegen.corpus.music.sounds import room
from dancegen.corpus.structure import SongStructure

RATE = 32_000
PEAK = 0.89  # -1 dBFS
FADE_S = 0.5


@dataclass(frozen=True)
class Mix:
    """Mixing parameters of the two tracks, by category."""

    room_s: float
    wet: float
    """Reverb level in the music track."""
    ducking: float
    """Attenuation of the music track on each beat, for the kick."""
    drive: float
    """Gain of the mix before the limiter."""


MIXES = {
    "kpop": Mix(room_s=0.8, wet=0.25, ducking=0.55, drive=1.5),
    "ballet": Mix(room_s=1.6, wet=0.45, ducking=0.0, drive=1.0),
    "popping": Mix(room_s=0.4, wet=0.12, ducking=0.15, drive=1.4),
    "house": Mix(room_s=0.9, wet=0.22, ducking=0.5, drive=1.4),
    "krump": Mix(room_s=0.7, wet=0.2, ducking=0.25, drive=1.6),
    "hiphop": Mix(room_s=0.5, wet=0.15, ducking=0.2, drive=1.3),
}


def synthesize(structure: SongStructure, rate: int = RATE) -> Float32[np.ndarray, " S"]:
    """The song's audio, mono in [-1, 1], `structure.seconds` long. Deterministic for a structure."""
    band = Band(structure, rate)
    arrangement = ARRANGEMENTS[structure.category]
    for bar in band.bars():
        arrangement(band, bar)
    return _mixed(band, MIXES[structure.category])


def _mixed(band: Band, mix: Mix) -> Float32[np.ndarray, " S"]:
    echo = signal.oaconvolve(band.music, room(mix.room_s, band.rate, band.rng))[: len(band.music)]
    music = (band.music + mix.wet * echo) * _ducking(band, mix.ducking)
    loud = _limited(band.drums + music, mix.drive)
    fade = min(round(FADE_S * band.rate), len(loud))
    loud[len(loud) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32) ** 2
    return loud


def _ducking(band: Band, depth: float) -> Float32[np.ndarray, " S"]:
    """Gain curve that dips on each beat and recovers within half a beat."""
    beats = (
        np.arange(len(band.music)) / (band.rate * band.structure.beat_s)
        - band.structure.start_s / band.structure.beat_s
    )
    since = np.mod(beats, 1.0)
    into = np.clip(since / 0.01, 0, 1)  # no click at the dip
    before = np.clip((1 - since) / 0.01, 0, 1)
    dip = depth * np.exp(-since / 0.2) * into * before
    return (1 - np.where(beats >= 0, dip, 0.0)).astype(np.float32)


def _limited(sound: Float32[np.ndarray, " S"], drive: float) -> Float32[np.ndarray, " S"]:
    """The audio, soft-clipped below PEAK."""
    typical = np.percentile(np.abs(sound), 99)
    return (PEAK * np.tanh(0.6 * drive * sound / max(typical, 1e-6))).astype(np.float32)
