"""Music -> features of each token: loudness of mel bands at three times in it, onset, phases, tempo.

Axes used in shapes:
    B clips    T pose frames    S samples per frame    R rhythm channels    N tokens    M mel bands    E features
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.music.log_mel import LogMel
from dancegen.music.rhythm import RHYTHM_CHANNELS
from dancegen.tokens.beat_grid import TOKENS_A_BEAT, BeatGrid, sample

POINTS = 3  # times in a token
STEP_SAMPLES = 128  # hop of the mel spectrum
CHUNK_FRAMES = 4096  # whole songs are transformed in chunks, so that memory does not grow with length
HARMONICS = 4  # of the phases of bar and phrase
SILENCE = 1e-4


class TokenMusic(nn.Module):
    """Features of the music of each token. It has no trained parameters."""

    def __init__(self, mel_bands: int) -> None:
        super().__init__()
        self.log_mel = LogMel(mel_bands, STEP_SAMPLES)
        self.mel_bands = mel_bands
        self.size = POINTS * (mel_bands + 2) + 2 * HARMONICS * 2 + 2 * 2 + 2

    @torch.no_grad()
    def forward(
        self, audio: Float[Tensor, "B T S"], rhythm: Float[Tensor, "B T R"], grid: BeatGrid, fps: float
    ) -> Float[Tensor, "B N E"]:
        """Features of all tokens, also of padding."""
        pieces = audio.flatten(0, 1).split(CHUNK_FRAMES)
        spectrum = torch.cat([self.log_mel(part).mean(dim=1) for part in pieces]).unflatten(0, audio.shape[:2])
        loudness = (audio.square().mean(dim=-1).sqrt() + SILENCE).log10() / 2 + 1  # about [-1, 1]
        sounds = torch.cat([spectrum, loudness[..., None], rhythm[..., :1]], dim=-1)
        heard = sample(sounds, grid.frames(POINTS)).unflatten(1, (-1, POINTS)).flatten(2)
        at = grid.frames(1)
        half = (grid.first[:, None] + torch.arange(grid.tokens, device=at.device)) % TOKENS_A_BEAT
        known = (rhythm[..., 1:3].abs().sum(dim=-1) > 0).all(dim=1)
        beat = nn.functional.one_hot(half, TOKENS_A_BEAT).to(heard)
        tempo = (grid.beat_frames() / fps / 0.5).log2()
        more = torch.stack([tempo, known[:, None].expand_as(tempo).to(heard)], dim=-1)
        return torch.cat([heard, _phases(rhythm, at), beat, beat * known[:, None, None], more], dim=-1)

    def loudness(self, music: Float[Tensor, "N E"]) -> Float[Tensor, " N"]:
        """Natural logarithm of the RMS amplitude, from the features of each token."""
        sounds = music[:, : POINTS * (self.mel_bands + 2)].unflatten(1, (POINTS, -1))
        return (sounds[:, :, self.mel_bands].mean(dim=1) - 1) * 2 * math.log(10)


def _phases(rhythm: Float[Tensor, "B T R"], at: Float[Tensor, "B N"]) -> Float[Tensor, "B N X"]:
    """Sine and cosine of multiples of the phases of bar and phrase, at the middle of each token."""
    last = rhythm.shape[1] - 1
    frames = at.clamp(0, last).round().long()
    found = []
    for name in ("bar", "phrase"):
        sine, cosine = (
            rhythm[..., RHYTHM_CHANNELS.index(f"{name}_{part}")].gather(1, frames) for part in ("sin", "cos")
        )
        turned = (sine, cosine)
        for _ in range(HARMONICS):
            found += turned
            turned = turned[0] * cosine + turned[1] * sine, turned[1] * cosine - turned[0] * sine
    return torch.stack(found, dim=-1)
