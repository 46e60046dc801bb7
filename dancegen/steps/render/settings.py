"""Settings of rendering: one song (`dancegen dance`) or a whole library (`render`)."""

from typing import Annotated, Literal

from pydantic import Field

from dancegen.config import Config, InputFile, InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.media.settings import Side

RENDERS = "_renders"  # ends the name of the table, which lies beside the folder of videos


class PictureConfig(Config):
    """What a video looks like, and which dance is in it."""

    checkpoint: InputUri | None = None
    """The model that dances. None: the one that comes with dancegen."""
    seed: int = 0
    """Another seed, another dance to the same song."""
    look: Literal["avatar", "skeleton", "skeleton-light"] = "avatar"
    """The figure that dances: a person, or OpenPose's sticks on black or on white."""
    fps: Annotated[float, Field(ge=25, le=60)] = 30.0
    """Pictures a second. The motion is made at 10 a second and interpolated."""
    width_px: Side = 1280
    """Width of the picture, even."""
    height_px: Side = 720
    """Height of the picture, even."""


class DanceConfig(PictureConfig):
    """One song to one video, without Ray."""

    song: InputFile
    """Anything with sound."""
    video: Annotated[Uri, Output(file=True, endings=(".mp4",))]
    """The mp4 to write."""
    overwrite: bool = False
    """Replace a file that is there and was not written by dancegen."""


class RenderConfig(PictureConfig, Parallel):
    """A library of songs to one video each."""

    songs: InputUri
    """A folder, a list of URIs (.txt), or a table with a column uri (.csv, .parquet)."""
    output: Annotated[Uri, Output(beside=(RENDERS,), inside=())]
    """Folder of the videos, named after the songs. The table of what was done lies beside it: `<output>_renders`."""
