"""A row of poses and a crop -> what both passes know of the dancer in each frame.

Axes used in shapes:
    T frames    J joints    H rows    W columns
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32

from dancegen import schema
from dancegen.renderer.driving.body_fit import SIZE_QUANTILE
from dancegen.skeleton import COCO18
from dancegen.steps.cut_frames.vision.crop import HIPS, Crop, boxes, present, torsos
from dancegen.steps.cut_frames.vision.region import person_region

# radii of masks of the person, in torsos
AROUND = 0.4  # hides the person, so that the plate is clean
CLOTHED, LIMBS, CORE = 0.5, 0.14, 0.05  # with skirts and hair; arms and legs; their inside
TOUCHES = 0.02  # of the frame: a joint this close to the edge is cut off


@dataclass(frozen=True)
class Footage:
    """The dancer's joints in each frame of a video."""

    joints: Float32[np.ndarray, "T J 3"]  # fractions of the video's frame
    fps: float
    width_px: int
    height_px: int

    @classmethod
    def of(cls, pose: dict[str, Any]) -> "Footage":
        """From a row of schema.POSES."""
        joints = schema.from_bytes(pose["joints"], "float32", -1, len(COCO18), 3)
        return cls(joints, float(pose["fps"]), pose["width_px"], pose["height_px"])

    @cached_property
    def present(self) -> Bool[np.ndarray, " T"]:
        """Whether the dancer is in each frame."""
        return present(self.joints)

    @cached_property
    def joints_px(self) -> Float32[np.ndarray, "T J 3"]:
        """The joints in pixels of the video's frame."""
        return self.joints * np.array((self.width_px, self.height_px, 1), np.float32)

    @cached_property
    def torso_px(self) -> float:
        """Length of the upright torso; 0 without a dancer."""
        lengths = torsos(self.joints_px[self.present])
        return float(np.quantile(lengths, SIZE_QUANTILE)) if len(lengths) else 0.0

    @cached_property
    def boxes(self) -> Float[np.ndarray, "T 4"]:
        """Left, top, right and bottom of the dancer in each frame, in pixels; NaN without a dancer."""
        found = boxes(self.joints_px, self.torso_px)
        return np.where(self.present[:, None], found, np.nan)

    @cached_property
    def cut_off(self) -> Bool[np.ndarray, " T"]:
        """Whether a joint of the dancer is at the edge of the video's frame or outside it."""
        places = np.where(self.joints[..., 2:] > 0, self.joints[..., :2], 0.5)
        return self.present & ((places < TOUCHES) | (places > 1 - TOUCHES)).any(axis=(1, 2))

    def in_crop(self, crop: Crop) -> Float32[np.ndarray, "T J 3"]:
        """The joints in fractions of the crop."""
        return crop.joints(self.joints, self.width_px, self.height_px)

    def leaves(self, crop: Crop) -> Bool[np.ndarray, " T"]:
        """Whether a joint of the dancer is outside the crop."""
        places = np.where(self.joints[..., 2:] > 0, self.in_crop(crop)[..., :2], 0.5)
        return self.present & ((places < 0) | (places > 1)).any(axis=(1, 2))

    def floor(self, index: int, crop: Crop, height_px: int, width_px: int) -> Bool[np.ndarray, "H W"]:
        """Mask of what is lower than the hips and outside the limbs: shadows and reflections are there."""
        mask = ~self.region(index, LIMBS, crop, height_px, width_px)
        hips_px = (self.joints_px[index, HIPS, 1].mean() - crop.y) * height_px / crop.height
        mask[: int(np.clip(hips_px, 0, height_px))] = False
        return mask

    def region(self, index: int, radius: float, crop: Crop, height_px: int, width_px: int) -> Bool[np.ndarray, "H W"]:
        """Mask of the person in a resized crop; empty where the video has no such frame."""
        if index >= len(self.joints):
            return np.zeros((height_px, width_px), bool)
        joints = crop.joints(self.joints[index], self.width_px, self.height_px)
        joints = joints * np.array((width_px, height_px, 1), np.float32)
        return person_region(joints, self.torso_px * height_px / crop.height, radius, height_px, width_px)
