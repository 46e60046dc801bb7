"""What a picture's joints tell about the person: size, side that is seen, head."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from dancegen.drawing.shapes import Picture, Point
from dancegen.skeleton import COCO18

# Usual lengths of bones in torso lengths, to tell the size of a body of which only parts are seen.
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
"""A torso shorter than this is no person."""
USUAL_SHOULDERS = 0.66
HEAD_REACH = 0.165
"""From between the ears to the nose, seen from the side."""


@dataclass(frozen=True)
class Figure:
    """The joints that are there, and what follows from them."""

    picture: Picture
    points: dict[str, Point]
    unit: float
    """Torso length in pixels."""
    facing: float
    """1: the chest is seen from the front, 0 from the side, -1 from the back."""
    looks: float
    """-1: the nose points to the left of the picture, 1: to the right."""

    def has(self, *joints: str) -> bool:
        """Whether all of them are there."""
        return all(joint in self.points for joint in joints)

    def sized(self, *torso_lengths: float) -> tuple[float, ...]:
        """In pixels."""
        return tuple(length * self.unit for length in torso_lengths)

    @property
    def sides(self) -> tuple[str, str]:
        """The far side of the body, then the near one; seen from the front there is none, and right goes first."""
        return ("left", "right") if self.looks * self.facing > 0 or self.looks > 0.6 else ("right", "left")

    @property
    def profile(self) -> bool:
        """Whether the body is rather seen from the side."""
        return abs(self.facing) < 0.4


def read_figure(picture: Picture, joints_px: Float[np.ndarray, "J C"]) -> Figure | None:
    """The person to be drawn on a picture; None where too little is seen of one."""
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
    """Between the ears, or the best guess from what is seen of the face."""
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
