"""Pose encoder of both discriminators: co-occurrence features of joints (HCN), in two streams.

One stream receives the joints' positions, the other their motion. After a convolution along time for each
joint, joints become channels, so that every later feature may depend on any set of them. Widths follow
from `channels` as published (64): c, `joint_features`, c/2 and c in a stream, then 2c and 4c for both.

The rhythm, if given, is concatenated to each frame's coordinates: the music embedding that D_global compares
is a sum over time and does not contain *when* a beat occurs.

Axes used in shapes:
    B clips    T frames    J joints    R rhythm channels    C input channels    H map height (time)    W map width
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.gan.settings import GlobalDiscriminatorConfig, NoiseEncoderConfig


class Inputs(NamedTuple):
    """Input sizes of the pose encoder."""

    joints: int
    rhythm_channels: int


class Stream(nn.Module):
    """Features of one stream: joint by joint, then across all joints."""

    def __init__(
        self, inputs: int, joints: int, channels: int, joint_features: int, dropout: float, pooled: bool
    ) -> None:
        super().__init__()
        self.point = nn.Conv2d(inputs, channels, 1)
        self.along_time = nn.Conv2d(channels, joint_features, (3, 1))
        self.across_joints = nn.Sequential(
            nn.Conv2d(joints, channels // 2, 3, padding=1),
            pool(pooled),
            nn.Conv2d(channels // 2, channels, 3, padding=1),
            nn.Dropout2d(dropout),
            pool(pooled),
        )

    def forward(self, x: Float[Tensor, "B C T J"]) -> Float[Tensor, "B channels H W"]:
        """A map of time by joint features; time is two frames shorter, and a quarter of that if pooled."""
        return self.layers(x)[-1]

    def layers(self, x: Float[Tensor, "B C T J"]) -> list[Tensor]:
        """Output of each convolution; the last one is `forward`'s map."""
        point = self.point(x).relu()
        along_time = self.along_time(point)
        first, pool_first, *rest = self.across_joints
        across = first(along_time.transpose(1, 3))  # joints to channels: (B, J, T - 2, joint_features)
        last = pool_first(across)
        for layer in rest:
            last = layer(last)
        return [point, along_time, across, last]


class TwoStreams(nn.Module):
    """Position and motion of a dance as one map of `4 * channels` channels."""

    def __init__(
        self,
        joints: int,
        rhythm_channels: int,
        channels: int,
        joint_features: int,
        motion_gain: float,
        dropout: float,
        pooled: bool,
    ) -> None:
        super().__init__()
        self.motion_gain = motion_gain
        inputs = 2 + rhythm_channels
        self.rhythm = bool(rhythm_channels)
        self.position = Stream(inputs, joints, channels, joint_features, dropout, pooled)
        self.motion = Stream(inputs, joints, channels, joint_features, dropout, pooled)
        both = 2 * channels
        self.together = nn.Sequential(
            nn.Conv2d(both, both, 3, padding=1),
            nn.ReLU(),
            nn.Dropout2d(dropout),
            pool(pooled),
            nn.Conv2d(both, 2 * both, 3, padding=1),
            nn.ReLU(),
            nn.Dropout2d(dropout),
            nn.MaxPool2d(2, ceil_mode=pooled),
        )
        spread_evenly(self)

    def forward(self, pose: Float[Tensor, "B T J 2"], rhythm: Float[Tensor, "B T R"]) -> Float[Tensor, "B maps H W"]:
        """The map; `pose` must contain no NaN for missing joints and at least three frames."""
        return self.layers(pose, rhythm)[-1]

    def layers(self, pose: Float[Tensor, "B T J 2"], rhythm: Float[Tensor, "B T R"]) -> list[Tensor]:
        """Output of each convolution; the last one is `forward`'s map."""
        where, how = self.apart(pose, rhythm)
        first = self.together[:2](torch.cat([where[-1], how[-1]], dim=1))
        return [*where, *how, first, self.together[2:](first)]

    def apart(
        self, pose: Float[Tensor, "B T J 2"], rhythm: Float[Tensor, "B T R"]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Output of each convolution of the two streams, before they are concatenated."""
        position = pose.permute(0, 3, 1, 2)  # (B, 2, T, J)
        motion = temporal_difference(position) * self.motion_gain
        if self.rhythm:
            beside = rhythm.transpose(1, 2)[..., None].expand(-1, -1, -1, pose.shape[2])  # (B, R, T, J)
            position, motion = (torch.cat([stream, beside], dim=1) for stream in (position, motion))
        return self.position.layers(position), self.motion.layers(motion)


class HCN(nn.Module):
    """Encodes a dance as one vector."""

    def __init__(
        self, config: GlobalDiscriminatorConfig | NoiseEncoderConfig, size: int, dropout: float, inputs: Inputs
    ) -> None:
        super().__init__()
        channels, features = config.channels, config.joint_features
        self.streams = TwoStreams(
            inputs.joints, inputs.rhythm_channels, channels, features, config.motion_gain, dropout, pooled=True
        )
        self.map = (3, max(1, features // 16))  # size for 50 frames; other lengths are pooled to it
        self.head = nn.Sequential(
            nn.Linear(4 * channels * self.map[0] * self.map[1], config.hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(config.hidden, size),
        )
        spread_evenly(self.head)

    def forward(self, pose: Float[Tensor, "B T J 2"], rhythm: Float[Tensor, "B T R"]) -> Float[Tensor, "B size"]:
        """One vector for each dance."""
        return self.layers(pose, rhythm)[-1]

    def layers(self, pose: Float[Tensor, "B T J 2"], rhythm: Float[Tensor, "B T R"]) -> list[Tensor]:
        """Output of each layer; the last one is `forward`'s vector."""
        maps = self.streams.layers(pose, rhythm)
        hidden = self.head[:2](F.adaptive_avg_pool2d(maps[-1], self.map).flatten(1))
        return [*maps, hidden, self.head[2:](hidden)]


def temporal_difference(position: Float[Tensor, "B C T J"]) -> Float[Tensor, "B C T J"]:
    """Frame-to-frame differences, interpolated to T frames."""
    steps = position[:, :, 1:] - position[:, :, :-1]
    return F.interpolate(steps, size=position.shape[2:], mode="bilinear", align_corners=False)


def spread_evenly(network: nn.Module) -> None:
    """He initialisation and zero biases: joints move by hundredths, which torch's default would attenuate too much."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def pool(pooled: bool) -> nn.Module:
    """Max pooling that halves both sides of a map, rounding up so that short dances keep one row; or the identity."""
    return nn.MaxPool2d(2, ceil_mode=True) if pooled else nn.Identity()
