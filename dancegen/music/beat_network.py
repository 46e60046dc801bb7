"""mel bands -> activations of beats, downbeats and triple division, by a temporal convolutional network.

The layers follow Davies and Böck (2019), "Temporal convolutional networks for musical audio beat tracking": a small
convolutional front end over the spectrum, then dilated convolutions over time. `dancegen.tools.train_beats` trains it.

Axes used in shapes:
    B pieces    H hops (100 per second)    M mel bands    F frames (50 per second, two hops each)    A activations
"""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.music.spectrum import BANDS, FLOOR_DB, FRAMES_A_SECOND, HOPS_A_SECOND

SHIPPED = Path(__file__).with_name("beat_network.safetensors")
ACTIVATIONS = ("beat", "downbeat", "triple")
HOPS_A_FRAME = HOPS_A_SECOND // FRAMES_A_SECOND
WIDTH, FRONT = 64, 16  # channels over time; over the spectrum
DILATIONS = tuple(2**number for number in range(8))
KERNEL = 5
DROPOUT = 0.1
CHUNK_FRAMES = 3000  # activations are computed for a minute at a time: memory for hours of audio is bounded
CONTEXT_FRAMES = 2 + (KERNEL // 2) * sum(DILATIONS)  # frames before and after one on which its activations depend


class BeatNetwork(nn.Module):
    """Logits of ACTIVATIONS in each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Sequential(
            *_spectral(HOPS_A_FRAME, FRONT, 3), nn.MaxPool2d((1, 3)), *_spectral(FRONT, FRONT, 3), nn.MaxPool2d((1, 3))
        )
        self.front.to(memory_format=torch.channels_last)  # pyright: ignore  # a fifth faster on a CPU
        self.across = nn.Sequential(
            nn.Conv2d(FRONT, WIDTH, (1, BANDS // 9), bias=False), nn.BatchNorm2d(WIDTH), nn.ELU()
        )
        self.time = nn.ModuleList([_Dilated(dilation) for dilation in DILATIONS])
        self.heads = nn.Conv1d(WIDTH, len(ACTIVATIONS), 1)

    def forward(self, bands: Float[Tensor, "B H M"]) -> Float[Tensor, "B F A"]:
        """Logits; `bands` are in dB from 0 to FLOOR_DB, an even number of hops."""
        frames = (bands / (FLOOR_DB / 2) - 1).unflatten(1, (-1, HOPS_A_FRAME)).transpose(1, 2)  # (B, 2, F, M)
        hidden = self.across(self.front(frames)).squeeze(-1)  # (B, W, F)
        for layer in self.time:
            hidden = layer(hidden)
        return self.heads(hidden).transpose(1, 2)


class _Dilated(nn.Module):
    """A residual layer: dilated convolution over time, then a pointwise one."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        reach = dilation * (KERNEL // 2)
        self.wide = nn.Conv1d(WIDTH, WIDTH, KERNEL, padding=reach, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(WIDTH)
        self.point = nn.Conv1d(WIDTH, WIDTH, 1)
        self.drop = nn.Dropout1d(DROPOUT)

    def forward(self, hidden: Float[Tensor, "B W F"]) -> Float[Tensor, "B W F"]:
        return hidden + self.point(self.drop(F.elu(self.norm(self.wide(hidden)))))


def activations(bands: Float32[np.ndarray, "H M"]) -> Float32[np.ndarray, "F A"]:
    """Logits of ACTIVATIONS of the shipped network, 50 frames per second; the last frame is padded with silence."""
    return infer(shipped(), bands)


@torch.inference_mode()
def infer(network: BeatNetwork, bands: Float32[np.ndarray, "H M"]) -> Float32[np.ndarray, "F A"]:
    """Logits of a network in evaluation mode, in chunks that overlap by CONTEXT_FRAMES."""
    frames = -(-len(bands) // HOPS_A_FRAME)
    found = [np.zeros((0, len(ACTIVATIONS)), np.float32)]
    for first in range(0, frames, CHUNK_FRAMES):
        start, end = max(0, first - CONTEXT_FRAMES), min(frames, first + CHUNK_FRAMES + CONTEXT_FRAMES)
        piece = torch.from_numpy(bands[start * HOPS_A_FRAME : end * HOPS_A_FRAME])
        piece = F.pad(piece, (0, 0, 0, (end - start) * HOPS_A_FRAME - len(piece)))
        found.append(network(piece[None])[0, first - start :][:CHUNK_FRAMES].numpy())
    return np.concatenate(found)


@cache
def shipped() -> BeatNetwork:
    """The network that comes with the package."""
    network = BeatNetwork()
    network.load_state_dict({name: value.float() for name, value in load_file(SHIPPED).items()})
    return network.eval().requires_grad_(False)


def _spectral(inputs: int, outputs: int, kernel: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ELU(),
    )
