"""audio -> rhythm: onset strength, and phase in beat, bar and phrase of each pose frame.

The tempo is the one between 70 and 150 bpm with the highest autocorrelation of onsets: dances are counted in that
range, and half or double the tempo would misplace every step. `beat_tracking` then places the beats, and `bars` groups
them. The input must be a whole song: a clip of seconds is too short.

Axes used in shapes:
    S samples (mono, 16 kHz)    H hops of 10 ms    M mel bands    N beats    T pose frames    R rhythm channels
"""

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64
from numpy.lib.stride_tricks import sliding_window_view

from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.bars import PHRASE_BARS, find_bars, phrase_positions
from dancegen.music.beat_tracking import track_beats
from dancegen.music.mel import mel_filters
from dancegen.music.rhythm import RHYTHM_CHANNELS

BEAT_SINE, BEAT_COSINE = (RHYTHM_CHANNELS.index(name) for name in ("beat_sin", "beat_cos"))

HOP_SAMPLES = 160
HOPS_A_SECOND = SAMPLE_RATE // HOP_SAMPLES
WINDOW_SAMPLES = 1024
EARLY_HOPS = 2  # a window responds to a click 20 ms before its centre reaches it (measured)
CHUNK_HOPS = 4096  # spectra are computed for 41 s at a time: memory for hours of audio is bounded by the mel bands
BANDS = 64
FLOOR_DB = 60.0  # below the maximum: quieter is silence
QUIETEST = 0.1  # lowest reference power of a band: noise of -80 dBFS counts as silence

SLOWEST_BPM, FASTEST_BPM, LIKELIEST_BPM = 70.0, 150.0, 108.0
OCTAVES = 0.7  # standard deviation of the tempo prior
SHORTEST_S = 2.0  # of audio for beat tracking
CLARITY_HOPS = 800  # window within which the tempo counts as constant, also where it drifts
BLUR_HOPS = 2.5  # standard deviation of the blur: tolerance of an onset's distance from the beat
DRIFT = 0.04  # of the beat period: tolerance of a window against the whole song
UNSURE, SURE = 0.2, 0.35  # confidence: speech and noise are below the first, songs with a steady beat above the second
LOUD_SHARE = 0.98  # the quantile of onset strength that counts as 1


def beat_times(samples: Float32[np.ndarray, " S"]) -> Float64[np.ndarray, " N"]:
    """Times of the beats in seconds; empty when no beat is found."""
    bands = _bands_db(samples)
    return _beat_hops(_flux(bands)) / HOPS_A_SECOND


def tempo(samples: Float32[np.ndarray, " S"]) -> tuple[float, float]:
    """Tempo in beats per minute as used by `beat_times`, and its confidence from 0 to 1; NaN and 0 without a beat.

    The confidence is the autocorrelation of onsets in windows of 8 s at lags of one, two and four beats; the median
    window counts (pulse clarity: Lartillot et al., 2008). Speech, animals and noise are below 0.2, songs with a steady
    beat above 0.35; music in free tempo may be as low as speech.
    """
    flux = _flux(_bands_db(samples)) if len(samples) else np.zeros(0)
    if len(flux) < SHORTEST_S * HOPS_A_SECOND or flux.max() <= 0:
        return float("nan"), 0.0
    from scipy.ndimage import gaussian_filter1d  # late: the import takes half a second, and few processes need it

    bpm = _tempo(flux)
    blurred = gaussian_filter1d(flux, BLUR_HOPS)
    length = min(CLARITY_HOPS, len(blurred))
    clear = [_clarity(each, bpm) for each in sliding_window_view(blurred, length)[:: CLARITY_HOPS // 2]]
    return bpm, float(np.clip(np.median(clear), 0, 1))


def rhythm(samples: Float32[np.ndarray, " S"], frames: int, fps: float) -> Float32[np.ndarray, "T R"]:
    """The channels of RHYTHM_CHANNELS at each pose frame: onset in [0, 1], phases as sine and cosine.

    A phase is 0 (sine 0, cosine 1) on the beat, and at the start of the bar and of a phrase of eight bars. Without
    a beat, sine and cosine are both 0, which no phase yields.
    """
    bands = _bands_db(samples)
    flux = _flux(bands)
    seconds = np.arange(frames) / fps
    channels = np.zeros((frames, len(RHYTHM_CHANNELS)), dtype=np.float32)
    channels[:, 0] = _onsets(flux, seconds, fps)
    beats = _beat_hops(flux)
    if len(beats) >= 2:
        beat = _beat_number(beats / HOPS_A_SECOND, seconds)
        bars = find_bars(bands, beats)
        bar = (beat - bars.first) / bars.beats
        phrase = _phrase_number(bar, phrase_positions(bands, beats, bars))
        for column, turns in ((1, beat), (3, bar), (5, phrase)):
            channels[:, column], channels[:, column + 1] = np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns)
    return channels


def _bands_db(samples: Float32[np.ndarray, " S"]) -> Float32[np.ndarray, "H M"]:
    """Level of each mel band around each hop, in dB, from 0 to FLOOR_DB."""
    filters = mel_filters(WINDOW_SAMPLES, BANDS)
    padded = np.pad(np.nan_to_num(samples), WINDOW_SAMPLES // 2)
    windows = sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES]
    hann = np.hanning(WINDOW_SAMPLES).astype(np.float32)
    chunks = (windows[start : start + CHUNK_HOPS] * hann for start in range(0, len(windows), CHUNK_HOPS))
    power = np.concatenate([np.abs(np.fft.rfft(chunk)) ** 2 @ filters for chunk in chunks])
    loudest = max(float(power.max()), QUIETEST)
    return np.maximum(10 * np.log10(np.maximum(power / loudest, 1e-12)) + FLOOR_DB, 0).astype(np.float32)


def _flux(bands: Float[np.ndarray, "H M"]) -> Float[np.ndarray, " H"]:
    """Onset strength: spectral flux, the mean increase over all bands."""
    rise = np.maximum(bands[2:] - bands[:-2], 0).mean(axis=1)  # over 20 ms, around the hop
    return np.pad(rise, (1 + EARLY_HOPS, 1))[: len(bands)]


def _onsets(flux: Float[np.ndarray, " H"], seconds: Float[np.ndarray, " T"], fps: float) -> Float[np.ndarray, " T"]:
    """The strongest onset within half a pose frame of each time; 1 is the LOUD_SHARE quantile of the song."""
    loud = np.quantile(flux, LOUD_SHARE)
    if loud <= 0:
        return np.zeros(len(seconds))
    reach = max(1, round(HOPS_A_SECOND / fps / 2))
    around = sliding_window_view(np.pad(flux, reach), 2 * reach + 1).max(axis=1)
    hops = np.minimum(np.round(seconds * HOPS_A_SECOND).astype(int), len(flux) - 1)
    return np.clip(around[hops] / loud, 0, 1)


def _beat_hops(flux: Float[np.ndarray, " H"]) -> Float[np.ndarray, " N"]:
    if len(flux) < SHORTEST_S * HOPS_A_SECOND or flux.max() <= 0:
        return np.zeros(0)
    return track_beats(flux, 60 * HOPS_A_SECOND / _tempo(flux)).astype(np.float64)


def _tempo(flux: Float[np.ndarray, " H"]) -> float:
    """Beats per minute: the maximum of the autocorrelation at one, two and four beats, times a broad prior."""
    slowest, fastest = (60 * HOPS_A_SECOND / bpm for bpm in (SLOWEST_BPM, FASTEST_BPM))
    lags = np.arange(fastest, slowest, 0.25)
    repeats = _repeats(flux)
    heard = sum(np.interp(times * lags, np.arange(len(repeats)), repeats, right=0.0) for times in (1, 2, 4))
    bpm = 60 * HOPS_A_SECOND / lags
    prior = np.exp(-0.5 * (np.log2(bpm / LIKELIEST_BPM) / OCTAVES) ** 2)
    return float(bpm[np.argmax(np.maximum(heard, 0) * prior)])


def _repeats(flux: Float[np.ndarray, " H"]) -> Float[np.ndarray, " H"]:
    """Autocorrelation of onsets at each lag in hops."""
    spectrum = np.fft.rfft(flux - flux.mean(), 2 * len(flux))
    return np.fft.irfft(np.abs(spectrum) ** 2)[: len(flux)]


def _clarity(flux: Float[np.ndarray, " H"], bpm: float) -> float:
    """Correlation of onsets with those one, two and four beats later."""
    if flux.std() <= 0:
        return 0.0
    pairs = len(flux) - np.arange(len(flux))
    repeats = _repeats(flux) / (flux.var() * np.maximum(pairs, len(flux) / 4))
    lags = 60 * HOPS_A_SECOND / bpm * np.linspace(1 - DRIFT, 1 + DRIFT, 17)
    heard = [np.interp(n * lags, np.arange(len(flux)), repeats) for n in (1, 2, 4) if n * lags[-1] < 0.75 * len(flux)]
    return float(np.mean(heard, axis=0).max()) if heard else 0.0


def _beat_number(beats_s: Float[np.ndarray, " N"], seconds: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    """Fractional beat number at each time; extrapolated at constant tempo before the first and after the last beat."""
    period = float(np.median(np.diff(beats_s)))
    number = np.interp(seconds, beats_s, np.arange(len(beats_s)))
    early, late = seconds < beats_s[0], seconds > beats_s[-1]
    number[early] = (seconds[early] - beats_s[0]) / period
    number[late] = len(beats_s) - 1 + (seconds[late] - beats_s[-1]) / period
    return number


def _phrase_number(bar: Float[np.ndarray, " T"], positions: Int64[np.ndarray, " B"]) -> Float[np.ndarray, " T"]:
    """Position in the phrase at each time, as a fraction of eight bars; extrapolated before and after the bars."""
    nearest = np.clip(np.floor(bar).astype(int), 0, len(positions) - 1)
    return (positions[nearest] + bar - nearest) / PHRASE_BARS
