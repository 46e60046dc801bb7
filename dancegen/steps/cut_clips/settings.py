"""Settings of cut-clips: poses -> clips."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from dancegen.config import InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel

Share = Annotated[float, Field(ge=0, le=1)]


class CutClipsConfig(Parallel):
    """Cut poses and audio into clips of a few seconds."""

    poses: InputUri
    """Table of poses, from extract-poses."""
    clips: Annotated[Uri, Output(beside=("_cuts", "_matches", "_report"))]
    """Output table of clips. Beside it, CLIPS_cuts has the outcome of each video and CLIPS_matches the songs with
    matching audio."""
    frames: PositiveInt = 50
    """Length of a clip, in poses."""
    stride_frames: PositiveInt = 25
    """Stride between the starts of consecutive clips, in poses."""
    max_missing_share: Share = 0.3
    """Maximum fraction of missing joints in a clip; windows with more are left out."""
    min_loudness_db: float = -60.0
    """Minimum RMS loudness of the audio, in dBFS; quieter videos are set aside as silent."""
    min_tempo_confidence: Share = 0.0
    """Minimum confidence of the tempo estimate; videos below it are set aside. 0.25 excludes speech, noise and music
    without a steady beat."""
    test_share: Share = 0.1
    """Fraction of each category's songs in the test split, which only `evaluate` uses. A song is in one split only."""
    validation_share: Share = 0.1
    """Fraction of each category's songs in the validation split, which selects epochs and settings."""
    apart: Literal["song", "song_and_dancer"] = "song_and_dancer"
    """What the splits do not share: songs, by id and by audio; or also dancers, which leaves out some videos."""
    report: bool = True
    """Write HTML pages with the number of clips per video and the reasons for windows left out."""
