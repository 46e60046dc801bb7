"""Settings of rendering: one song (`dancegen dance`) or a whole library (`render`)."""

from typing import Annotated, Literal

from pydantic import Field

from dancegen.config import Config, InputFile, InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.media.settings import Side

RENDERS = "_renders"  # suffix of the table, which is beside the folder of videos


class PictureConfig(Config):
    """Format of a video, and its dance."""

    checkpoint: InputUri | None = None
    """Checkpoint of the dance model; null uses the one shipped with dancegen."""
    seed: int = 0
    """Seed of the noise: each seed gives a different dance to the same song."""
    look: Literal["avatar", "skeleton", "skeleton-light"] = "avatar"
    """Figure in the video: an avatar, or an OpenPose skeleton on black or on white."""
    fps: Annotated[float, Field(ge=25, le=60)] = 30.0
    """Frames per second. The motion is generated at 10 poses per second and interpolated."""
    width_px: Side = 1280
    """Width of the video in pixels, even."""
    height_px: Side = 720
    """Height of the video in pixels, even."""


class DanceConfig(PictureConfig):
    """Render the dance video of one song, without Ray."""

    song: InputFile
    """Audio file, or video with an audio track."""
    video: Annotated[Uri, Output(file=True, endings=(".mp4",))]
    """The mp4 to write."""
    overwrite: bool = False
    """Replace an existing file that dancegen did not write."""


class RenderConfig(PictureConfig, Parallel):
    """Render a dance video of each song of a library."""

    songs: InputUri
    """A folder, a list of URIs (.txt), or a table with a column uri (.csv, .parquet)."""
    output: Annotated[Uri, Output(beside=(RENDERS,), inside=())]
    """Folder of the videos, named after the songs. The table of results is beside it: `<output>_renders`."""
