"""What the held-out extractor is made of: the network that judges dances and that no loss has ever seen."""

from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from dancegen.config import Config
from dancegen.gan.settings import Share


class HeldoutConfig(Config):
    """A recurrent network over the whole body, frame after frame: nothing of a graph, nothing of a convolution."""

    hidden: PositiveInt = 96
    """Width of the recurrent network, each way."""
    layers: PositiveInt = 2
    """Layers of the recurrent network."""
    size: PositiveInt = 64
    """Features of a dance: fewer than the dances that are compared, or their covariance is singular."""
    motion_gain: PositiveFloat = 10.0
    """What steps from frame to frame are multiplied by: they are small beside positions."""
    dropout: Share = 0.1
    """Share that is dropped between the layers while training."""
    normalization: Literal["body", "camera"] = "body"
    """What coordinates the network sees: those of the dance model that it is to judge."""
    fps: PositiveFloat = 10.0
    """Poses per second."""
