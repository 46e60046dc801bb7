"""Settings of the held-out feature extractor: a network for evaluation that no loss uses."""

from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from dancegen.config import Config
from dancegen.gan.settings import Share


class HeldoutConfig(Config):
    """A recurrent network over the whole body, frame by frame, without graph or convolution layers."""

    hidden: PositiveInt = 96
    """Width of the recurrent network, per direction."""
    layers: PositiveInt = 2
    """Layers of the recurrent network."""
    size: PositiveInt = 64
    """Features per dance. Must be fewer than the dances to compare, or their covariance is singular."""
    motion_gain: PositiveFloat = 10.0
    """Factor on frame-to-frame differences, which are small relative to positions."""
    dropout: Share = 0.1
    """Dropout rate between the layers."""
    normalization: Literal["body", "camera"] = "body"
    """Input coordinates; must be those of the dance model to evaluate."""
    fps: PositiveFloat = 10.0
    """Poses per second."""
