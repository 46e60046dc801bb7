"""Sizes of videos: the default of drawn looks, and those that fit the pictures of a person."""

from dancegen.errors import ConfigError
from dancegen.steps.render.settings import PictureConfig

DRAWN_PX = (1280, 720)


def drawn_size(picture: PictureConfig) -> tuple[int, int]:
    """Width and height in pixels of the video of a drawn look."""
    return picture.width_px or DRAWN_PX[0], picture.height_px or DRAWN_PX[1]


def person_size(picture: PictureConfig, own: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a person's video; `own` are those of the generated pictures, which are resized to it.

    Of a setting that is null, the value that keeps the aspect. Raises ConfigError for another aspect.
    """
    width_px, height_px = picture.width_px, picture.height_px
    if width_px is None and height_px is None:
        return own
    by_width = _even((width_px or 0) * own[1] / own[0])
    by_height = _even((height_px or 0) * own[0] / own[1])
    if width_px is None or height_px is None:
        return width_px or by_height, height_px or by_width
    if height_px != by_width and width_px != by_height:
        problem = f"has another aspect than the person's pictures, which are {own[0]}x{own[1]}."
        remedy = f"Omit both for the person's own size, or give width_px={width_px} alone."
        raise ConfigError(f"width_px={width_px} height_px={height_px}", problem, remedy)
    return width_px, height_px


def _even(pixels: float) -> int:
    return 2 * round(pixels / 2)
