"""Settings of `dancegen sheet`: videos -> one image."""

from typing import Annotated

from pydantic import Field

from dancegen.config import Config, InputUri, Output, Uri

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")


class SheetConfig(Config):
    """Combine frames of several videos in one image."""

    videos: Annotated[tuple[InputUri, ...], Field(min_length=1)]
    """The videos, one row each."""
    picture: Annotated[Uri, Output(file=True, endings=PICTURE_SUFFIXES)]
    """Output image."""
    overwrite: bool = False
    """Replace an existing file that dancegen did not write."""
