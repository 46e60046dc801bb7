"""The avatar's head: yaw and tilt are derived from nose, eyes and ears.

`up` and `aside` are unit vectors of the head in the frame; other lengths are in torso lengths.
"""

from dataclasses import dataclass

import numpy as np

from dancegen.drawing.figure import Figure
from dancegen.drawing.shapes import Color, Outline, Point, cushion, ellipse, fill, rounded, shaded, solid, stroke

SKIN: Color = (226, 174, 142)
HAIR: Color = (62, 43, 34)
LIPS: Color = (186, 96, 92)
DARK: Color = (44, 32, 30)
WHITE: Color = (250, 248, 246)

EYE_GAP = 0.13
"""Distance between the eyes in front view."""
PROFILE = 0.5
"""From this yaw on the back of the head is visible."""

SKULL = ((-0.163, 0.10), (-0.168, -0.05), (-0.115, -0.19), (0.0, -0.265), (0.115, -0.19), (0.168, -0.05))
CROWN = ((0.163, 0.10), (0.1, 0.24), (-0.1, 0.24))
HAIR_OUTSIDE = (
    (-0.176, -0.01),
    (-0.186, 0.13),
    (-0.11, 0.25),
    (0.02, 0.28),
    (0.13, 0.245),
    (0.186, 0.12),
    (0.176, -0.01),
)
HAIR_LINE = ((0.150, 0.06), (0.122, 0.13), (0.02, 0.165), (-0.1, 0.125), (-0.150, 0.06))


@dataclass(frozen=True)
class Head:
    """Position and orientation of the head."""

    centre: Point
    tilt: float
    """Radians, clockwise."""
    turn: float
    """-1: profile to the left of the frame, 1: to the right."""
    seen: bool
    """Whether the face is visible."""
    unit: float

    def spot(self, x: float, y: float) -> Point:
        """Frame coordinates of a point, given in torso lengths aside and up."""
        return self.centre + self.unit * (x * self.aside + y * self.up)

    def outline(self, corners: tuple[tuple[float, float], ...], shift: float = 0.0) -> Outline:
        """Frame coordinates of several points, shifted aside."""
        return np.array([self.spot(x + shift, y) for x, y in corners])

    @property
    def up(self) -> Point:
        """Unit vector to the top of the head."""
        return np.array([np.sin(self.tilt), -np.cos(self.tilt)])

    @property
    def aside(self) -> Point:
        """Unit vector to the right of the frame."""
        return np.array([np.cos(self.tilt), np.sin(self.tilt)])


def draw_head(figure: Figure, centre: Point) -> None:
    """Skull, ears, hair and face."""
    head = _read(figure, centre)
    picture, unit = figure.picture, figure.unit
    if not head.seen:
        cheek = cushion(rounded(head.outline(SKULL + CROWN, 0.012 * head.turn)), 0.06 * unit)
        solid(picture, [cheek], SKIN, 0.1 * unit, 0.75)
        back = cushion(ellipse(head.spot(-0.03 * head.turn, 0.035), 0.178 * unit, 0.225 * unit, head.tilt), 0.05 * unit)
        solid(picture, [back], HAIR, 0.15 * unit, 0.9)
        return
    for ear in ("left_ear", "right_ear"):
        if ear in figure.points and abs(head.turn) < PROFILE + 0.2:
            lobe = cushion(ellipse(figure.points[ear], 0.024 * unit, 0.048 * unit, head.tilt), 0.01 * unit)
            solid(picture, [lobe], shaded(SKIN, 0.92), 0.02 * unit)
    if abs(head.turn) > PROFILE:
        behind = head.spot(-0.10 * head.turn, 0.05)
        solid(
            picture, [cushion(ellipse(behind, 0.15 * unit, 0.2 * unit, head.tilt), 0.04 * unit)], HAIR, 0.12 * unit, 0.9
        )
    skull = rounded(head.outline(SKULL + CROWN, 0.015 * head.turn))
    solid(picture, [cushion(skull, 0.06 * unit)], SKIN, 0.14 * unit, 0.75)
    if figure.has("nose", "left_eye", "right_eye"):
        _face(figure, head)
    hair = head.outline(HAIR_OUTSIDE, -0.004 * head.turn)
    line = head.outline(HAIR_LINE, 0.012 * head.turn)
    solid(picture, [cushion(rounded(np.concatenate([hair, line]), 2), 0.03 * unit)], HAIR, 0.03 * unit, 0.7)


def _read(figure: Figure, centre: Point) -> Head:
    points, unit = figure.points, figure.unit
    if not figure.has("left_eye", "right_eye"):
        return Head(centre, 0.0, 0.0, figure.facing > 0, unit)
    eyes = points["left_eye"] - points["right_eye"]
    tilt = float(np.arctan2(eyes[1], eyes[0])) if eyes[0] > 0.3 * EYE_GAP * unit else 0.0
    return Head(centre, float(np.clip(tilt, -0.8, 0.8)), figure.looks, bool(eyes[0] > -0.005 * unit), unit)


def _face(figure: Figure, head: Head) -> None:
    points, unit, picture = figure.points, figure.unit, figure.picture
    nose, left, right = points["nose"], points["left_eye"], points["right_eye"]
    squeeze = float(np.clip(np.hypot(*(left - right)) / (EYE_GAP * unit), 0.3, 1.1))
    for eye, outer in ((left, 1.0), (right, -1.0)):
        # the eye on the far side of a turned head is hidden
        if outer * head.turn < PROFILE + 0.25:
            _eye(figure, head, eye, outer, squeeze)
    between = (left + right) / 2
    if abs(head.turn) > PROFILE:
        fill(picture, ellipse(nose - 0.008 * unit * head.turn * head.aside, 0.024 * unit, 0.021 * unit, 0.0), SKIN)
    side = 0.024 * unit * squeeze * head.aside
    ridge = rounded(np.array([between, nose + side, nose - 0.012 * unit * head.up, nose - side]))
    fill(picture, ridge, shaded(SKIN, 0.86))
    fill(picture, ellipse(nose + 0.008 * unit * head.up, 0.011 * unit, 0.012 * unit, 0.0), shaded(SKIN, 1.08))
    mouth = nose - 0.076 * unit * head.up - 0.3 * float((nose - between) @ head.aside) * head.aside
    wide = 0.05 * unit * squeeze**0.8
    smile = [mouth - wide * head.aside, mouth - 0.02 * unit * head.up, mouth + wide * head.aside]
    lips = np.array(
        [smile[0] + 0.006 * unit * head.up, smile[1] - 0.012 * unit * head.up, smile[2] + 0.006 * unit * head.up]
    )
    upper = mouth + 0.008 * unit * head.up
    fill(picture, rounded(np.array([lips[0], upper, lips[2], lips[1]]), 2), LIPS)
    stroke(picture, np.array([lips[0], mouth - 0.008 * unit * head.up, lips[2]]), shaded(LIPS, 0.66), 0.007 * unit)


def _eye(figure: Figure, head: Head, eye: Point, outer: float, squeeze: float) -> None:
    """White, iris, lid and brow; `outer` is 1 if the temple is to the right."""
    unit, picture = figure.unit, figure.picture
    aside, up = unit * squeeze * head.aside, unit * head.up
    fill(picture, ellipse(eye, 0.031 * unit * squeeze, 0.0165 * unit, head.tilt), WHITE)
    fill(picture, ellipse(eye, 0.0145 * unit * squeeze**0.5, 0.0165 * unit, head.tilt), DARK)
    lid = np.array([eye - 0.035 * aside + 0.006 * up, eye + 0.021 * up, eye + 0.035 * aside + 0.006 * up])
    stroke(picture, lid, DARK, 0.008 * unit)
    inner_brow, arch = eye - outer * 0.034 * aside + 0.048 * up, eye + outer * 0.012 * aside + 0.058 * up
    stroke(picture, np.array([inner_brow, arch, eye + outer * 0.045 * aside + 0.045 * up]), HAIR, 0.012 * unit)
