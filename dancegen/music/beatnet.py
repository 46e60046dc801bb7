"""audio -> activations of beats and downbeats, by the recurrent network of BeatNet.

The weights are those of the wheel `BeatNet` 1.1.3 on PyPI (Heydari, Cwitkowitz and Duan, ISMIR 2021; CC BY 4.0), its
third model, which was trained on recordings. They are converted to safetensors, in half precision; the layers and the
spectrogram (of madmom) are computed here, at 16 kHz: above 8 kHz the network receives silence.

Axes used in shapes:
    S samples (mono, 16 kHz)    F frames (50 per second)    W frequencies    K filters    X features, 2 K
"""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

WEIGHTS = Path(__file__).with_name("beatnet.safetensors")
HOP_SAMPLES, WINDOW_SAMPLES = 320, 1024
LOUDER = 1411 / 1024  # samples of the network's own window, at 22.05 kHz, to those of ours: magnitudes grow with them
BANDS_AN_OCTAVE, LOWEST_HZ, HIGHEST_HZ, REFERENCE_HZ = 24, 30.0, 17_000.0, 440.0
FREQUENCIES, SPACING_HZ = 705, 22_050 / 1410  # of the network's own spectrum
FILTERS = 136
WIDTH = 150
CHUNK_FRAMES = 3000  # features are computed for a minute at a time: memory for hours of audio is bounded
FAINTEST = 0.08  # probabilities below, or that much below 1, count as this: what it does not hear may be a beat


class BeatNet(nn.Module):
    """Logits of beat, downbeat and neither in each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, 2, 10)
        self.linear0 = nn.Linear(262, WIDTH)
        self.lstm = nn.LSTM(WIDTH, WIDTH, 2, batch_first=True)
        self.linear = nn.Linear(WIDTH, 3)

    def forward(
        self, features: Float[Tensor, "F X"], state: tuple[Tensor, Tensor] | None
    ) -> tuple[Float[Tensor, "F 3"], tuple[Tensor, Tensor]]:
        """The logits, and the state from which the next frames go on."""
        hidden = functional.max_pool1d(functional.relu(self.conv1(features[:, None])), 2).flatten(1)
        found, following = self.lstm(self.linear0(hidden)[None], state)
        return self.linear(found)[0], following


@torch.inference_mode()
def activations(samples: Float32[np.ndarray, " S"]) -> Float32[np.ndarray, "F 2"]:
    """Logits of beats (downbeats included) and of downbeats."""
    network, state, found = shipped(), None, [np.zeros((0, 2), np.float32)]
    frames = len(samples) // HOP_SAMPLES + 1
    before = np.zeros((1, FILTERS), np.float32)
    padded = np.pad(np.nan_to_num(samples), WINDOW_SAMPLES // 2)
    windows = sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES][:frames]
    for first in range(0, frames, CHUNK_FRAMES):
        loud = _loudness(windows[first : first + CHUNK_FRAMES])
        rise = np.maximum(np.diff(loud, axis=0, prepend=before if first else loud[:1]), 0)
        before = loud[-1:]
        logits, state = network(torch.from_numpy(np.hstack([loud, rise])), state)
        chances = logits.softmax(-1).numpy()
        beats = np.stack([chances[:, 0] + chances[:, 1], chances[:, 1]], axis=1).clip(FAINTEST, 1 - FAINTEST)
        found.append(np.log(beats / (1 - beats)))
    return np.concatenate(found)


@cache
def shipped() -> BeatNet:
    """The network that comes with the package."""
    network = BeatNet()
    network.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
    return network.eval().requires_grad_(False)


def _loudness(windows: Float32[np.ndarray, "F S"]) -> Float32[np.ndarray, "F K"]:
    """Logarithmic magnitude in each filter."""
    hann = np.hanning(WINDOW_SAMPLES).astype(np.float32) * np.float32(LOUDER)
    magnitude = np.abs(np.fft.rfft(windows * hann))
    return np.log10(magnitude @ _filters()[: magnitude.shape[1]] + 1).astype(np.float32)


@cache
def _filters() -> Float32[np.ndarray, "W K"]:
    """Triangular filters of equal area between notes of a quarter tone."""
    bins_hz = np.arange(FREQUENCIES) * SPACING_HZ
    low, high = (np.log2(hz / REFERENCE_HZ) * BANDS_AN_OCTAVE for hz in (LOWEST_HZ, HIGHEST_HZ))
    notes = REFERENCE_HZ * 2 ** (np.arange(np.floor(low), np.ceil(high)) / BANDS_AN_OCTAVE)
    notes = notes[(notes >= LOWEST_HZ) & (notes <= HIGHEST_HZ)]
    right = np.clip(bins_hz.searchsorted(notes), 1, FREQUENCIES - 1)
    centres = np.unique(right - (notes - bins_hz[right - 1] < bins_hz[right] - notes))
    found = np.zeros((FREQUENCIES, len(centres) - 2), np.float32)
    for column, (start, centre, stop) in enumerate(zip(centres, centres[1:], centres[2:], strict=False)):
        if stop - start < 2:
            found[start, column] = 1.0
        else:
            found[start:centre, column] = np.linspace(0, 1, centre - start, endpoint=False)
            found[centre:stop, column] = np.linspace(1, 0, stop - centre, endpoint=False)
    return found / found.sum(axis=0)
