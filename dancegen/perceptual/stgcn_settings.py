"""What the perceptual network (ST-GCN) is made of. Defaults are ours; `PAPER_STGCN` is the published one."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from dancegen.config import Config
from dancegen.gan.settings import Share


class STGCNConfig(Config):
    """Spatial-temporal graph convolutions over the skeleton: ten blocks of three widths."""

    widths: tuple[PositiveInt, PositiveInt, PositiveInt] = (32, 64, 128)
    """Channels of the first four blocks, of the next three and of the last three ((64, 128, 256) as published)."""
    temporal_kernel_frames: int = Field(default=9, ge=3)
    """Frames that a block sees at once (odd)."""
    dropout: Share = 0.0
    """Share that is dropped after each block but the first while training."""
    normalization: Literal["body", "camera"] = "body"
    """What coordinates the network sees: those of the dance model that it is to judge."""
    fps: PositiveFloat = 10.0
    """Poses per second."""


PAPER_STGCN = STGCNConfig(widths=(64, 128, 256), normalization="camera")
"""The published network."""
