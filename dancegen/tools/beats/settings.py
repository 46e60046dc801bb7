"""Settings of `dancegen beats`: a song -> its beats."""

from typing import Annotated

from dancegen.config import Config, InputUri, Output, Uri

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")


class BeatsConfig(Config):
    """Write the beats, bars and sections of a song."""

    song: InputUri
    """The audio file, or a video with an audio track."""
    table: Annotated[Uri, Output(file=True, endings=(".csv",))]
    """Output table, one row per beat."""
    picture: Annotated[Uri | None, Output(file=True, endings=PICTURE_SUFFIXES)] = None
    """Output image of the spectrogram with beats, downbeats and sections; null for none."""
    overwrite: bool = False
    """Replace existing files that dancegen did not write."""
