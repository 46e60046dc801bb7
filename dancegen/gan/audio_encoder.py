"""Music features of each pose frame, from its piece of audio: one copy in the generator, one in D_global.

Axes used in shapes:
    B clips    T frames    P = B * T pieces    S samples per piece    M mel bands    E features
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.gan.gru import BidirectionalGRU
from dancegen.gan.settings import AudioEncoderConfig, Norm
from dancegen.music.log_mel import WINDOW_SAMPLES, LogMel

# kernel, stride and padding of all convolutions except the last, which spans the remaining length of the piece
CONVOLUTIONS = ((80, 16, 32), (4, 2, 1), (4, 2, 1), (10, 5, 3))
CHUNK_PIECES = 2048  # whole songs are encoded in chunks, so that memory does not grow with length
SILENCE = 1e-4  # added to the loudness before its logarithm: -80 dB
STEP_SAMPLES = 136  # hop of the mel spectrum: nine windows in 0.1 s


class MelEncoder(nn.Module):
    """Encodes the log-mel spectrum of each piece independently as one code."""

    def __init__(self, config: AudioEncoderConfig, norm: Norm, samples: int) -> None:
        super().__init__()
        self.log_mel = LogMel(config.mel_bands, STEP_SAMPLES)
        moments = max(0, samples - WINDOW_SAMPLES) // STEP_SAMPLES + 1
        self.layers = nn.Sequential(
            nn.Linear(moments * config.mel_bands, 2 * config.code),
            _norm(norm, 2 * config.code),
            nn.ReLU(),
            nn.Linear(2 * config.code, config.code),
            nn.Tanh(),
        )

    def forward(self, pieces: Float[Tensor, "P S"]) -> Float[Tensor, "P code"]:
        """One code for each piece."""
        return self.layers(self.log_mel(pieces).flatten(1))


class PieceEncoder(nn.Module):
    """Convolutions that encode the waveform of each piece independently as one code."""

    def __init__(self, config: AudioEncoderConfig, norm: Norm, samples: int) -> None:
        super().__init__()
        widths, left = (1, *config.channels), samples
        self.cl = nn.ModuleList()  # the names of the released weights
        self.activations = nn.ModuleList()
        for (kernel, stride, padding), inputs, outputs in zip(CONVOLUTIONS, widths, config.channels, strict=False):
            self.cl.append(nn.Conv1d(inputs, outputs, kernel, stride, padding))
            self.activations.append(nn.Sequential(_norm(norm, outputs), nn.ReLU()))
            left = (left + 2 * padding - kernel) // stride + 1
        self.cl.append(nn.Conv1d(config.channels[-1], config.code, left))
        self.activations.append(nn.Tanh())

    def forward(self, pieces: Float[Tensor, "P S"]) -> Float[Tensor, "P code"]:
        """One code for each piece."""
        hidden = pieces[:, None]
        for convolution, activation in zip(self.cl, self.activations, strict=True):
            hidden = activation(convolution(hidden))
        return hidden[:, :, 0]


class AudioEncoder(nn.Module):
    """Encodes the pieces, then runs a bidirectional GRU over their codes."""

    def __init__(self, config: AudioEncoderConfig, norm: Norm, samples: int) -> None:
        super().__init__()
        self.loudness = config.loudness
        self.encoder = (MelEncoder if config.input == "mel" else PieceEncoder)(config, norm, samples)
        inputs = config.code + config.loudness
        self.rnn = BidirectionalGRU(inputs, config.hidden, config.layers)
        self.fc = nn.Linear(2 * config.hidden, config.size)

    def forward(self, audio: Float[Tensor, "B T S"]) -> Float[Tensor, "B T E"]:
        """Features of every frame; any number of frames."""
        pieces = audio.flatten(0, 1)
        if self.training:
            codes = self.encoder(pieces)  # not in chunks: batch norm, if used, needs the whole batch
        else:
            codes = torch.cat([self.encoder(chunk) for chunk in pieces.split(CHUNK_PIECES)])
        if self.loudness:
            rms = pieces.square().mean(dim=1, keepdim=True).sqrt()
            codes = torch.cat([codes, (rms + SILENCE).log10() / 2 + 1], dim=1)  # about [-1, 1]
        hidden, _ = self.rnn(codes.unflatten(0, audio.shape[:2]))
        return self.fc(hidden)


def _norm(norm: Norm, channels: int) -> nn.Module:
    return nn.BatchNorm1d(channels) if norm == "batch" else nn.GroupNorm(1, channels)
