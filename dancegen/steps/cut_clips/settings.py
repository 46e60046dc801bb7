"""Settings of cut-clips: poses -> clips."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from dancegen.config import InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel

Share = Annotated[float, Field(ge=0, le=1)]


class CutClipsConfig(Parallel):
    """Poses and sound to clips of a few seconds."""

    poses: InputUri
    """The table that extract-poses made."""
    clips: Annotated[Uri, Output(beside=("_cuts", "_matches", "_report"))]
    """Where the table of clips goes; beside it, CLIPS_cuts says what became of each video, and CLIPS_matches which
    sound alike."""
    frames: PositiveInt = 50
    """Poses in a clip."""
    stride_frames: PositiveInt = 25
    """Poses from the start of a clip to the start of the next."""
    max_missing_share: Share = 0.3
    """A window with more of its joints missing is left out."""
    min_loudness_db: float = -60.0
    """A video whose sound is softer (RMS, dBFS) is set aside: there is nothing to dance to."""
    min_tempo_confidence: Share = 0.0
    """A video whose beat is less sure is set aside; 0.25 leaves out speech, noise and music without a steady
    beat."""
    test_share: Share = 0.1
    """Share of each category's songs that is kept for testing, which `evaluate` alone looks at. A song is on one side
    of the split only."""
    validation_share: Share = 0.1
    """Share of each category's songs that is kept for validation: epochs and settings are chosen on it."""
    apart: Literal["song", "song_and_dancer"] = "song_and_dancer"
    """What is never on two sides: a song, by its id and by its sound; or also a dancer, which leaves videos out."""
    report: bool = True
    """Make pages that say of each video how many clips it gave, and why not more."""
