"""G1 of pix2pixHD: a condition to a picture, at one resolution (Wang et al. 2018, section 3.1).

Modules have the positions, and thus the names, of the published state dict.

Axes used in shapes:
    N pictures    C channels    F features    H height    W width, in pixels (H2, W2: padded)
"""

from jaxtyping import Float
from torch import Tensor, nn

from dancegen.renderer.networks.layers import (
    ResidualBlock,
    downsampling,
    initialize,
    normalised,
    reflect_to_multiple,
    upsampling,
)

LAST_LAYERS = 3  # padding, convolution and tanh after the features


class GlobalGenerator(nn.Module):
    """Convolutions that halve the resolution, residual blocks, and transposed convolutions that restore it."""

    def __init__(
        self, input_channels: int, output_channels: int = 3, width: int = 64, downsamplings: int = 4, blocks: int = 9
    ) -> None:
        super().__init__()
        self.multiple = 2**downsamplings
        self.width = width
        self.model = nn.Sequential(
            *feature_layers(input_channels, width, downsamplings, blocks), *picture_layers(width, output_channels)
        )
        initialize(self)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C2 H W"]:
        """Pictures in [-1, 1]. Sizes that are no multiple of 2^downsamplings are padded by reflection, and cropped."""
        return self.picture(self.features(x))[..., : x.shape[2], : x.shape[3]]

    def features(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F H2 W2"]:
        """Activations before the last padding, convolution and tanh; of the padded size."""
        return self.model[:-LAST_LAYERS](reflect_to_multiple(x, self.multiple))

    def picture(self, features: Float[Tensor, "N F H2 W2"]) -> Float[Tensor, "N C2 H2 W2"]:
        """Pictures in [-1, 1] of the features; of the padded size."""
        return self.model[-LAST_LAYERS:](features)


def feature_layers(input_channels: int, width: int, downsamplings: int, blocks: int) -> list[nn.Module]:
    """The layers of G1 before the last padding, convolution and tanh."""
    widths = [width * 2**level for level in range(downsamplings + 1)]
    layers = [nn.ReflectionPad2d(3), *normalised(nn.Conv2d(input_channels, width, 7), width)]
    for channels in widths[:-1]:
        layers += downsampling(channels)
    layers += [ResidualBlock(widths[-1]) for _ in range(blocks)]
    for channels in widths[:0:-1]:
        layers += upsampling(channels)
    return layers


def picture_layers(width: int, output_channels: int) -> list[nn.Module]:
    """The layers that turn features into a picture."""
    return [nn.ReflectionPad2d(3), nn.Conv2d(width, output_channels, 7), nn.Tanh()]
