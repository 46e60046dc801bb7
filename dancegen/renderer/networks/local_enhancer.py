"""G2 of pix2pixHD: a global generator at half the resolution inside a local enhancer (Wang et al. 2018, section 3.1).

The width is the enhancer's; the global half has twice as many channels, so that their features can be added. Modules
have the names of the published state dict: `model` is the global half, and parameters of the enhancer begin with
`model1`.

Axes used in shapes:
    N pictures    C channels    F features    H height    W width, in pixels (H2, W2: padded)
"""

from jaxtyping import Float
from torch import Tensor, nn

from dancegen.renderer.networks.global_generator import LAST_LAYERS, feature_layers, picture_layers
from dancegen.renderer.networks.layers import (
    ResidualBlock,
    downsampling,
    half_resolution,
    initialize,
    normalised,
    reflect_to_multiple,
    upsampling,
)


class LocalEnhancer(nn.Module):
    """Adds its features at half the resolution to those of the global generator, and refines the sum."""

    def __init__(
        self,
        input_channels: int,
        output_channels: int = 3,
        width: int = 32,
        downsamplings: int = 4,
        blocks: int = 9,
        enhancer_blocks: int = 3,
    ) -> None:
        super().__init__()
        self.multiple = 2 ** (downsamplings + 1)
        self.width = width
        self.model = nn.Sequential(*feature_layers(input_channels, 2 * width, downsamplings, blocks))
        self.model1_1 = nn.Sequential(
            nn.ReflectionPad2d(3), *normalised(nn.Conv2d(input_channels, width, 7), width), *downsampling(width)
        )
        self.model1_2 = nn.Sequential(
            *(ResidualBlock(2 * width) for _ in range(enhancer_blocks)),
            *upsampling(2 * width),
            *picture_layers(width, output_channels),
        )
        self.downsample = half_resolution()
        initialize(self)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C2 H W"]:
        """Pictures in [-1, 1]. Sizes that are no multiple of 2^(downsamplings + 1) are padded and cropped."""
        return self.picture(self.features(x))[..., : x.shape[2], : x.shape[3]]

    def features(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N F H2 W2"]:
        """Activations before the last padding, convolution and tanh; of the padded size."""
        x = reflect_to_multiple(x, self.multiple)
        half = self.model1_1(x) + self.model(self.downsample(x))
        return self.model1_2[:-LAST_LAYERS](half)

    def picture(self, features: Float[Tensor, "N F H2 W2"]) -> Float[Tensor, "N C2 H2 W2"]:
        """Pictures in [-1, 1] of the features; of the padded size."""
        return self.model1_2[-LAST_LAYERS:](features)
