"""Draws joints as a coloured stick figure, in the style of OpenPose."""

import colorsys
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from dancegen.drawing.avatar import draw_avatar
from dancegen.skeleton import COCO18

Look = Callable[[np.ndarray, int, int], np.ndarray]

# OpenPose's hues, in steps of 20 degrees, for joints and bones.
RAINBOW = [tuple(255 * part for part in colorsys.hsv_to_rgb(step / 18, 1.0, 1.0)) for step in range(18)]
BACKGROUND = {"dark": 0, "light": 255}
BONE_BRIGHTNESS = {"dark": 0.6, "light": 0.85}
JOINT_BRIGHTNESS = {"dark": 1.0, "light": 0.6}

STICK_PER_HEIGHT = 1 / 150  # half the width of a bone
JOINT_PER_HEIGHT = 1 / 160  # radius
SUBPIXEL_BITS = 4
ANGLES = np.linspace(0, 2 * np.pi, 40, endpoint=False)
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
FAR_PX = 100_000.0  # outside any frame, and within OpenCV's integers


def draw_skeleton(
    joints_px: Float[np.ndarray, "18 3"],
    width_px: int,
    height_px: int,
    theme: Literal["light", "dark"] = "dark",
    bone_px: float | None = None,
    joint_px: float | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """An RGB image of one person's skeleton. A joint of confidence 0 and its bones are not drawn.

    `bone_px` is half the width of a bone and `joint_px` the radius of a joint; None: in proportion to the height.
    """
    bone_px = height_px * STICK_PER_HEIGHT if bone_px is None else bone_px
    joint_px = height_px * JOINT_PER_HEIGHT if joint_px is None else joint_px
    frame = np.full((height_px, width_px, 3), BACKGROUND[theme], dtype=np.uint8)
    seen = (joints_px[:, 2] > 0) & np.isfinite(joints_px).all(axis=1)
    places = np.clip(np.where(seen[:, None], joints_px[:, :2], 0), -FAR_PX, FAR_PX)
    for color, (start, end) in zip(RAINBOW, COCO18.bone_indices, strict=False):
        if seen[start] and seen[end]:
            outline = _stick(places[start], places[end], bone_px)
            _fill(frame, outline, color, BONE_BRIGHTNESS[theme])
    for color, place in zip(compress(RAINBOW, seen), places[seen], strict=True):
        _fill(frame, place + joint_px * CIRCLE, color, JOINT_BRIGHTNESS[theme])
    return frame


def _stick(start: np.ndarray, end: np.ndarray, half_width_px: float) -> np.ndarray:
    """The outline `(points, 2)` of a thin ellipse from joint to joint."""
    along = (end - start) / 2
    half_length = float(np.hypot(*along))
    across = np.array([-along[1], along[0]]) * (half_width_px / half_length if half_length > 0 else 0.0)
    return (start + end) / 2 + CIRCLE @ np.stack([along, across])


def _fill(frame: np.ndarray, outline: np.ndarray, color: Sequence[float], brightness: float) -> None:
    corners = np.rint(outline * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillConvexPoly(frame, corners, [part * brightness for part in color], cv2.LINE_AA, SUBPIXEL_BITS)


def _dark(joints_px: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    return draw_skeleton(joints_px, width_px, height_px, "dark")


def _light(joints_px: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    return draw_skeleton(joints_px, width_px, height_px, "light")


LOOKS: dict[str, Look] = {"skeleton": _dark, "skeleton-light": _light, "avatar": draw_avatar}
