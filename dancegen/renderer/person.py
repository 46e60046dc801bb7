"""A person who can be rendered: the trained generator, and everything besides joints that it needs.

Axes used in shapes:
    H height    W width, in pixels
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import UInt8

from dancegen.renderer.consent import stated
from dancegen.renderer.driving.body_fit import Body
from dancegen.renderer.driving.pose_range import PoseRange
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.settings import RendererConfig


@dataclass(frozen=True)
class Person:
    """A person's model. Raises ValueError when the consent is empty or the plate has another size."""

    generator: PersonGenerator
    config: RendererConfig
    body: Body
    """To which dances are fitted."""
    poses: PoseRange
    """The poses of the footage."""
    plate: UInt8[np.ndarray, "H W 3"]
    """The background without the person, RGB."""
    height_px: int
    width_px: int
    name: str
    consent: str
    """Who agreed to what use of the footage."""
    licence: str
    card: dict[str, Any] = field(default_factory=dict)
    """How the model was made, and its metrics."""

    def __post_init__(self) -> None:
        try:
            stated(self.consent)
        except ValueError as error:
            raise ValueError(f"consent {error}") from error
        if self.plate.shape != (self.height_px, self.width_px, 3):
            size = f"{self.width_px}x{self.height_px}"
            raise ValueError(f"the plate has shape {self.plate.shape}, and the pictures are {size} pixels")
