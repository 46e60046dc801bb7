"""A person as the look of a dance: frames by the person's generator, and what the video's metadata says of them.

Axes used in shapes:
    N frames    H, H2 rows    W, W2 columns
"""

import json
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from dancegen import storage
from dancegen.checkpoints.identity import identity
from dancegen.checkpoints.person import load_person
from dancegen.media.marks import COMMENT
from dancegen.renderer.driving.film import Film
from dancegen.steps.render.exported import dance_identity
from dancegen.steps.render.looks.look import Done, Frame, Pictures
from dancegen.steps.render.looks.sizes import person_size
from dancegen.steps.render.settings import PictureConfig

# IPTC NewsCodes: created by a model trained on sampled content
SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


class PersonLook:
    """A person whose pictures are generated."""

    def __init__(self, picture: PictureConfig, checkpoint: str, device: str) -> None:
        person = load_person(checkpoint, device)
        self.size = person_size(picture, (person.width_px, person.height_px))  # width and height in pixels
        self._film = Film(person)
        self.person = identity(storage.read_bytes(checkpoint))
        self._told = {"person": person.name, "consent": person.consent, "licence": person.licence}

    def describe(self, picture: PictureConfig) -> str | None:
        """That the video is synthetic, by which models, and with whose consent, as JSON."""
        return json.dumps({**synthetic(picture, self.person), **self._told}, ensure_ascii=False)

    def out_of_range(self, joints_px: Float32[np.ndarray, "N 18 3"], fps: float) -> float | None:
        """Share of the poses that are unlike those of the person's footage."""
        return self._film.fitted(self._fractions(joints_px), fps)[1]

    def pictures(self, joints_px: Float32[np.ndarray, "N 18 3"], fps: float, done: Done) -> Pictures:
        """The frames of a dance, whose joints are in pixels."""
        joints, share = self._film.fitted(self._fractions(joints_px), fps)
        return Pictures((resized(frame, self.size) for frame in self._film.frames(joints, done)), share)

    def _fractions(self, joints_px: Float32[np.ndarray, "N 18 3"]) -> Float32[np.ndarray, "N 18 3"]:
        return joints_px / np.array([*self.size, 1], dtype=np.float32)


def resized(frame: Frame, size: tuple[int, int]) -> UInt8[np.ndarray, "H2 W2 3"]:
    """The frame at another width and height."""
    height_px, width_px = frame.shape[:2]
    if (width_px, height_px) == size:
        return frame
    smaller = size[0] < width_px
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))


def synthetic(picture: PictureConfig, person: str) -> dict[str, Any]:
    """By which models and settings a video is generated; `person` is the identity of the person's checkpoint."""
    return {
        "synthetic": True,
        "digital_source_type": SYNTHETIC,
        "generator": COMMENT,
        "person_checkpoint": person,
        "dance_checkpoint": dance_identity(picture),
        "seed": picture.seed,
        "fps": picture.fps,
    }
