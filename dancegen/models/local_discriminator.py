"""D_local: does each short window of a dance move like a person? One score a window.

Axes used in shapes:
    B clips    T frames    J joints    R rhythm channels    N windows    W frames a window
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.models.hcn import TwoStreams, spread_evenly
from dancegen.settings.dance_model import DanceModelConfig


class LocalDiscriminator(nn.Module):
    """The pose encoder without its early pools, on overlapping windows."""

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

    def forward(self, pose: Float[Tensor, "B T J 2"], rhythm: Float[Tensor, "B T R"]) -> Float[Tensor, "B N"]:
        """Scores as logits: above 0 is a real dance."""
        pose, rhythm = self._windows(pose), self._windows(rhythm)
        maps = self.streams(pose.flatten(0, 1), rhythm.flatten(0, 1))
        return self.head(maps.flatten(1)).view(pose.shape[:2])

    def _windows(self, x: Tensor) -> Tensor:
        """(B, T, ...) as (B, N, W, ...)."""
        return torch.movedim(x.unfold(1, self.window_frames, self.stride_frames), -1, 2)
