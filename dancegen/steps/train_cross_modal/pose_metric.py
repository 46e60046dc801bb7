"""The pose metric, psi: a dance to a point on the unit sphere. Dances of one kind of music are near one another.

A recurrent network reads the poses both ways; attention weighs its moments, several times over (Lin et al., "A
Structured Self-attentive Sentence Embedding", ICLR 2017, as in Coskun et al., 2018); three layers follow. The metric is
the distance of two such vectors; the vector is what is returned, and not its length, which is 1 for every dance.

Axes used in shapes:
    B clips    T frames    J joints    H hidden width, both ways    G glances    M features
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.gan.losses import mask_missing
from dancegen.skeleton import COCO18
from dancegen.steps.train_cross_modal.network_settings import PoseMetricConfig


class PoseMetric(nn.Module):
    """Poses to a vector of length 1."""

    def __init__(self, config: PoseMetricConfig) -> None:
        super().__init__()
        self.config = config
        both, (first, second) = 2 * config.hidden, config.widths
        self.rnn = nn.GRU(4 * len(COCO18), config.hidden, batch_first=True, bidirectional=True)
        self.attention = nn.Sequential(
            nn.Linear(both, config.attention, bias=False),
            nn.Tanh(),
            nn.Linear(config.attention, config.glances, bias=False),
        )
        self.fc = nn.Sequential(
            nn.Linear(config.glances * both, first),
            nn.BatchNorm1d(first),
            nn.ReLU(),
            nn.Linear(first, second),
            nn.BatchNorm1d(second),
            nn.ReLU(),
            nn.Linear(second, config.size, bias=False),
            nn.BatchNorm1d(config.size, affine=False),  # else all dances may end up in one direction
        )

    def forward(self, pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]) -> Float[Tensor, "B M"]:
        """One vector a dance. A joint that `mask` calls missing, or that is no number, counts as missing: it is 0."""
        there = mask * pose.isfinite().all(dim=-1)
        steps = torch.zeros_like(pose)
        steps[:, 1:] = mask_missing(pose, there).diff(dim=1) * (there[:, 1:] * there[:, :-1] > 0)[..., None]
        inputs = torch.cat([mask_missing(pose, there), self.config.motion_gain * steps], dim=-1)
        hidden, _ = self.rnn(inputs.flatten(2))  # (B, T, H)
        weights = self.attention(hidden).softmax(dim=1)  # (B, T, G): each glance's sum over time is 1
        glances = weights.transpose(1, 2) @ hidden  # (B, G, H)
        return F.normalize(self.fc(glances.flatten(1)), dim=1)
