"""The pose metric, psi: maps a dance to a point on the unit sphere. Dances to one class of music are close together.

A bidirectional recurrent network processes the poses; several attention heads pool it over time (Lin et
al., "A Structured Self-attentive Sentence Embedding", ICLR 2017, as in Coskun et al., 2018); three layers follow. The
metric is the distance of two such vectors. The network returns the vector, whose length is 1 for every dance.

Axes used in shapes:
    B clips    T frames    J joints    H hidden width, both directions    G attention heads    M features
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.gan.losses import mask_missing
from dancegen.skeleton import COCO18
from dancegen.steps.train_cross_modal.network_settings import PoseMetricConfig


class PoseMetric(nn.Module):
    """Maps poses to a vector of length 1."""

    def __init__(self, config: PoseMetricConfig) -> None:
        super().__init__()
        self.config = config
        both, (first, second) = 2 * config.hidden, config.widths
        self.rnn = nn.GRU(4 * len(COCO18), config.hidden, batch_first=True, bidirectional=True)
        self.attention = nn.Sequential(
            nn.Linear(both, config.attention, bias=False),
            nn.Tanh(),
            nn.Linear(config.attention, config.attention_heads, bias=False),
        )
        self.fc = nn.Sequential(
            nn.Linear(config.attention_heads * both, first),
            nn.BatchNorm1d(first),
            nn.ReLU(),
            nn.Linear(first, second),
            nn.BatchNorm1d(second),
            nn.ReLU(),
            nn.Linear(second, config.size, bias=False),
            nn.BatchNorm1d(config.size, affine=False),  # without it all dances may collapse to one direction
        )

    def forward(self, pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]) -> Float[Tensor, "B M"]:
        """One vector per dance. A joint that is missing in `mask`, NaN or Inf is set to 0."""
        there = mask * pose.isfinite().all(dim=-1)
        steps = torch.zeros_like(pose)
        steps[:, 1:] = mask_missing(pose, there).diff(dim=1) * (there[:, 1:] * there[:, :-1] > 0)[..., None]
        inputs = torch.cat([mask_missing(pose, there), self.config.motion_gain * steps], dim=-1)
        hidden, _ = self.rnn(inputs.flatten(2))  # (B, T, H)
        weights = self.attention(hidden).softmax(dim=1)  # (B, T, G): each glance's sum over time is 1
        pooled = weights.transpose(1, 2) @ hidden  # (B, G, H)
        return F.normalize(self.fc(pooled.flatten(1)), dim=1)
