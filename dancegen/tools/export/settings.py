"""Settings of `dancegen export`: dances -> files of other formats."""

from typing import Annotated

from pydantic import Field

from dancegen.config import Config, InputUri, Output, Uri
from dancegen.exports.settings import Formats, PoseVideoSize


class ExportConfig(Config):
    """Write dances in the formats of other programs."""

    dances: InputUri
    """A dance (.npz) that `dance` or `render` wrote, or a table of renders."""
    output: Annotated[Uri, Output(inside=())]
    """Folder of the files, named after the dances."""
    formats: Annotated[Formats, Field(min_length=1)]
    """Formats to write."""
    pose_video_size: PoseVideoSize = "512x768"
    """Size of pose videos in pixels, WIDTHxHEIGHT, even."""
    overwrite: bool = False
    """Replace existing files that dancegen did not write."""
