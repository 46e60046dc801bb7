"""D_global: scores whether a whole dance matches its music.

The music is encoded once for all dances that are scored with it. A clip is scored with its own music
only: the batch axis stays first throughout, so permuting the clips permutes the scores.

Axes used in shapes:
    B clips    T frames    S samples per frame    J joints    R rhythm channels    E embedding
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.gan.audio_encoder import AudioEncoder
from dancegen.gan.hcn import HCN, Inputs
from dancegen.gan.settings import DanceModelConfig


class Judgement(NamedTuple):
    """Output of D_global for several dances to the same music."""

    scores: list[Tensor]
    """(B,) logits for each dance: above 0 matches the music."""
    dances: list[list[Tensor]]
    """Activations of the pose branch's layers for each dance; the last is its (B, E) embedding."""
    music: Tensor
    """(B, E) embedding of the music."""


class Attention(nn.Module):
    """Attention-weighted sum of features over time."""

    def __init__(self, size: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(size, hidden, bias=False)
        self.weight = nn.Linear(hidden, 1, bias=False)

    def forward(self, features: Float[Tensor, "B T E"]) -> Float[Tensor, "B E"]:
        """One vector per clip."""
        weights = self.weight(self.hidden(self.dropout(features)).tanh()).softmax(dim=1)  # (B, T, 1): over time
        return (weights * features).sum(dim=1)


class GlobalDiscriminator(nn.Module):
    """Embeds the dance and the music, and compares the two."""

    def __init__(self, config: DanceModelConfig, samples: int, rhythm_channels: int, joints: int) -> None:
        super().__init__()
        settings = config.global_discriminator
        size = settings.audio.size
        inputs = Inputs(joints, rhythm_channels if config.rhythm else 0)
        self.audio_encoder = AudioEncoder(settings.audio, config.norm, samples)
        self.attention = Attention(size, settings.attention, settings.dropout)
        self.pose_encoder = HCN(settings, size, settings.dropout, inputs)
        self.compare = nn.Conv1d(2, 1, 2)
        self.score = nn.Linear(size - 1, 1)
        self.projected = settings.comparison == "projection"

    def forward(
        self,
        audio: Float[Tensor, "B T S"],
        rhythm: Float[Tensor, "B T R"],
        poses: Sequence[Float[Tensor, "B T J 2"]],
    ) -> Judgement:
        """Score several dances to the same music."""
        music = self.music(audio)
        layers = self.pose_encoder.layers(torch.cat(list(poses)), rhythm.repeat(len(poses), 1, 1))
        dances = [list(dance) for dance in zip(*(layer.chunk(len(poses)) for layer in layers), strict=True)]
        return Judgement([self.judge(dance[-1], music) for dance in dances], dances, music)

    def music(self, audio: Float[Tensor, "B T S"]) -> Float[Tensor, "B E"]:
        """The embedding of each clip's music."""
        return self.attention(self.audio_encoder(audio))

    def judge(self, dance: Float[Tensor, "B E"], music: Float[Tensor, "B E"]) -> Float[Tensor, " B"]:
        """One logit for each pair of embeddings."""
        score = self.score(self.joint(dance, music))[:, 0]
        if self.projected:  # Miyato and Koyama, "cGANs with Projection Discriminator", 2018
            score = score + (dance * music).sum(dim=1) / dance.shape[1] ** 0.5
        return score

    def joint(self, dance: Float[Tensor, "B E"], music: Float[Tensor, "B E"]) -> Float[Tensor, "B E1"]:
        """The joint head's convolution over both embeddings."""
        return self.compare(torch.stack([dance, music], dim=1))[:, 0]
