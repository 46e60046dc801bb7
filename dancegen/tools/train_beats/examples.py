"""Training examples: 40 s of spectrogram, and where its beats are.

Axes used in shapes:
    S samples    H hops of audio (100 per second)    M mel bands    N beats    K examples
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from scipy.signal import resample_poly

from dancegen.corpus.music.grooves import CLICKS, GROOVES
from dancegen.corpus.music.practice import (
    FASTEST_BPM,
    SLOWEST_BPM,
    PracticeSong,
    chatter,
    noise,
    practice_song,
)
from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.spectrum import FLOOR_DB, HOPS_A_SECOND, bands_db

SECONDS = 40.0
SHARD = 50  # examples of a file
SHARES = {
    "other": 0.05,  # speech and noise
    "corpus": 0.06,  # corpus songs
    "set": 0.13,  # several songs
    "drums": 0.11,  # drums alone
    "clicks": 0.03,
    "solo": 0.09,  # one instrument
    "threes": 0.11,  # in bars of three, or of two beats that divide into three
    "slow": 0.14,
}
"""Kinds of examples; the others are songs of any kind."""
SLOW = tuple(name for name, groove in GROOVES.items() if groove.bpm[0] <= 85)
SLOW_BPM = 88.0  # of slow songs the fastest
THREES = tuple(name for name, groove in GROOVES.items() if groove.beats != 4)
CATEGORY_SEEDS = 5_000_000  # seeds that no corpus in configs/ uses


class Example(NamedTuple):
    """A spectrogram and its annotation. Times are in seconds."""

    bands: UInt8[np.ndarray, "H M"]
    """Level in dB: 255 is FLOOR_DB."""
    beats: Float64[np.ndarray, " N"]
    downbeats: Float64[np.ndarray, " _"]
    triple: Float32[np.ndarray, " H"]
    """1 where a beat divides into three, 0 where not, NaN where there is no beat."""


def example(seed: int) -> Example:
    """An example; deterministic for a seed."""
    rng = np.random.default_rng([seed, 78])
    kind = str(rng.choice([*SHARES, "any"], p=[*SHARES.values(), 1 - sum(SHARES.values())]))
    if kind == "set":
        return _set(rng, seed)
    makers: dict[str, Callable[[], PracticeSong]] = {
        "other": lambda: _other(rng, SECONDS),
        "corpus": lambda: _corpus_song(rng),
        "drums": lambda: _drums(rng, seed),
        "clicks": lambda: _song(seed, groove=str(rng.choice(list(CLICKS))), ensemble="drums"),
        "solo": lambda: _song(seed, ensemble="solo"),
        "slow": lambda: _slow(rng, seed),
        "threes": lambda: _song(seed, groove=str(rng.choice(THREES))),
        "any": lambda: _song(seed),
    }
    song = makers[kind]()
    return _example(song.samples, [(0.0, song)])


def shard(folder: Path, number: int) -> list[Example]:
    """SHARD examples, from their file in `folder`, which is written first if it does not exist."""
    path = folder / f"examples-{number:04d}.npz"
    if not path.exists():
        made = [example(number * SHARD + index) for index in range(SHARD)]
        arrays = {f"{name}{index}": value for index, one in enumerate(made) for name, value in one._asdict().items()}
        unfinished = path.with_suffix(".part.npz")
        np.savez_compressed(unfinished, **arrays)
        unfinished.rename(path)
    with np.load(path) as file:
        return [Example(*(file[f"{name}{index}"] for name in Example._fields)) for index in range(SHARD)]


def _example(samples: Float32[np.ndarray, " S"], songs: list[tuple[float, PracticeSong]]) -> Example:
    bands = bands_db(samples)
    triple = np.full(len(bands), np.nan, np.float32)
    for start, song in songs:
        if len(song.beats):
            first, last = ((start + time) * HOPS_A_SECOND for time in (song.beats[0], song.beats[-1]))
            triple[int(first) : int(last)] = song.triple
    beats, downbeats = (
        np.concatenate([start + getattr(song, name) for start, song in songs]) for name in ("beats", "downbeats")
    )
    return Example(np.round(bands / FLOOR_DB * 255).astype(np.uint8), beats, downbeats, triple)


def _set(rng: np.random.Generator, seed: int) -> Example:
    """Two or three songs, with silence, speech or noise between them in half of the cases."""
    lengths = rng.dirichlet([4.0] * int(rng.integers(2, 4))) * SECONDS
    pieces, songs, at = [], [], 0.0
    for number, length in enumerate(lengths):
        between = float(rng.uniform(0.5, 6)) if rng.random() < 0.5 else 0.0
        between = min(between, length / 2)
        song = practice_song(10_000_000 + 4 * seed + number, length - between, SAMPLE_RATE)
        songs.append((at, song))
        level = float(10 ** rng.uniform(-0.7, 0))
        pieces += [level * song.samples, 0.3 * _other(rng, between).samples]
        at += (len(pieces[-2]) + len(pieces[-1])) / SAMPLE_RATE
    return _example(np.concatenate(pieces).astype(np.float32), songs)


def _song(seed: int, **kind: Any) -> PracticeSong:
    return practice_song(seed, SECONDS, SAMPLE_RATE, **kind)


def _drums(rng: np.random.Generator, seed: int) -> PracticeSong:
    """Drums alone, in half of the songs at an even tempo that may be unusual for their groove."""
    bpm = _bpm(rng, FASTEST_BPM) if rng.random() < 0.5 else None
    return _song(seed, bpm=bpm, ensemble="drums")


def _slow(rng: np.random.Generator, seed: int) -> PracticeSong:
    """A slow song, whose eighth notes could be taken for beats; in a third of them drums play alone."""
    bpm = _bpm(rng, SLOW_BPM)
    ensemble = "drums" if rng.random() < 1 / 3 else "band"
    return _song(seed, groove=str(rng.choice(SLOW)), bpm=bpm, ensemble=ensemble)


def _bpm(rng: np.random.Generator, fastest: float) -> float:
    """A tempo; each octave is as likely."""
    return float(np.exp(rng.uniform(*np.log([SLOWEST_BPM, fastest]))))


def _other(rng: np.random.Generator, seconds: float) -> PracticeSong:
    """Speech, noise or silence."""
    count = round(seconds * SAMPLE_RATE)
    sound = np.zeros(count, np.float32)
    if count > SAMPLE_RATE // 2:
        for make in (chatter, noise):
            if rng.random() < 0.6:
                sound += float(rng.uniform(0.1, 0.5)) * make(rng, seconds, SAMPLE_RATE)[:count]
    return PracticeSong(sound, np.zeros(0), np.zeros(0), False)


def _corpus_song(rng: np.random.Generator) -> PracticeSong:
    structure = compose(str(rng.choice(CATEGORIES)), CATEGORY_SEEDS + int(rng.integers(1_000_000)), SECONDS)
    samples = resample_poly(synthesize(structure), SAMPLE_RATE, RATE).astype(np.float32)
    return PracticeSong(samples[: round(SECONDS * SAMPLE_RATE)], structure.beats, structure.downbeats, False)
