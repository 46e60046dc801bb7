"""Settings of `dancegen sheet`: videos -> one picture."""

from typing import Annotated

from pydantic import Field

from dancegen.config import Config, InputUri, Output, Uri

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")


class SheetConfig(Config):
    """Frames of several videos on one picture."""

    videos: Annotated[tuple[InputUri, ...], Field(min_length=1)]
    """The videos, a row each."""
    picture: Annotated[Uri, Output(file=True, endings=PICTURE_SUFFIXES)]
    """The picture to write."""
    overwrite: bool = False
    """Replace a file that is there and was not written by dancegen."""
