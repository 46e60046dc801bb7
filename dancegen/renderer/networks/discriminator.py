"""Patch discriminators of pix2pixHD on a pyramid of resolutions (Wang et al. 2018, section 3.2).

The names of the published state dict run backwards: the discriminator of the highest number, scale{scales - 1}, gets
the full resolution.

Axes used in shapes:
    N conditions    M pictures, a multiple of N    C channels    H height    W width, in pixels
"""

import re
from itertools import pairwise
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.renderer.condition import condition_channels
from dancegen.renderer.networks.layers import PICTURE_CHANNELS, half_resolution, initialize
from dancegen.renderer.settings import RendererConfig

MAX_WIDTH = 512
ValueT = TypeVar("ValueT")


class MultiscaleDiscriminator(nn.Module):
    """Scores patches of a picture with its condition, at each resolution of a pyramid."""

    def __init__(self, input_channels: int, width: int = 64, layers: int = 3, scales: int = 2) -> None:
        super().__init__()
        self.layers, self.scales = layers, scales
        for scale in range(scales):
            for index, layer in enumerate(_layers(input_channels, width, layers)):
                self.add_module(f"scale{scale}_layer{index}", layer)
        self.downsample = half_resolution()
        initialize(self)

    def forward(self, condition: Float[Tensor, "N C H W"], pictures: Float[Tensor, "M C2 H W"]) -> list[list[Tensor]]:
        """Activations of each layer at each scale, full resolution first; the last of a scale is its score map.

        Channels of the published input are those of the condition, then those of the pictures. Pictures n, N + n, ...
        have the same condition n. Scores are those of a least-squares GAN: 1 is real, 0 is generated.
        """
        found = []
        for scale in reversed(range(self.scales)):
            if found:
                condition, pictures = self.downsample(condition), self.downsample(pictures)
            found.append(self._activations(condition, pictures, scale))
        return found

    def _activations(self, condition: Tensor, pictures: Tensor, scale: int) -> list[Tensor]:
        convolution, activation = (self.get_submodule(f"scale{scale}_layer0.{index}") for index in range(2))
        assert isinstance(convolution, nn.Conv2d)
        activations = [activation(_convolved(convolution, condition, pictures))]
        for index in range(1, self.layers + 2):
            activations.append(self.get_submodule(f"scale{scale}_layer{index}")(activations[-1]))
        return activations


def build_discriminator(config: RendererConfig) -> MultiscaleDiscriminator:
    """An untrained discriminator for these settings.

    Its input is condition and picture; with `two_frame`, the previous and the present condition, then the previous and
    the present picture.
    """
    own = config.discriminator
    channels = (condition_channels(config) + PICTURE_CHANNELS) * (2 if own.two_frame else 1)
    return MultiscaleDiscriminator(channels, own.width, own.layers, own.scales)


def with_feature_names(weights: dict[str, ValueT]) -> dict[str, ValueT]:
    """Weights that were saved without feature matching (layer0.2.weight) by their other name (scale0_layer1.0.weight).

    Other names are kept.
    """
    return {re.sub(r"^layer(\d+)\.(\d+)\.", _feature_name, name): value for name, value in weights.items()}


def _feature_name(found: re.Match[str]) -> str:
    """A layer has a convolution at 0, 2, 5, 8, ...: the first layer has no normalisation, the last no activation."""
    return f"scale{found[1]}_layer{(int(found[2]) + 1) // 3}.0."


def _layers(input_channels: int, width: int, count: int) -> list[nn.Sequential]:
    """The layers of one scale, `count` + 2: all but the last two have stride 2."""
    widths = [min(width * 2**level, MAX_WIDTH) for level in range(count + 1)]
    first = nn.Sequential(_convolution(input_channels, width, 2), nn.LeakyReLU(0.2, inplace=True))
    inner = [
        nn.Sequential(
            _convolution(before, after, 2 if level < count else 1),
            nn.InstanceNorm2d(after),
            nn.LeakyReLU(0.2, inplace=True),
        )
        for level, (before, after) in enumerate(pairwise(widths), 1)
    ]
    return [first, *inner, nn.Sequential(_convolution(widths[-1], 1, 1))]


def _convolved(convolution: nn.Conv2d, condition: Tensor, pictures: Tensor) -> Tensor:
    """The convolution of condition and pictures together, as a sum of two.

    Most channels are the condition's, which real and generated pictures share and which needs no gradient.
    """
    weight, channels = convolution.weight, condition.shape[1]
    of_condition = F.conv2d(condition, weight[:, :channels], None, convolution.stride, convolution.padding)
    of_pictures = F.conv2d(pictures, weight[:, channels:], convolution.bias, convolution.stride, convolution.padding)
    return (of_pictures.unflatten(0, (-1, len(condition))) + of_condition).flatten(0, 1)


def _convolution(before: int, after: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 4, stride=stride, padding=2)
