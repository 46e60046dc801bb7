"""What a dance looks like: a figure that is drawn, a person whose pictures are generated (person.py), or what
another program makes of it (external.py)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from dancegen.drawing.draw import LOOKS
from dancegen.steps.render.looks.sizes import drawn_size
from dancegen.steps.render.settings import EXTERNAL, PictureConfig

Frame = UInt8[np.ndarray, "H W 3"]
Done = Callable[[int], None]
"""Called with the number of frames made so far."""


@dataclass(frozen=True)
class Pictures:
    """The frames of one dance."""

    frames: Iterator[Frame]
    out_of_range_share: float | None = None
    """Share of the poses that are unlike those of the person's footage; None for a drawn figure."""


@runtime_checkable
class Look(Protocol):
    """Makes the frames of a dance."""

    size: tuple[int, int]
    """Width and height of the frames in pixels."""

    @property
    def person(self) -> str | None:
        """Identity of the person's checkpoint; None for a drawn figure."""
        ...

    def describe(self, picture: PictureConfig) -> str | None:
        """Description for the video's metadata, with the seed and the dance model of a song."""
        ...

    def out_of_range(self, joints_px: Float32[np.ndarray, "N 18 3"], fps: float) -> float | None:
        """Share of the poses that are unlike those of the person's footage; None for a drawn figure."""
        ...

    def pictures(self, joints_px: Float32[np.ndarray, "N 18 3"], fps: float, done: Done) -> Pictures:
        """The frames of a dance, whose joints are in pixels."""
        ...


class DrawnLook:
    """A figure that is drawn."""

    person = None

    def __init__(self, picture: PictureConfig) -> None:
        self.size = drawn_size(picture)  # width and height in pixels
        self._draw = LOOKS[picture.look]

    def describe(self, picture: PictureConfig) -> str | None:
        """None: a drawn figure needs no description."""
        del picture

    def out_of_range(self, joints_px: Float32[np.ndarray, "N 18 3"], fps: float) -> float | None:
        """None: a drawn figure takes any pose."""
        del joints_px, fps

    def pictures(self, joints_px: Float32[np.ndarray, "N 18 3"], fps: float, done: Done) -> Pictures:
        """The frames of a dance, whose joints are in pixels."""
        del fps
        return Pictures(self._frames(joints_px, done))

    def _frames(self, joints_px: Float32[np.ndarray, "N 18 3"], done: Done) -> Iterator[Frame]:
        for number, joints in enumerate(joints_px, start=1):
            frame = self._draw(joints, *self.size)
            done(number)
            yield frame


def load_look(picture: PictureConfig, device: str = "cpu") -> Look:
    """The look of the settings.

    Raises CheckpointError for a file that is no person, ConfigError for a wrong size or a program that is not there.
    """
    if picture.look == EXTERNAL:
        from dancegen.steps.render.looks.external import ExternalLook

        return ExternalLook(picture)
    if picture.person is None:
        return DrawnLook(picture)
    from dancegen.steps.render.looks.person import PersonLook  # not needed to draw, and slow to import

    return PersonLook(picture, picture.person, device)
