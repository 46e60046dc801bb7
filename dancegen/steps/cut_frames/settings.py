"""Settings of cut-frames: footage and poses -> frames."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from dancegen.config import Config, InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel

Share = Annotated[float, Field(ge=0, le=1)]
Size = Annotated[int, Field(ge=32, le=2048, multiple_of=4)]  # of four, because flow has a quarter of the size


class FootageVerdictConfig(Config):
    """Limits beyond which a video is set aside."""

    max_camera_shift: PositiveFloat = 0.005
    """Maximum displacement of the background between any two times, as a fraction of the frame's width."""
    max_exposure_drift: PositiveFloat = 4.0
    """Maximum change of the background's mean brightness within 10 s, in levels of 255."""
    max_people: Annotated[float, Field(ge=1)] = 1.5
    """Maximum mean number of people per frame."""
    max_cut_off_share: Share = 0.2
    """Maximum fraction of the dancer's frames in which a hand, the head or the feet are outside the video's frame."""
    min_usable_s: NonNegativeFloat = 60.0
    """Minimum duration of usable frames, in seconds."""
    warn_usable_s: NonNegativeFloat = 180.0
    """Duration of usable frames, in seconds, below which the result has a warning."""
    min_poses: NonNegativeInt = 4
    """Minimum number of distinct poses: clusters within which poses differ by 0.1 torsos."""
    warn_poses: NonNegativeInt = 16
    """Number of distinct poses below which the result has a warning."""


class CutFramesConfig(Parallel):
    """Cut footage of one person into frames with joints, matte and optical flow; make a clean plate of each video."""

    poses: InputUri
    """Table of poses of the footage, from extract-poses with fps=30."""
    frames: Annotated[Uri, Output(beside=("_survey", "_segments", "_footage", "_report"))]
    """Output table of frames. Beside it, FRAMES_footage has the plate, the body and the outcome of each video."""
    person: str | None = None
    """Id of the person in all of the footage; null is the dancer of the poses."""
    height_px: Size = 256
    """Height of the frames, in pixels."""
    width_px: Size = 256
    """Width of the frames, in pixels. A portrait video needs a portrait size, such as 256x144."""
    validation_share: Share = 0.1
    """Fraction of each video's usable time in the validation split, after the training split."""
    test_share: Share = 0.1
    """Fraction of each video's usable time in the test split, which is the last one."""
    gap_s: NonNegativeFloat = 2.0
    """Time between two splits that is left out, in seconds."""
    min_sharpness: Share = 0.4
    """Minimum sharpness of a frame, as a fraction of the median of its segment; frames below it are left out."""
    min_change: NonNegativeFloat = 0.5
    """Minimum mean difference of a frame from the last one that is kept, around the dancer, in levels of 255."""
    matte: Literal["difference", "none"] = "difference"
    """Matte of the person: from the difference between the frame and the clean plate, or none."""
    flow: bool = True
    """Compute the optical flow between consecutive frames."""
    jpeg_quality: Annotated[int, Field(ge=50, le=100)] = 95
    """JPEG quality of the frames."""
    segment_s: PositiveFloat = 15.0
    """Length of the segments that videos are processed in, in seconds; keeps every worker busy on one long video."""
    verdict: FootageVerdictConfig = FootageVerdictConfig()
    """Limits beyond which a video is set aside."""
    report: bool = True
    """Write an HTML page with the plate, some frames and their mattes, and the findings of each video."""

    @model_validator(mode="after")
    def _something_to_train_on(self) -> "CutFramesConfig":
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave nothing to train on")
        return self
