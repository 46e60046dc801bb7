"""Settings of the perceptual network (ST-GCN). Defaults are ours; `PAPER_STGCN` is the published one."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from dancegen.config import Config
from dancegen.gan.settings import Share


class STGCNConfig(Config):
    """Spatial-temporal graph convolutions over the skeleton: ten blocks of three widths."""

    widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (32, 64, 128)
    """Channels of the first four blocks, of the next three and of the last three ((64, 128, 256) as published)."""
    temporal_kernel_frames: int = Field(default=9, ge=3)
    """Temporal kernel size of a block, in frames (odd)."""
    dropout: Share = 0.0
    """Dropout rate after each block except the first."""
    normalization: Literal["body", "camera"] = "body"
    """Input coordinates; must be those of the dance model to evaluate."""
    fps: PositiveFloat = 10.0
    """Poses per second."""


PAPER_STGCN = STGCNConfig(widths=(64, 128, 256), normalization="camera")
"""The published network."""
