"""Settings of extract-poses: videos -> poses."""

from typing import Annotated, Literal

from pydantic import PositiveFloat, PositiveInt

from dancegen.config import InputUri, Output, OutputUri, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.estimators.settings import EstimatorConfig
from dancegen.pose.settings import CleanConfig, VerdictConfig


class ExtractPosesConfig(Parallel):
    """Videos to poses: everyone in each frame is found, and the dancer is followed."""

    videos: InputUri
    """A folder of videos, a list (.txt) or a table (.csv, .parquet: uri, and category, song, dancer if known)."""
    poses: Annotated[Uri, Output(beside=("_files", "_people", "_report"))]
    """Where the table of poses goes; POSES_files, POSES_people and POSES_report beside it."""
    people: OutputUri | None = None
    """The table of everyone who was found, such as an earlier run's for other `poses`; POSES_people when not set."""
    estimator: EstimatorConfig = EstimatorConfig()
    """The pose estimator."""
    fps: PositiveInt = 10
    """Poses per second."""
    part_s: PositiveFloat = 60.0
    """Videos are worked on in parts of so many seconds, so that one long video keeps every worker busy."""
    find_cuts: bool = True
    """Look for cuts between shots; no dancer is followed across one."""
    follow: Literal["longest", "largest", "centre"] = "longest"
    """Who of several people is the dancer: who is seen longest, is largest, or is nearest to the picture's middle."""
    clean: CleanConfig = CleanConfig()
    """How joints are repaired."""
    verdict: VerdictConfig = VerdictConfig()
    """Which videos are set aside."""
    report: bool = True
    """Make pages with a picture of each video: the skeleton over some frames, and what was seen, repaired and lost."""
