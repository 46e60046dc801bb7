"""Properties of a person derived from 2-D joints: size, visible side, head position."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from dancegen.drawing.shapes import Picture, Point
from dancegen.skeleton import COCO18

# Usual bone lengths in torso lengths, to estimate the size of a body that is only partly visible.
USUAL = {
    ("neck", "right_hip"): 1.02,
    ("neck", "left_hip"): 1.02,
    ("right_hip", "right_knee"): 0.93,
    ("left_hip", "left_knee"): 0.93,
    ("right_knee", "right_ankle"): 0.9,
    ("left_knee", "left_ankle"): 0.9,
    ("right_shoulder", "right_elbow"): 0.6,
    ("left_shoulder", "left_elbow"): 0.6,
    ("right_elbow", "right_wrist"): 0.53,
    ("left_elbow", "left_wrist"): 0.53,
}
SMALLEST_PX = 2.0
"""A shorter torso is not drawn."""
USUAL_SHOULDERS = 0.66
HEAD_REACH = 0.165
"""Distance from the point between the ears to the nose in side view."""


@dataclass(frozen=True)
class Figure:
    """The known joints and properties derived from them."""

    picture: Picture
    points: dict[str, Point]
    unit: float
    """Torso length in pixels."""
    facing: float
    """Direction of the chest: 1 front view, 0 side view, -1 back view."""
    looks: float
    """-1: the nose points to the left of the frame, 1: to the right."""

    def has(self, *joints: str) -> bool:
        """Whether all of these joints are known."""
        return all(joint in self.points for joint in joints)

    def sized(self, *torso_lengths: float) -> tuple[float, ...]:
        """Torso lengths converted to pixels."""
        return tuple(length * self.unit for length in torso_lengths)

    @property
    def sides(self) -> tuple[str, str]:
        """The far side of the body, then the near one; in front view right is first."""
        return ("left", "right") if self.looks * self.facing > 0 or self.looks > 0.6 else ("right", "left")

    @property
    def profile(self) -> bool:
        """Whether the view of the body is from the side rather than from front or back."""
        return abs(self.facing) < 0.4


def read_figure(picture: Picture, joints_px: Float[np.ndarray, "J C"]) -> Figure | None:
    """The person to draw on an image; None if too few joints are known."""
    seen = np.isfinite(joints_px).all(axis=-1) & (joints_px[:, 2:] > 0).all(axis=-1)
    points = {COCO18.joints[index]: joints_px[index, :2].astype(float) for index in np.flatnonzero(seen)}
    lengths = [
        float(np.hypot(*(points[end] - points[start]))) / usual
        for (start, end), usual in USUAL.items()
        if start in points and end in points
    ]
    unit = float(np.quantile(lengths, 0.75)) if lengths else 0.0
    if unit < SMALLEST_PX:
        return None
    return Figure(picture, points, unit, _facing(points, unit), _looks(points, unit))


def head_centre(figure: Figure) -> Point | None:
    """The point between the ears, or an estimate from the visible part of the face."""
    points = figure.points
    if figure.has("left_ear", "right_ear"):
        return (points["left_ear"] + points["right_ear"]) / 2
    if "nose" in points:
        return points["nose"] - np.array([0.0, 0.02 * figure.unit])
    return None


def _facing(points: dict[str, Point], unit: float) -> float:
    if "left_shoulder" not in points or "right_shoulder" not in points:
        return 1.0
    across = points["left_shoulder"][0] - points["right_shoulder"][0]
    return float(np.clip(across / (USUAL_SHOULDERS * unit), -1.0, 1.0))


def _looks(points: dict[str, Point], unit: float) -> float:
    back = [points[joint][0] for joint in ("left_ear", "right_ear") if joint in points]
    if "nose" not in points or not back:
        return 0.0
    return float(np.clip((points["nose"][0] - np.mean(back)) / (HEAD_REACH * unit), -1.0, 1.0))
