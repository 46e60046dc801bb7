"""Settings of extract_poses: videos -> poses."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from dancegen.config import Config, InputUri, Uri
from dancegen.settings.parallel import Parallel

Share = Annotated[float, Field(ge=0, le=1)]


class EstimatorConfig(Config):
    """Who says where the joints are."""

    name: Literal["mediapipe", "openpose_json"] = "mediapipe"
    """mediapipe looks at the pictures; openpose_json reads the files that OpenPose wrote beside the video."""
    min_confidence: Share = 0.3
    """A joint of less confidence (mediapipe: visibility) is missing."""
    json_folder: Uri | None = None
    """openpose_json: where the folders `<video's name>_openpose` are; beside each video when not set."""


class ExtractPosesConfig(Parallel):
    """Videos to poses: the dancer in each frame."""

    videos: InputUri
    """A folder of videos, a list (.txt) or a table (.csv, .parquet: uri, and category, song, dancer if known)."""
    poses: Uri
    """Where the table of poses goes."""
    estimator: EstimatorConfig = EstimatorConfig()
    """The pose estimator."""
    fps: PositiveInt = 10
    """Poses per second."""
    min_found_share: Share = 0.5
    """A video with a dancer in less of its frames is set aside."""
    previews: Uri | None = None
    """When set: a folder for one picture a video, some frames with the skeleton drawn over them."""
