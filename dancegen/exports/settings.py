"""Settings of exports: the formats by name, and the size of pose videos."""

from typing import Annotated, Literal

from pydantic import AfterValidator, TypeAdapter, ValidationError

from dancegen.config import Config
from dancegen.media.settings import Side

ExportFormat = Literal[
    "npz", "openpose18", "openpose25", "pose-video", "bvh", "beats-csv", "beats-srt", "sections-csv", "sections-srt"
]
ENDINGS: dict[ExportFormat, str] = {
    "npz": ".npz",
    "openpose18": "_openpose18.tar",
    "openpose25": "_openpose25.tar",
    "pose-video": "_pose.mp4",
    "bvh": ".bvh",
    "beats-csv": "_beats.csv",
    "beats-srt": "_beats.srt",
    "sections-csv": "_sections.csv",
    "sections-srt": "_sections.srt",
}
SIDE: TypeAdapter[int] = TypeAdapter(Side)


def size_px(text: str) -> tuple[int, int]:
    """Width and height of a size such as 512x768. Raises ValueError for another text, or a side that is not allowed."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ValueError("is no size: give WIDTHxHEIGHT, for example 512x768")
    try:
        return SIDE.validate_python(int(width)), SIDE.validate_python(int(height))
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error


def _size(text: str) -> str:
    size_px(text)
    return text


PoseVideoSize = Annotated[str, AfterValidator(_size)]
Formats = Annotated[tuple[ExportFormat, ...], AfterValidator(lambda formats: tuple(dict.fromkeys(formats)))]


class ExportsConfig(Config):
    """Files that are written besides a video."""

    exports: Formats = ()
    """Formats to write besides the video: `npz` (joints, foot contacts, poses, beats, sections; for `dancegen export`),
    `openpose18` and `openpose25` (OpenPose JSON, one file per frame, in a tar), `pose-video` (a skeleton in the colours
    that image animators take), `bvh` (planar), `beats-csv`, `beats-srt`, `sections-csv`, `sections-srt`."""
    pose_video_size: PoseVideoSize = "512x768"
    """Size of pose videos in pixels, WIDTHxHEIGHT, even. Common sizes of image animators are 512x768 and 576x1024."""
