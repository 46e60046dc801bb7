"""The generator of one person: a condition, the previous picture and a background plate to a picture.

Axes used in shapes:
    N pictures    C channels    H height    W width, in pixels
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.renderer.condition import condition_channels
from dancegen.renderer.networks.face import FaceRefiner
from dancegen.renderer.networks.global_generator import GlobalGenerator
from dancegen.renderer.networks.layers import PICTURE_CHANNELS, initialize
from dancegen.renderer.networks.local_enhancer import LocalEnhancer
from dancegen.renderer.settings import RendererConfig

MATTE_GAIN = 10.0  # Adam moves a weight by its rate an update: without the gain the matte is grey for 10,000 updates


class Generated(NamedTuple):
    """A picture and what it is composed of."""

    picture: Tensor
    """(N, 3, H, W) in [-1, 1]."""
    colour: Tensor
    """(N, 3, H, W) in [-1, 1]: the person, before it is put over the plate and its face is refined."""
    matte: Tensor | None
    """(N, 1, H, W) in [0, 1]: the opacity of the person; None without a matte."""


class PersonGenerator(nn.Module):
    """A generator of pix2pixHD with a matte over a plate, memory of one picture, and refinement of the face."""

    def __init__(self, config: RendererConfig) -> None:
        super().__init__()
        self.config = config
        channels = condition_channels(config)
        self.generator = build_generator(config)
        self.matte = nn.Conv2d(self.generator.width, 1, 1) if config.matte else None
        self.face = FaceRefiner(channels) if config.face else None
        if self.matte is not None:
            initialize(self.matte)

    def forward(
        self,
        condition: Float[Tensor, "N C H W"],
        previous: Float[Tensor, "N 3 H W"] | None = None,
        plate: Float[Tensor, "N 3 H W"] | None = None,
        joints: Float[Tensor, "N 18 3"] | None = None,
    ) -> Generated:
        """Pictures of the person.

        `previous` are the previous pictures in [-1, 1] (with `previous_frame`; None is a first picture, zeros). `plate`
        is the background in [-1, 1], required with `matte`. `joints`, as fractions of the picture, locate the face to
        refine (with `face`; None leaves it out). Inputs that the settings have no use for are ignored.
        """
        height, width = condition.shape[2:]
        features = self.generator.features(self._input(condition, previous))
        colour = self.generator.picture(features)[..., :height, :width]
        matte = None if self.matte is None else (MATTE_GAIN * self.matte(features)[..., :height, :width]).sigmoid()
        picture = colour
        if matte is not None:
            assert plate is not None, "a generator with a matte requires the plate"
            picture = matte * colour + (1 - matte) * plate
        if self.face is not None and joints is not None:
            picture = self.face(condition, picture, joints)
        return Generated(picture, colour, matte)

    def _input(self, condition: Tensor, previous: Tensor | None) -> Tensor:
        if not self.config.previous_frame:
            return condition
        if previous is None:
            previous = condition.new_zeros(len(condition), PICTURE_CHANNELS, *condition.shape[2:])
        return torch.cat([condition, previous], dim=1)


def build_generator(config: RendererConfig) -> GlobalGenerator | LocalEnhancer:
    """An untrained image generator for these settings."""
    own = config.generator
    channels = condition_channels(config) + (PICTURE_CHANNELS if config.previous_frame else 0)
    shape = (channels, PICTURE_CHANNELS, own.width, own.downsamplings, own.blocks)
    return GlobalGenerator(*shape) if own.kind == "global" else LocalEnhancer(*shape, own.enhancer_blocks)
