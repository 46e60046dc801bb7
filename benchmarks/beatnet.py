"""BeatNet (Heydari et al., 2021), the network of the PyPI wheel of that name, for `benchmarks/beats.py`.

The package cannot be installed beside current numpy. Its weights (CC BY 4.0) are read from the unpacked wheel, and the
features, madmom's filtered spectrogram with its difference, are computed here.

Axes used in shapes:
    S samples (mono, 22.05 kHz)    F frames (50 per second)    W frequencies    K filters
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

RATE, HOP, WINDOW = 22_050, 441, 1411
BANDS_AN_OCTAVE, LOWEST_HZ, HIGHEST_HZ, REFERENCE_HZ = 24, 30.0, 17_000.0, 440.0


class BeatNet(nn.Module):
    """The recurrent network; logits of beat, downbeat and neither."""

    def __init__(self, weights: Path):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 2, 10)
        self.linear0 = nn.Linear(262, 150)
        self.lstm = nn.LSTM(150, 150, 2, batch_first=True)
        self.linear = nn.Linear(150, 3)
        self.load_state_dict(torch.load(weights, weights_only=True))
        self.eval()

    @torch.inference_mode()
    def activations(self, samples: np.ndarray) -> np.ndarray:
        """Logits of beats (downbeats included) and downbeats, (F, 2)."""
        features = torch.from_numpy(spectrogram(samples))
        hidden = functional.max_pool1d(functional.relu(self.conv1(features[:, None])), 2).flatten(1)
        found = self.linear(self.lstm(self.linear0(hidden)[None])[0])[0]
        chances = found.softmax(-1).clamp(1e-4, 1 - 1e-4).numpy()
        beat, downbeat = np.minimum(chances[:, 0] + chances[:, 1], 1 - 1e-4), chances[:, 1]
        return np.stack([np.log(share / (1 - share)) for share in (beat, downbeat)], axis=1)


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """Logarithmic magnitude in each filter, and its increase since the previous frame: (F, 2 K)."""
    frames = -(-len(samples) // HOP)
    padded = np.pad(samples.astype(np.float32), (WINDOW // 2, WINDOW + HOP))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:frames]
    size = WINDOW // 2
    magnitude = np.abs(np.fft.rfft(windows * np.hanning(WINDOW)))[:, :size]
    loud = np.log10(magnitude @ filters(size) + 1).astype(np.float32)
    rise = np.maximum(np.diff(loud, axis=0, prepend=loud[:1]), 0)
    return np.hstack([loud, rise])


def filters(size: int) -> np.ndarray:
    """Triangular filters of equal area between notes of a quarter tone: (W, K)."""
    bins_hz = np.fft.fftfreq(2 * size, 1 / RATE)[:size]
    low, high = (np.log2(hz / REFERENCE_HZ) * BANDS_AN_OCTAVE for hz in (LOWEST_HZ, HIGHEST_HZ))
    notes = REFERENCE_HZ * 2 ** (np.arange(np.floor(low), np.ceil(high)) / BANDS_AN_OCTAVE)
    notes = notes[(notes >= LOWEST_HZ) & (notes <= HIGHEST_HZ)]
    right = np.clip(bins_hz.searchsorted(notes), 1, size - 1)
    centres = np.unique(right - (notes - bins_hz[right - 1] < bins_hz[right] - notes))
    found = np.zeros((size, len(centres) - 2))
    for column, (start, centre, stop) in enumerate(zip(centres, centres[1:], centres[2:], strict=False)):
        if stop - start < 2:
            centre, stop = start, start + 1
        found[start:centre, column] = np.linspace(0, 1, centre - start, endpoint=False)
        found[centre:stop, column] = np.linspace(1, 0, stop - centre, endpoint=False)
    return found / found.sum(axis=0)
