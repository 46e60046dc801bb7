"""Settings of import-poses: other people's pose data -> poses."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from dancegen.config import InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.pose.settings import CleanConfig, Share, VerdictConfig

AISTPP_CAMERAS = tuple(f"c{number:02}" for number in range(1, 10))


class ImportPosesConfig(Parallel):
    """Pose data of others to poses: each recording becomes a row like that of a video."""

    format: Literal["paper_json", "aistpp", "bvh", "npz", "openpose"]
    """Who made the data: the paper (its released JSON), AIST++ (2-D key points), motion capture (BVH), anyone (NPZ with
    the arrays joints, fps, width_px, height_px), or OpenPose (folders of *_keypoints.json)."""
    source: InputUri
    """A file, or a folder with any number of them; openpose: a folder of JSON files, or one with such folders."""
    poses: Annotated[Uri, Output(beside=("_imports", "_sounds", "_report"))]
    """Where the table of poses goes; POSES_imports, POSES_sounds and POSES_report beside it."""
    music: InputUri | None = None
    """A folder with the songs, found by name: mBR2.mp3 (aistpp: the song), dance.mp3 (bvh, npz: dance.bvh; openpose:
    the folder dance or dance_openpose; its video may also be beside it). paper_json has its own."""
    fps: PositiveInt = 10
    """Poses per second."""
    width_px: PositiveInt | None = None
    """Width of the picture where the data does not say. When not set: paper_json 640, bvh 1280; openpose needs it
    when there is no video, npz when the file lacks it."""
    height_px: PositiveInt | None = None
    """Height of the picture where the data does not say. When not set: paper_json 360, bvh 720; openpose needs it
    when there is no video, npz when the file lacks it."""
    source_fps: PositiveFloat | None = None
    """Frames per second of the data where it does not say: openpose needs it when there is no video, npz when the file
    lacks it."""
    cameras: Annotated[tuple[float | str, ...], Field(min_length=1)] | None = None
    """Each gives a recording. aistpp: which of c01 to c09; all when not set. bvh: where the camera stands, in degrees
    from the dancer's front to the dancer's left; [0] when not set."""
    min_confidence: Share = 0.3
    """A joint of less confidence is missing (aistpp, npz, openpose)."""
    category: str = "unknown"
    """Kind of dance, where the data does not say."""
    dancer: str = "unknown"
    """Who dances, where the data does not say."""
    clean: CleanConfig = CleanConfig()
    """How joints are repaired."""
    verdict: VerdictConfig = VerdictConfig()
    """Which recordings are set aside."""

    @model_validator(mode="after")
    def _cameras_fit_the_format(self) -> Self:
        if self.cameras is None:
            return self
        for camera in self.cameras:
            if self.format == "aistpp" and camera not in AISTPP_CAMERAS:
                raise ValueError(f"cameras has {camera!r}, and those of aistpp are {', '.join(AISTPP_CAMERAS)}")
            if self.format == "bvh" and not isinstance(camera, float):
                raise ValueError(f"cameras has {camera!r}, and those of bvh are degrees, such as [-30, 0, 30]")
        if self.format in ("paper_json", "npz", "openpose"):
            raise ValueError(f"cameras is set, and format={self.format} has one camera")
        return self
