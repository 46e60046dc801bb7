"""Log-mel spectrum of audio. It has no trained parameters and is not stored in checkpoints.

Axes used in shapes:
    B pieces of audio    S samples (mono, 16 kHz)    H hops    M mel bands
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.music.mel import mel_filters

WINDOW_SAMPLES = 512  # 32 ms
FAINT = 1e-5  # added to the power of a band before its logarithm


class LogMel(nn.Module):
    """Loudness of the mel bands in windows of the audio, `step` samples apart."""

    hann: Tensor
    filters: Tensor

    def __init__(self, bands: int, step: int, shortest: int = WINDOW_SAMPLES) -> None:
        """Audio of fewer than `shortest` samples is zero-padded."""
        super().__init__()
        self.step, self.shortest = step, shortest
        self.register_buffer("hann", torch.hann_window(WINDOW_SAMPLES), persistent=False)
        self.register_buffer(
            "filters", torch.from_numpy(mel_filters(WINDOW_SAMPLES, bands)), persistent=False
        )  # (W, M)

    @torch.no_grad()
    def forward(self, sound: Float[Tensor, "B S"]) -> Float[Tensor, "B H M"]:
        """Loudness, about [-1, 1]; computed in float32 even under autocast."""
        with torch.autocast(sound.device.type, enabled=False):
            short = max(0, self.shortest - sound.shape[1])
            windows = F.pad(sound.float(), (0, short)).unfold(1, WINDOW_SAMPLES, self.step) * self.hann
            spectrum = torch.fft.rfft(windows)
            power = (spectrum.real.square() + spectrum.imag.square()) @ self.filters
            return (power + FAINT).log10() / 2 + 1.25
