"""Settings of extract-poses: videos -> poses."""

from typing import Annotated, Literal

from pydantic import PositiveFloat, PositiveInt

from dancegen.config import InputUri, Output, OutputUri, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.estimators.settings import EstimatorConfig
from dancegen.pose.settings import CleanConfig, VerdictConfig


class ExtractPosesConfig(Parallel):
    """Extract poses from videos: detect all people in each frame and track the dancer."""

    videos: InputUri
    """A folder of videos, a list (.txt) or a table (.csv, .parquet) with uri and optionally category, song, dancer."""
    poses: Annotated[Uri, Output(beside=("_files", "_people", "_report"))]
    """Output table of poses; POSES_files, POSES_people and POSES_report are written beside it."""
    people: OutputUri | None = None
    """Table of all detected people, such as that of an earlier run with other `poses`; null is POSES_people."""
    estimator: EstimatorConfig = EstimatorConfig()
    """Pose estimator."""
    fps: PositiveInt = 10
    """Poses per second."""
    part_s: PositiveFloat = 60.0
    """Length of the parts that videos are processed in, in seconds; keeps every worker busy on one long video."""
    find_cuts: bool = True
    """Detect cuts between shots; no dancer is tracked across one."""
    follow: Literal["longest", "largest", "centre"] = "longest"
    """Selects the dancer among several people: visible longest, largest, or nearest to the centre of the frame."""
    clean: CleanConfig = CleanConfig()
    """Repair of joints."""
    verdict: VerdictConfig = VerdictConfig()
    """Limits beyond which a video is set aside."""
    report: bool = True
    """Write HTML pages with an image per video: skeletons over some frames; found, repaired and missing joints."""
