"""D_local: scores whether each short window of a dance is realistic motion. One score per window.

Axes used in shapes:
    B clips    T frames    J joints    R rhythm channels    N windows    W frames per window
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.gan.hcn import TwoStreams, spread_evenly
from dancegen.gan.settings import DanceModelConfig


class LocalDiscriminator(nn.Module):
    """The pose encoder without its early pooling layers, applied to overlapping windows."""

    def __init__(self, config: DanceModelConfig, rhythm_channels: int, joints: int) -> None:
        super().__init__()
        local = config.local_discriminator
        self.window_frames, self.stride_frames = local.window_frames, local.stride_frames
        self.streams = TwoStreams(
            joints,
            rhythm_channels if config.rhythm else 0,
            local.channels,
            local.joint_features,
            local.motion_gain,
            local.dropout,
            pooled=False,
        )
        places = ((local.window_frames - 2) // 2) * (local.joint_features // 2)  # of the pooled map
        self.head = nn.Sequential(
            nn.Linear(4 * local.channels * places, local.hidden),
            nn.ReLU(),
            nn.Dropout(local.dropout),
            nn.Linear(local.hidden, 1),
        )
        spread_evenly(self.head)

    def forward(self, pose: Float[Tensor, "B N W J 2"], rhythm: Float[Tensor, "B N W R"]) -> Float[Tensor, "B N"]:
        """Scores of windows as logits: above 0 is a real dance."""
        maps = self._maps(pose.flatten(0, 1), rhythm.flatten(0, 1))
        return self.head(maps.flatten(1)).view(pose.shape[:2])

    def windows(self, x: Float[Tensor, "B T ..."]) -> Float[Tensor, "B N W ..."]:
        """The overlapping windows of dances, or of their rhythm."""
        return torch.movedim(x.unfold(1, self.window_frames, self.stride_frames), -1, 2)

    def _maps(self, pose: Float[Tensor, "B W J 2"], rhythm: Float[Tensor, "B W R"]) -> Float[Tensor, "B maps H2 W2"]:
        """Output of `streams`. The row that the last pooling discards is not computed: one of a window's three."""
        where, how = self.streams.apart(pose, rhythm)
        *first, last, relu, dropout, pool = self.streams.together
        assert isinstance(last, nn.Conv2d)
        maps = torch.cat([where[-1], how[-1]], dim=1)
        for layer in first:
            maps = layer(maps)
        below = 1 - maps.shape[2] % 2  # rows of zero padding below the map
        maps = F.conv2d(F.pad(maps, (1, 1, 1, below)), last.weight, last.bias)
        return dropout(relu(pool(maps)))  # pooled first: the maximum is at the same place before and after them
