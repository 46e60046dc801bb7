"""Settings of import-poses: pose data of other projects -> poses."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from dancegen.config import InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.pose.settings import CleanConfig, Share, VerdictConfig

AISTPP_CAMERAS = tuple(f"c{number:02}" for number in range(1, 10))


class ImportPosesConfig(Parallel):
    """Import pose data of other projects: each recording becomes a row like that of a video."""

    format: Literal["paper_json", "aistpp", "bvh", "npz", "openpose"]
    """Format of the data: the paper's released JSON, AIST++ (2-D keypoints), motion capture (BVH), NPZ with the arrays
    joints, fps, width_px, height_px, or OpenPose (folders of *_keypoints.json)."""
    source: InputUri
    """A file or a folder of files; openpose: a folder of JSON files, or a folder of such folders."""
    poses: Annotated[Uri, Output(beside=("_imports", "_sounds", "_report"))]
    """Output table of poses; POSES_imports, POSES_sounds and POSES_report are written beside it."""
    music: InputUri | None = None
    """A folder with the songs, matched by name: mBR2.mp3 (aistpp: the song), dance.mp3 (bvh, npz: dance.bvh; openpose:
    the folder dance or dance_openpose; its video may also be beside it). paper_json contains its own audio."""
    fps: PositiveInt = 10
    """Poses per second."""
    width_px: PositiveInt | None = None
    """Frame width in pixels where the data does not have it; null is 640 for paper_json and 1280 for bvh. Required for
    openpose without a video and for npz when the file lacks it."""
    height_px: PositiveInt | None = None
    """Frame height in pixels where the data does not have it; null is 360 for paper_json and 720 for bvh. Required for
    openpose without a video and for npz when the file lacks it."""
    source_fps: PositiveFloat | None = None
    """Frames per second of the data where it does not have it. Required for openpose without a video and for npz when
    the file lacks it."""
    cameras: Annotated[tuple[float | str, ...], Field(min_length=1)] | None = None
    """Cameras, each of which gives a recording. aistpp: some of c01 to c09; null is all. bvh: angles of the camera in
    degrees, from the dancer's front towards the dancer's left; null is [0]."""
    min_confidence: Share = 0.3
    """Minimum confidence of a joint; joints below it are missing (aistpp, npz, openpose)."""
    category: str = "unknown"
    """Category of the dance, where the data has none."""
    dancer: str = "unknown"
    """Id of the dancer, where the data has none."""
    clean: CleanConfig = CleanConfig()
    """Repair of joints."""
    verdict: VerdictConfig = VerdictConfig()
    """Limits beyond which a recording is set aside."""

    @model_validator(mode="after")
    def _cameras_fit_the_format(self) -> Self:
        if self.cameras is None:
            return self
        for camera in self.cameras:
            if self.format == "aistpp" and camera not in AISTPP_CAMERAS:
                raise ValueError(f"cameras has {camera!r}, but format=aistpp has {', '.join(AISTPP_CAMERAS)}")
            if self.format == "bvh" and not isinstance(camera, float):
                raise ValueError(f"cameras has {camera!r}, but format=bvh takes degrees, such as [-30, 0, 30]")
        if self.format in ("paper_json", "npz", "openpose"):
            raise ValueError(f"cameras is set, but format={self.format} has one camera")
        return self
