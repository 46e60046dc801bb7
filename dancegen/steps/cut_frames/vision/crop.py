"""Joints -> the crop of a video that holds the dancer throughout; frames and joints in that crop.

Axes used in shapes:
    T frames    J joints    H rows    W columns
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from dancegen.pose.verdict import BODY, BODY_SHARE
from dancegen.skeleton import COCO18

BEYOND_JOINTS = 0.35  # of the torso: hair, hands and feet reach beyond the outermost joints
MARGIN = 0.12  # of the dancer's box, where the video's frame has room for it
OUTLIERS = 0.5  # percent of frames at each side of the box that may lie outside: wrong joints must not widen the crop
NECK, HIPS = COCO18.index("neck"), COCO18.indices("right_hip", "left_hip")


@dataclass(frozen=True)
class Crop:
    """A rectangle of the upright video, in pixels. It may extend beyond the frame, whose edge is then repeated."""

    x: int
    y: int
    width: int
    height: int

    def cut(self, picture: UInt8[np.ndarray, "H W 3"], height_px: int, width_px: int) -> UInt8[np.ndarray, "H2 W2 3"]:
        """The crop of a frame, resized."""
        rows, columns = picture.shape[:2]
        top, left = max(0, self.y), max(0, self.x)
        bottom, right = min(rows, self.y + self.height), min(columns, self.x + self.width)
        inner = picture[top:bottom, left:right]
        beyond = (top - self.y, self.y + self.height - bottom, left - self.x, self.x + self.width - right)
        if any(beyond):
            inner = cv2.copyMakeBorder(inner, *beyond, cv2.BORDER_REPLICATE)
        how = cv2.INTER_AREA if self.height >= height_px else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(inner, (width_px, height_px), interpolation=how))

    def joints(
        self, joints: Float[np.ndarray, "*T J 3"], frame_width_px: int, frame_height_px: int
    ) -> Float[np.ndarray, "*T J 3"]:
        """Joints in fractions of the frame as fractions of the crop."""
        result = np.array(joints)
        result[..., 0] = (joints[..., 0] * frame_width_px - self.x) / self.width
        result[..., 1] = (joints[..., 1] * frame_height_px - self.y) / self.height
        return result

    def beyond(self, frame_width_px: int, frame_height_px: int) -> float:
        """Fraction of the crop that lies outside the frame."""
        inner_width = min(frame_width_px, self.x + self.width) - max(0, self.x)
        inner_height = min(frame_height_px, self.y + self.height) - max(0, self.y)
        return 1 - inner_width * inner_height / (self.width * self.height)


def present(joints: Float[np.ndarray, "T J 3"]) -> Bool[np.ndarray, " T"]:
    """Whether the dancer is in each frame: at least half of the body's joints and the torso are found."""
    found = joints[..., 2] > 0
    return (found[:, BODY].mean(axis=1) >= BODY_SHARE) & found[:, [NECK, *HIPS]].all(axis=1)


def torsos(joints: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, " T"]:
    """Length of the torso, from the neck to the midpoint of the hips, in the unit of the joints; NaN when missing."""
    return np.linalg.norm(joints[:, NECK, :2] - joints[:, HIPS, :2].mean(axis=1), axis=-1)


def boxes(joints_px: Float[np.ndarray, "T J 3"], torso_px: float) -> Float[np.ndarray, "T 4"]:
    """Left, top, right and bottom of the dancer in each frame, with hair, hands and feet; NaN without joints."""
    places = np.where(joints_px[..., 2:] > 0, joints_px[..., :2], np.nan)
    beyond = BEYOND_JOINTS * torso_px
    low = np.fmin.reduce(places, axis=1) - beyond
    high = np.fmax.reduce(places, axis=1) + beyond
    return np.concatenate([low, high], axis=1)


def choose_crop(
    found: Float[np.ndarray, "T 4"], frame_width_px: int, frame_height_px: int, height_px: int, width_px: int
) -> Crop:
    """The smallest crop of the aspect width_px / height_px around the boxes of all frames, with a margin."""
    left, top = np.nanpercentile(found[:, :2], OUTLIERS, axis=0)
    right, bottom = np.nanpercentile(found[:, 2:], 100 - OUTLIERS, axis=0)
    left, right = np.clip((left, right), 0, frame_width_px)
    top, bottom = np.clip((top, bottom), 0, frame_height_px)
    aspect = width_px / height_px
    needed = max(bottom - top, (right - left) / aspect)
    room = min(frame_height_px, frame_width_px / aspect)
    height = max(needed, min(needed * (1 + MARGIN), room))
    width = _even(height * aspect)
    height = _even(height)
    return Crop(
        _start((left + right) / 2, width, frame_width_px),
        _start((top + bottom) / 2, height, frame_height_px),
        width,
        height,
    )


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))


def _start(centre: float, length: int, frame: int) -> int:
    """Start of an interval around the centre, inside the frame where it fits, else centred on the frame."""
    if length >= frame:
        return (frame - length) // 2
    return int(np.clip(round(centre - length / 2), 0, frame - length))
