"""audio -> mel bands, and the onset strength that beats, bars and clarity are computed from.

Axes used in shapes:
    S samples (mono, 16 kHz)    H hops of 10 ms    M mel bands
"""

import numpy as np
from jaxtyping import Float, Float32
from numpy.lib.stride_tricks import sliding_window_view

from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.mel import mel_filters

HOP_SAMPLES = 160
HOPS_A_SECOND = SAMPLE_RATE // HOP_SAMPLES
FRAMES_A_SECOND = 50  # of the activations of beats
WINDOW_SAMPLES = 1024
EARLY_HOPS = 2  # a window responds to a click 20 ms before its centre reaches it (measured)
CHUNK_HOPS = 4096  # spectra are computed for 41 s at a time: memory for hours of audio is bounded by the mel bands
BANDS = 64
FLOOR_DB = 60.0  # below the maximum: quieter is silence
QUIETEST = 0.1  # lowest reference power of a band: noise of -80 dBFS counts as silence


def bands_db(samples: Float32[np.ndarray, " S"]) -> Float32[np.ndarray, "H M"]:
    """Level of each mel band around each hop, in dB, from 0 to FLOOR_DB."""
    filters = mel_filters(WINDOW_SAMPLES, BANDS)
    padded = np.pad(np.nan_to_num(samples), WINDOW_SAMPLES // 2)
    windows = sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES]
    hann = np.hanning(WINDOW_SAMPLES).astype(np.float32)
    chunks = (windows[start : start + CHUNK_HOPS] * hann for start in range(0, len(windows), CHUNK_HOPS))
    power = np.concatenate([np.abs(np.fft.rfft(chunk)) ** 2 @ filters for chunk in chunks])
    loudest = max(float(power.max()), QUIETEST)
    return np.maximum(10 * np.log10(np.maximum(power / loudest, 1e-12)) + FLOOR_DB, 0).astype(np.float32)


def flux(bands: Float[np.ndarray, "H M"]) -> Float[np.ndarray, " H"]:
    """Onset strength: spectral flux, the mean increase over all bands."""
    rise = np.maximum(bands[2:] - bands[:-2], 0).mean(axis=1)  # over 20 ms, around the hop
    return np.pad(rise, (1 + EARLY_HOPS, 1))[: len(bands)]
