"""What becomes of tracked joints, whoever tracked them: how they are repaired, and which videos are set aside."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat

from dancegen.config import Config

Share = Annotated[float, Field(ge=0, le=1)]


class CleanConfig(Config):
    """How joints are repaired. What was filled or put right stays marked."""

    max_gap_s: NonNegativeFloat = 0.5
    """A joint that is missing for no longer is filled in; longer gaps stay missing."""
    smoothing: NonNegativeFloat = 1.0
    """How much joints tremble, against what is usual for an estimator; 0 leaves them where they were found."""


class VerdictConfig(Config):
    """Which videos are set aside, with the reason."""

    min_found_share: Share = 0.5
    """With a dancer in less of its frames."""
    max_missing_share: Share = 0.6
    """With more of the dancer's joints missing, where there is a dancer."""
    max_repaired_share: Share = 0.5
    """With more of the dancer's joints repaired, where there is a dancer."""
    min_usable_s: NonNegativeFloat = 1.0
    """With fewer seconds that a clip could be cut from."""
