"""Settings of cut_clips: poses -> clips."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveInt

from dancegen.config import InputUri, Uri
from dancegen.settings.parallel import Parallel

Share = Annotated[float, Field(ge=0, le=1)]


class CutClipsConfig(Parallel):
    """Poses and sound to clips of a few seconds."""

    poses: InputUri
    """The table that extract_poses made."""
    clips: Uri
    """Where the table of clips goes; what became of each video is in a table beside it, named CLIPS_cuts."""
    frames: PositiveInt = 50
    """Poses in a clip."""
    stride_frames: PositiveInt = 25
    """Poses from the start of a clip to the start of the next."""
    max_gap_s: NonNegativeFloat = 0.3
    """A joint that is missing for no longer is filled in; longer gaps stay missing."""
    max_missing_share: Share = 0.3
    """A window with more of its joints missing after that is left out."""
    test_share: Share = 0.1
    """Share of each category's songs that is kept for testing. A song is never both trained on and tested on."""
