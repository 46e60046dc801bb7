"""Settings of the repair of tracked joints, and of the limits beyond which videos are set aside."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat

from dancegen.config import Config

Share = Annotated[float, Field(ge=0, le=1)]


class CleanConfig(Config):
    """Repair of joints. Filled and replaced joints are marked."""

    max_gap_s: NonNegativeFloat = 0.5
    """Longest gap of a joint that is filled, in seconds; longer gaps stay missing."""
    smoothing: NonNegativeFloat = 1.0
    """Expected jitter of joints, relative to that of a typical estimator; 0 disables smoothing."""


class VerdictConfig(Config):
    """Limits beyond which a video is set aside."""

    min_found_share: Share = 0.5
    """Minimum fraction of frames with a dancer."""
    max_missing_share: Share = 0.6
    """Maximum fraction of missing joints, in the frames with a dancer."""
    max_repaired_share: Share = 0.5
    """Maximum fraction of repaired joints, in the frames with a dancer."""
    min_usable_s: NonNegativeFloat = 1.0
    """Minimum length that clips can be cut from, in seconds."""
