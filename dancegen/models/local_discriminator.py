"""D_local: does each short window of a dance move like a person? One score a window.

Axes used in shapes:
    B clips    T frames    J joints    R rhythm channels    N windows    W frames a window
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.models.hcn import TwoStreams, spread_evenly
from dancegen.models.winograd import convolve
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
        windows = pose.flatten(0, 1), rhythm.flatten(0, 1)
        quick = pose.device.type == "cpu" and pose.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        maps = self._quick_maps(*windows) if quick else self.streams(*windows)
        return self.head(maps.flatten(1)).view(pose.shape[:2])

    def _quick_maps(self, pose: Float[Tensor, "B W J 2"], rhythm: Float[Tensor, "B W R"]) -> Tensor:
        """What `streams` gives, with half of the arithmetic: rows that the last pool leaves out are not computed.

        That pool comes before ReLU and dropout, neither of which changes which value is the largest.
        """
        where, how = self.streams.apart(pose, rhythm)
        first, second = (layer for layer in self.streams.together if isinstance(layer, nn.Conv2d))
        dropout = self.streams.together[2]
        maps = torch.cat([where[-1], how[-1]], dim=1)
        height, width = (size // 2 * 2 for size in maps.shape[2:])
        hidden = convolve(maps.permute(3, 0, 2, 1), first, maps.shape[2]).relu()
        hidden = dropout(hidden.permute(1, 3, 2, 0)).permute(3, 0, 2, 1)
        last = convolve(hidden, second, height)[:width]
        last = torch.maximum(last[:, :, 0::2], last[:, :, 1::2])
        last = torch.maximum(last[0::2], last[1::2]).relu()
        return dropout(last.permute(1, 3, 2, 0))

    def _windows(self, x: Tensor) -> Tensor:
        """(B, T, ...) as (B, N, W, ...)."""
        return torch.movedim(x.unfold(1, self.window_frames, self.stride_frames), -1, 2)
