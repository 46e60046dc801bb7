"""audio -> rhythm: onset strength, and phase in beat, bar and phrase of each pose frame.

`beat_network` and `beatnet` give activations, `beat_path` the beats, `bars` the bars, and `counting` the beats that a
dance counts. The input must be a whole song: a clip of seconds is too short.

Axes used in shapes:
    S samples (mono, 16 kHz)    H hops of 10 ms    F frames of activations    N beats    T pose frames
    R rhythm channels    A activations
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64
from numpy.lib.stride_tricks import sliding_window_view

from dancegen.media.audio import SAMPLE_RATE, normalize_loudness
from dancegen.music.bars import PHRASE_BARS, find_bars, phrase_positions
from dancegen.music.beat_path import beat_path
from dancegen.music.counting import Count, count, rests
from dancegen.music.rhythm import RHYTHM_CHANNELS
from dancegen.music.spectrum import FRAMES_A_SECOND, HOPS_A_SECOND, bands_db, flux

SHORTEST_S = 2.0  # of audio for beat tracking
BEATNET_SHARES = np.array([0.2, 0.1], dtype=np.float32)  # in the mean of both networks' logits of beats, of downbeats
NEAR_FRAMES = 1  # around a beat: window for its downbeat activation
TEMPO_BEATS = 4
TRIPLE_BEATS = 9  # over which the division of a beat is averaged
CLARITY_HOPS = 800  # window within which the tempo counts as constant, also where it drifts
BLUR_HOPS = 2.5  # standard deviation of the blur: tolerance of an onset's distance from the beat
DRIFT = 0.04  # of the beat period: tolerance of a window against the whole song
UNSURE, SURE = 0.2, 0.35  # confidence: speech and noise are below the first, songs with a steady beat above the second
LOUD_SHARE = 0.98  # the quantile of onset strength that counts as 1


@dataclass(frozen=True)
class Heard:
    """The beats of a song, as notated."""

    beats_s: Float64[np.ndarray, " N"]
    """Times in seconds."""
    positions: Int64[np.ndarray, " N"]
    """Position of each beat in its bar; 0 is a downbeat."""
    meters: Int64[np.ndarray, " N"]
    """Beats of the bar of each beat: 2, 3 or 4."""
    triple: Float64[np.ndarray, " N"]
    """Probability that the beat divides into three."""
    confidence: float = 0.0
    """Pulse clarity, from 0 to 1."""

    @property
    def downbeats_s(self) -> Float64[np.ndarray, " _"]:
        """Times of the downbeats in seconds."""
        return self.beats_s[self.positions == 0]

    @property
    def bpm(self) -> float:
        """Median tempo in beats per minute; NaN with fewer than two beats."""
        return _median_bpm(self.beats_s)

    @property
    def meter(self) -> str | None:
        """The most frequent metre: 2/4, 3/4, 4/4 or 6/8; None without a beat."""
        if not len(self.meters):
            return None
        beats = Counter(self.meters.tolist()).most_common(1)[0][0]
        return "6/8" if beats == 2 and np.median(self.triple[self.meters == 2]) > 0.5 else f"{beats}/4"

    @cached_property
    def count(self) -> Count:
        """The beats and bars that a dance counts."""
        return count(self.beats_s, self.positions, self.meters, self.triple > 0.5)

    @property
    def counted_bpm(self) -> float:
        """Median tempo that a dance counts, in beats per minute; NaN with fewer than two beats."""
        return _median_bpm(self.count.beat_times())


def hear(samples: Float32[np.ndarray, " S"], bands: Float32[np.ndarray, "H M"] | None = None) -> Heard:
    """The beats of a song; none where it is silent or shorter than SHORTEST_S. `bands` are its `bands_db`, if known."""
    if len(samples) >= SHORTEST_S * SAMPLE_RATE:
        bands = bands_db(samples) if bands is None else bands
        onsets = flux(bands)
        if onsets.max() > 0:
            heard = decode(activations(samples, bands))
            return replace(heard, confidence=_confidence(onsets, heard))
    return Heard(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))


def activations(samples: Float32[np.ndarray, " S"], bands: Float32[np.ndarray, "H M"]) -> Float32[np.ndarray, "F A"]:
    """Logits of beats, downbeats and triple division, FRAMES_A_SECOND of them.

    The mean of two networks, weighted: ours is trained on synthetic songs of all genres, BeatNet on fewer recordings.
    """
    from dancegen.music import beat_network, beatnet  # late: torch takes seconds to import, and few processes need it

    found = beat_network.activations(bands)
    recorded = beatnet.activations(normalize_loudness(samples))[: len(found)]  # it depends on the level
    found[: len(recorded), :2] += BEATNET_SHARES * (recorded - found[: len(recorded), :2])
    return found


def beat_times(samples: Float32[np.ndarray, " S"]) -> Float64[np.ndarray, " N"]:
    """Times of the counted beats in seconds; empty when no beat is found."""
    return hear(samples).count.beat_times()


def tempo(samples: Float32[np.ndarray, " S"]) -> tuple[float, float]:
    """Counted tempo in beats per minute, and its confidence from 0 to 1; NaN and 0 without a beat.

    The confidence is the autocorrelation of onsets in windows of 8 s at lags of one, two and four beats; the median
    window counts (pulse clarity: Lartillot et al., 2008). Speech, animals and noise are below 0.2, songs with a steady
    beat above 0.35; music in free tempo may be as low as speech.
    """
    heard = hear(samples)
    return heard.counted_bpm, heard.confidence


def rhythm(
    samples: Float32[np.ndarray, " S"], frames: int, fps: float, heard: Heard | None = None
) -> Float32[np.ndarray, "T R"]:
    """The channels of RHYTHM_CHANNELS at each pose frame: onset in [0, 1], phases as sine and cosine.

    A phase is 0 (sine 0, cosine 1) on the counted beat, and at the start of the counted bar and of a phrase of eight
    of them. Without a beat, sine and cosine are both 0, which no phase yields. `heard` is `hear(samples)`, if known.
    """
    bands = bands_db(samples)
    return rhythm_channels(bands, hear(samples, bands) if heard is None else heard, frames, fps)


def rhythm_channels(
    bands: Float32[np.ndarray, "H M"], heard: Heard, frames: int, fps: float
) -> Float32[np.ndarray, "T R"]:
    """`rhythm` of a song whose beats are known."""
    seconds = np.arange(frames) / fps
    channels = np.zeros((frames, len(RHYTHM_CHANNELS)), dtype=np.float32)
    channels[:, 0] = _onsets(flux(bands), seconds, fps)
    if len(heard.beats_s) >= 2:
        beat, bar = heard.count.at(seconds)
        phrase = _phrase_number(bar, heard.count, bands)
        for column, turns in ((1, beat), (3, bar), (5, phrase)):
            channels[:, column], channels[:, column + 1] = np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns)
    return channels


def decode(logits: Float32[np.ndarray, "F A"]) -> Heard:
    """The beats and bars of activations, FRAMES_A_SECOND of them."""
    beats_s = beat_path(logits[:, 0], FRAMES_A_SECOND)
    frames = np.round(beats_s * FRAMES_A_SECOND).astype(int)[:, None] + np.arange(-NEAR_FRAMES, NEAR_FRAMES + 1)
    near = logits[np.clip(frames, 0, len(logits) - 1)]  # (N, frames, A)
    downbeats = near[..., 1].max(axis=1)
    triple = _smooth(1 / (1 + np.exp(-near[..., 2].mean(axis=1, dtype=np.float64))))
    bars = find_bars(downbeats, triple, rests(beats_s))
    return Heard(beats_s, bars.positions, bars.meters, triple)


def _median_bpm(times_s: Float64[np.ndarray, " N"]) -> float:
    """Median over TEMPO_BEATS intervals at a time: single beats are inexact."""
    apart = min(TEMPO_BEATS, len(times_s) - 1)
    return 60 * apart / float(np.median(times_s[apart:] - times_s[:-apart])) if apart > 0 else float("nan")


def _smooth(values: Float64[np.ndarray, " N"]) -> Float64[np.ndarray, " N"]:
    """Mean of TRIPLE_BEATS values around each."""
    if not len(values):
        return values
    reach = TRIPLE_BEATS // 2
    return sliding_window_view(np.pad(values, reach, mode="edge"), TRIPLE_BEATS).mean(axis=1)


def _onsets(onsets: Float[np.ndarray, " H"], seconds: Float[np.ndarray, " T"], fps: float) -> Float[np.ndarray, " T"]:
    """The strongest onset within half a pose frame of each time; 1 is the LOUD_SHARE quantile of the song."""
    loud = np.quantile(onsets, LOUD_SHARE)
    if loud <= 0:
        return np.zeros(len(seconds))
    reach = max(1, round(HOPS_A_SECOND / fps / 2))
    around = sliding_window_view(np.pad(onsets, reach), 2 * reach + 1).max(axis=1)
    hops = np.minimum(np.round(seconds * HOPS_A_SECOND).astype(int), len(onsets) - 1)
    return np.clip(around[hops] / loud, 0, 1)


def _confidence(onsets: Float[np.ndarray, " H"], heard: Heard) -> float:
    """The median over windows of the clarity at the tempo of the beats nearest to the window."""
    times = heard.count.beat_times()
    if len(times) < 2:
        return 0.0
    from scipy.ndimage import gaussian_filter1d  # late: the import takes half a second, and few processes need it

    blurred = gaussian_filter1d(onsets, BLUR_HOPS)
    length = min(CLARITY_HOPS, len(blurred))
    periods = np.diff(times)
    clear = []
    for start in range(0, len(blurred) - length + 1, CLARITY_HOPS // 2):
        inside = slice(*np.searchsorted(times, [start / HOPS_A_SECOND, (start + length) / HOPS_A_SECOND]))
        period = np.median(periods[inside]) if len(periods[inside]) else np.median(periods)
        clear.append(_clarity(blurred[start : start + length], float(period) * HOPS_A_SECOND))
    return float(np.clip(np.median(clear), 0, 1))


def _clarity(onsets: Float[np.ndarray, " H"], period_hops: float) -> float:
    """Correlation of onsets with those one, two and four beats later."""
    if onsets.std() <= 0:
        return 0.0
    pairs = len(onsets) - np.arange(len(onsets))
    repeats = _repeats(onsets) / (onsets.var() * np.maximum(pairs, len(onsets) / 4))
    lags = period_hops * np.linspace(1 - DRIFT, 1 + DRIFT, 17)
    heard = [
        np.interp(n * lags, np.arange(len(onsets)), repeats) for n in (1, 2, 4) if n * lags[-1] < 0.75 * len(onsets)
    ]
    return float(np.mean(heard, axis=0).max()) if heard else 0.0


def _repeats(onsets: Float[np.ndarray, " H"]) -> Float[np.ndarray, " H"]:
    """Autocorrelation of onsets at each lag in hops."""
    spectrum = np.fft.rfft(onsets - onsets.mean(), 2 * len(onsets))
    return np.fft.irfft(np.abs(spectrum) ** 2)[: len(onsets)]


def _phrase_number(
    bar: Float[np.ndarray, " T"], counted: Count, bands: Float32[np.ndarray, "H M"]
) -> Float[np.ndarray, " T"]:
    """Position in the phrase at each time, as a fraction of eight bars; extrapolated before and after the bars."""
    first = int(np.ceil(counted.bars[0] - 1e-6))
    positions = phrase_positions(bands, counted.bar_times() * HOPS_A_SECOND)
    if not len(positions):
        return (bar - first) / PHRASE_BARS
    nearest = np.clip(np.floor(bar - first).astype(int), 0, len(positions) - 1)
    return (positions[nearest] + bar - first - nearest) / PHRASE_BARS
