"""audio -> song fingerprint, and groups of recordings of one song, robust to re-encoding, trimming and transposition.

A fingerprint is the loudness of each semitone, four times per second, relative to neighbouring semitones and seconds.
Two fingerprints are correlated at every lag, at transpositions of up to two semitones, and at three playback speeds;
`alike` is the highest correlation (after Ellis and Poliner, 2007, with semitones instead of pitch classes, to
distinguish songs with one chord progression). `benchmarks/song_guard.py` measures it.

Axes used in shapes:
    S samples (mono, 16 kHz)    N quarters of a second    K semitones
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float, Float16, Float32
from numpy.lib.stride_tricks import sliding_window_view

from dancegen.media.audio import SAMPLE_RATE

SAME_SONG = 0.72  # real songs: same 0.75 or more, others at most 0.3; different corpus songs, of one pattern, up to 0.8
PITCHES = 36  # semitones from LOWEST up
LOWEST = 48  # MIDI: 131 Hz
RATE = 4  # per second
WINDOW_SAMPLES = 4096
HOP_SAMPLES = SAMPLE_RATE // RATE // 2  # two spectra per quarter of a second
BLUR = np.array([1.0, 2, 2, 2, 1])  # around each quarter: an excerpt's spectra may be half a quarter off the song's
CHUNK_HOPS = 512
LOUDNESS = 0.3  # exponent from power to perceived loudness (Stevens), so that quiet parts count too
LONGEST_S = 600.0  # of a recording that is analysed
AROUND = 16
SPEEDS = (1.0, 2 ** (1 / 12), 2 ** (-1 / 12))
SHIFTS = range(-2, 3)  # semitones
LEAST_OVERLAP_S, LEAST_OVERLAP = 8.0, 1 / 3  # and fraction of the shorter: songs of one pattern match briefly
PATCH = 64  # quarters of a second per patch in the candidate search
COMPARE_ALL = 150  # recordings; above, each is compared with its nearest candidates only
CANDIDATES = 20

Pair = tuple[str, str]


def fingerprint(samples: Float32[np.ndarray, " S"]) -> Float16[np.ndarray, "N K"]:
    """The fingerprint of a recording, from its first ten minutes."""
    heard = np.nan_to_num(samples[: round(LONGEST_S * SAMPLE_RATE)])
    padded = np.pad(heard, WINDOW_SAMPLES // 2)
    windows = sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES]
    hann = np.hanning(WINDOW_SAMPLES).astype(np.float32)
    filters = _semitones()
    chunks = (windows[start : start + CHUNK_HOPS] * hann for start in range(0, len(windows), CHUNK_HOPS))
    power = np.concatenate([np.abs(np.fft.rfft(chunk)) @ filters for chunk in chunks])
    from scipy.ndimage import convolve1d  # late: the import takes half a second, and few processes need it

    power = convolve1d(power, BLUR / BLUR.sum(), axis=0)[::2]
    return (power**LOUDNESS).astype(np.float16)


def alike(one: Float[np.ndarray, "N K"], other: Float[np.ndarray, "M K"]) -> float:
    """Similarity of two recordings: the highest correlation of their fingerprints, from 0 to 1."""
    return _alike(_contrast(one), _contrast(other))


def same_song_groups(fingerprints: dict[str, Float[np.ndarray, "N K"]]) -> dict[str, int]:
    """The group number of each recording: recordings of one song have the same number."""
    names = sorted(fingerprints)
    pairs = candidates([fingerprints[name] for name in names], range(len(names)))
    return grouped(names, same_among([(names[one], names[other]) for one, other in pairs], fingerprints))


def candidates(marks: Sequence[Float[np.ndarray, "_ K"]], new: Collection[int]) -> list[tuple[int, int]]:
    """Index pairs of fingerprints to compare, with a new one in each.

    Of few recordings all pairs; of many, each new one with those of the most similar texture: the magnitude of the 2-D
    Fourier transform of patches, which is invariant to lag and transposition (Bertin-Mahieux and Ellis, 2012) but not
    to speed. The search among all takes less time than the comparisons, up to 100,000 recordings.
    """
    if len(marks) <= COMPARE_ALL:
        every = combinations(range(len(marks)), 2)
        among = set(new)
        return [pair for pair in every if not among.isdisjoint(pair)]
    contrasts = [_contrast(mark) for mark in marks]
    textures = np.stack([_texture(contrast) for contrast in contrasts])
    pairs: set[tuple[int, int]] = set()
    for one in new:
        played = np.stack([_texture(_played_at(contrasts[one], speed)) for speed in SPEEDS])
        nearness = (played @ textures.T).max(axis=0)
        nearness[one] = -np.inf
        near = np.argpartition(-nearness, CANDIDATES)[:CANDIDATES]
        pairs |= {(min(one, other), max(one, other)) for other in near.tolist()}
    return sorted(pairs)


def same_among(pairs: Sequence[Pair], marks: Mapping[str, Float[np.ndarray, "N K"]]) -> list[Pair]:
    """The pairs of names whose fingerprints match as one song."""
    contrasts = {name: _contrast(marks[name]) for name in {name for pair in pairs for name in pair}}
    return [
        (one, other)
        for one, other in pairs
        if np.array_equal(marks[one], marks[other]) or _alike(contrasts[one], contrasts[other]) >= SAME_SONG
    ]


def grouped(names: Sequence[str], same: Iterable[Pair]) -> dict[str, int]:
    """The group number of each name: names connected by pairs have the same number."""
    number = {name: at for at, name in enumerate(names)}
    parent = list(range(len(names)))
    for one, other in same:
        _join(parent, number[one], number[other])
    return {name: _root(parent, at) for name, at in number.items()}


def _semitones() -> Float32[np.ndarray, "W K"]:
    """Weight of each frequency bin for each semitone."""
    frequencies = np.fft.rfftfreq(WINDOW_SAMPLES, 1 / SAMPLE_RATE)
    notes = 69 + 12 * np.log2(np.maximum(frequencies, 1.0) / 440)
    weights = np.maximum(1 - np.abs(notes[:, None] - (LOWEST + np.arange(PITCHES))), 0)
    return (weights / np.maximum(weights.sum(axis=0), 1e-9)).astype(np.float32)


def _contrast(loud: Float[np.ndarray, "N K"]) -> Float32[np.ndarray, "M K"]:
    """Loudness relative to neighbouring seconds and semitones; each quarter of a second has the same norm."""
    loud = loud.astype(np.float32)
    if len(loud) < 2:
        return np.zeros((0, PITCHES), dtype=np.float32)
    from scipy.ndimage import uniform_filter1d

    against = loud - uniform_filter1d(loud, 2 * AROUND + 1, axis=0, mode="nearest")
    against -= against.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(against, axis=1, keepdims=True)
    return against / np.maximum(lengths, 0.3 * np.median(lengths) + 1e-6)


def _alike(one: Float32[np.ndarray, "N K"], other: Float32[np.ndarray, "M K"]) -> float:
    if min(len(one), len(other)) < LEAST_OVERLAP_S * RATE / max(SPEEDS):
        return 0.0
    return max(_best_lag(one, _played_at(other, speed)) for speed in SPEEDS)


def _played_at(contrast: Float32[np.ndarray, "N K"], speed: float) -> Float32[np.ndarray, "M K"]:
    if speed == 1.0:
        return contrast
    at = np.arange(int(len(contrast) * speed)) / speed
    before = np.minimum(at.astype(int), len(contrast) - 2)
    share = (at - before)[:, None].astype(np.float32)
    return contrast[before] * (1 - share) + contrast[before + 1] * share


def _best_lag(one: Float32[np.ndarray, "N K"], other: Float32[np.ndarray, "M K"]) -> float:
    """The highest correlation over all lags and pitch shifts."""
    size = 1 << int(len(one) + len(other)).bit_length()
    spectrum, turned = np.fft.rfft(one, size, axis=0), np.conj(np.fft.rfft(other, size, axis=0))
    lags = np.arange(1 - len(other), len(one))
    begin, end = np.maximum(lags, 0), np.minimum(len(one), lags + len(other))
    shorter = min(len(one), len(other))
    enough = end - begin >= min(max(LEAST_OVERLAP_S * RATE, LEAST_OVERLAP * shorter), shorter)
    energy = _energy(one, begin, end) * _energy(other, begin - lags, end - lags)
    best = 0.0
    for shift in SHIFTS:
        low, high = max(0, shift), min(PITCHES, PITCHES + shift)
        product = (spectrum[:, low:high] * turned[:, low - shift : high - shift]).sum(axis=1)
        fits = np.fft.irfft(product, size)[lags] / (np.sqrt(energy) + 1e-6)
        best = max(best, float(fits[enough].max()))
    return min(best, 1.0)


def _energy(contrast: Float32[np.ndarray, "N K"], begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    total = np.concatenate([[0.0], np.cumsum((contrast**2).sum(axis=1), dtype=np.float64)])
    return total[end] - total[begin]


def _texture(contrast: Float32[np.ndarray, "N K"]) -> Float32[np.ndarray, " X"]:
    starts = range(0, max(1, len(contrast) - PATCH + 1), PATCH // 4)
    patches = np.stack([np.resize(contrast[start : start + PATCH], (PATCH, PITCHES)) for start in starts])
    texture = np.log1p(np.abs(np.fft.rfft2(patches))).mean(axis=0).ravel()
    texture -= texture.mean()
    return (texture / (np.linalg.norm(texture) + 1e-9)).astype(np.float32)


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


def _join(parent: list[int], one: int, other: int) -> None:
    low, high = sorted((_root(parent, one), _root(parent, other)))
    parent[high] = low
