"""Mel filter bank: weight of each frequency bin in each band (Slaney's scale).

Equal to `librosa.filters.mel`; importing and compiling librosa takes seconds.

Axes used in shapes:
    W frequencies of a spectrum    M mel bands    E edges of bands, M + 2
"""

import numpy as np
from jaxtyping import Float32, Float64

from dancegen.media.audio import SAMPLE_RATE

LOWEST_HZ = 30.0
LINEAR_HZ = 200 / 3  # width of a mel where the scale is linear
LOG_FROM_HZ = 1000.0  # where it becomes logarithmic
LOG_STEP = np.log(6.4) / 27  # of a mel from there on


def mel_filters(window_samples: int, bands: int) -> Float32[np.ndarray, "W M"]:
    """Triangular filters of equal area, from 30 Hz to half the sample rate."""
    frequencies = np.fft.rfftfreq(window_samples, 1 / SAMPLE_RATE)
    edges = _edges_hz(bands)
    widths = np.diff(edges)
    ramps = np.subtract.outer(edges, frequencies)
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    filters *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return np.ascontiguousarray(filters.T)


def _edges_hz(bands: int) -> Float64[np.ndarray, " E"]:
    """Lower edge, centre and upper edge of each band in Hz; adjacent bands share edges."""
    log_from = LOG_FROM_HZ / LINEAR_HZ
    highest = log_from + np.log(SAMPLE_RATE / 2 / LOG_FROM_HZ) / LOG_STEP
    mels = np.linspace(LOWEST_HZ / LINEAR_HZ, highest, bands + 2)
    return np.where(mels < log_from, LINEAR_HZ * mels, LOG_FROM_HZ * np.exp(LOG_STEP * (mels - log_from)))
