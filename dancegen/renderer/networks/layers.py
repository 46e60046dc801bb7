"""Layers that the image networks share, and the size to which their input is padded."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

PICTURE_CHANNELS = 3  # red, green, blue
INITIAL_STD = 0.02  # of convolution weights, as published


def normalised(convolution: nn.Module, channels: int) -> list[nn.Module]:
    """A convolution, instance normalisation and ReLU. The bias has no effect, but is part of the published weights."""
    return [convolution, nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a residual connection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            *normalised(nn.Conv2d(channels, channels, 3), channels),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Features of the same shape."""
        return x + self.conv_block(x)


def downsampling(channels: int) -> list[nn.Module]:
    """Half the resolution, twice the channels."""
    return normalised(nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1), 2 * channels)


def upsampling(channels: int) -> list[nn.Module]:
    """Twice the resolution, half the channels."""
    convolution = nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1)
    return normalised(convolution, channels // 2)


def half_resolution() -> nn.AvgPool2d:
    """The 3x3 average of the published pyramid, in which padding does not count."""
    return nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)


def reflect_to_multiple(x: Float[Tensor, "N C H W"], multiple: int) -> Float[Tensor, "N C H2 W2"]:
    """The pictures reflected at the right and bottom edge up to the next multiple, and at least to twice the multiple.

    With two pixels at the lowest resolution, reflection padding is possible in every layer. Pictures smaller than the
    padding are reflected several times.
    """
    for axis in (2, 3):
        size = x.shape[axis]
        wanted = max(2, -(-size // multiple)) * multiple
        if wanted > size:
            x = x.index_select(axis, _reflected(size, wanted, x.device))
    return x


def _reflected(size: int, wanted: int, device: torch.device) -> Tensor:
    """Indices 0 ... size - 1 ... 0 ... of `wanted` pixels; the pixels at the edges are not repeated."""
    period = max(1, 2 * (size - 1))
    place = torch.arange(wanted, device=device) % period
    return torch.minimum(place, period - place) if size > 1 else torch.zeros_like(place)


def initialize(network: nn.Module) -> None:
    """Weights of all convolutions from N(0, 0.02), as published."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=INITIAL_STD)
