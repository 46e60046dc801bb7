"""Settings of `dancegen gallery`: a table of renders -> static pages."""

from typing import Annotated

from pydantic import PositiveInt

from dancegen.config import Config, InputUri, Output, Uri


class GalleryConfig(Config):
    """Write static pages that show the videos of a library, and why songs have none."""

    renders: InputUri
    """The table of renders, `<output>_renders` of render."""
    output: Annotated[Uri, Output()]
    """Folder of the pages. The links to videos are relative: keep it on the storage of the videos."""
    title: str = "Dances"
    """Title of the pages."""
    workers: PositiveInt = 2
    """Videos at the same time of which pictures are made."""
    overwrite: bool = False
    """Replace existing pages that dancegen did not write."""
