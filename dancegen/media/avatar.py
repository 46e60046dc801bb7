"""18 joints -> a clothed, shaded dancer in a studio.

All that is known are points in the picture: which way the dancer faces is read from the order of the shoulders
and of the face, thickness from the length of the torso. A part whose joints are missing is left out.
The dancer's left is at the right of the picture when the dancer faces the viewer.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from dancegen.media.shapes import (
    Color,
    Picture,
    Point,
    ball,
    cushion,
    ellipse,
    fill,
    rounded,
    shaded,
    stroke,
    tube,
)
from dancegen.media.studio import cast_shadow, studio
from dancegen.skeleton import COCO18

SKIN: Color = (224, 172, 140)
HAIR: Color = (58, 40, 32)
SHIRT: Color = (196, 72, 64)
TROUSERS: Color = (52, 60, 84)
SHOES: Color = (236, 234, 230)
LIPS: Color = (178, 92, 86)
DARK: Color = (44, 32, 30)
WHITE: Color = (250, 248, 246)

# Typical length of bones in torso lengths, to guess the size of a body whose torso is not seen.
TYPICAL = {
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


@dataclass(frozen=True)
class Figure:
    """The joints that are there, and what follows from them."""

    picture: Picture
    points: dict[str, Point]
    unit: float
    """Torso length in pixels."""
    facing: float
    """1: the chest is seen from the front, 0 from the side, -1 from the back."""

    def has(self, *joints: str) -> bool:
        """Whether all of them are there."""
        return all(joint in self.points for joint in joints)

    def sized(self, *torso_lengths: float) -> tuple[float, ...]:
        """In pixels."""
        return tuple(length * self.unit for length in torso_lengths)


def draw_avatar(
    joints_px: Float[np.ndarray, "J 2"] | Float[np.ndarray, "J 3"], width_px: int, height_px: int
) -> Picture:
    """A picture of the dancer; joints in pixels, with a confidence that hides them where it is 0."""
    picture = studio(width_px, height_px).copy()
    figure = _figure(picture, joints_px)
    if figure is None:
        return picture
    _shadow(figure)
    _hair_behind(figure)
    for side in ("right", "left"):
        _leg(figure, side)
    if figure.facing < 0:
        _arms(figure)
        _neck(figure)
        _torso(figure)
        _head(figure)
    else:
        _neck(figure)
        _torso(figure)
        _head(figure)
        _arms(figure)
    return picture


def _figure(picture: Picture, joints_px: np.ndarray) -> Figure | None:
    seen = np.isfinite(joints_px[:, :2]).all(axis=-1)
    if joints_px.shape[-1] > 2:
        seen &= joints_px[:, 2] > 0
    points = {
        joint: joints_px[index, :2].astype(np.float64) for index, joint in enumerate(COCO18.joints) if seen[index]
    }
    lengths = [
        float(np.hypot(*(points[end] - points[start]))) / typical
        for (start, end), typical in TYPICAL.items()
        if start in points and end in points
    ]
    unit = float(np.quantile(lengths, 0.75)) if lengths else 0.0
    if unit < 2.0:
        return None
    facing = 1.0
    if "left_shoulder" in points and "right_shoulder" in points:
        facing = (points["left_shoulder"][0] - points["right_shoulder"][0]) / (0.66 * unit)
    return Figure(picture, points, unit, float(np.clip(facing, -1.0, 1.0)))


def _shadow(figure: Figure) -> None:
    feet = [figure.points[joint] for joint in ("left_ankle", "right_ankle") if joint in figure.points]
    if not feet:
        return
    unit = figure.unit
    floor = max(foot[1] for foot in feet) + 0.10 * unit
    left, right = min(foot[0] for foot in feet), max(foot[0] for foot in feet)
    wide = (right - left) / 2 + 0.55 * unit
    cast_shadow(figure.picture, np.array([(left + right) / 2, floor]), wide, 0.17 * unit, 0.7)
    for foot in feet:
        height = np.clip((floor - 0.10 * unit - foot[1]) / unit, 0.0, 1.0)
        cast_shadow(figure.picture, np.array([foot[0], floor]), 0.26 * unit, 0.085 * unit, 1.0 - height)


def _leg(figure: Figure, side: str) -> None:
    hip, knee, ankle = (f"{side}_{joint}" for joint in ("hip", "knee", "ankle"))
    points = figure.points
    if figure.has(knee, ankle):
        _shoe(figure, side)
        tube(figure.picture, points[knee], points[ankle], figure.sized(0.094, 0.102, 0.086, 0.066), TROUSERS)
    if figure.has(hip, knee):
        tube(figure.picture, points[hip], points[knee], figure.sized(0.155, 0.148, 0.125, 0.098), TROUSERS)


def _shoe(figure: Figure, side: str) -> None:
    """Sole on the floor, toes to where the body faces; a lifted foot points along the shin."""
    unit, picture = figure.unit, figure.picture
    knee, ankle = figure.points[f"{side}_knee"], figure.points[f"{side}_ankle"]
    shin = (ankle - knee) / max(1.0, float(np.hypot(*(ankle - knee))))
    out = 1.0 if side == "left" else -1.0
    sideways = np.sqrt(1.0 - figure.facing**2) * _looks_to(figure)
    toes = np.array([0.10 * out * np.sign(figure.facing) + 0.24 * sideways, 0.10 if figure.facing >= 0 else 0.06])
    toes = toes + 0.16 * np.array([shin[0], max(0.0, shin[1]) * 0.3])
    heel = ankle + unit * np.array([-0.12 * toes[0], 0.035])
    tip = ankle + unit * toes
    tube(picture, heel, tip + unit * np.array([0.0, 0.012]), figure.sized(0.078, 0.074, 0.066), shaded(SHOES, 0.62))
    tube(
        picture,
        heel - unit * np.array([0.0, 0.012]),
        tip - unit * np.array([0.0, 0.008]),
        figure.sized(0.075, 0.07, 0.058),
        SHOES,
    )


def _looks_to(figure: Figure) -> float:
    """-1 to the left of the picture, 1 to the right: where the nose is, seen from the neck and the ears."""
    points = figure.points
    if "nose" not in points:
        return 0.0
    back = [points[joint] for joint in ("left_ear", "right_ear") if joint in points] or [
        points.get("neck", points["nose"])
    ]
    return float(np.clip((points["nose"][0] - np.mean([point[0] for point in back])) / (0.12 * figure.unit), -1.0, 1.0))


def _torso(figure: Figure) -> None:
    points, unit, picture = figure.points, figure.unit, figure.picture
    if not figure.has("left_shoulder", "right_shoulder", "left_hip", "right_hip"):
        return
    shoulders, hips = _ordered(points, "shoulder"), _ordered(points, "hip")
    neck, pelvis = np.mean(shoulders, axis=0), np.mean(hips, axis=0)
    down = (pelvis - neck) / max(1.0, float(np.hypot(*(pelvis - neck))))
    right_of = np.array([down[1], -down[0]])
    chest_half = _half_width(shoulders, 0.015, 0.17, unit)
    hip_half = _half_width(hips, 0.105, 0.17, unit)
    waist_half = 0.72 * chest_half + 0.08 * hip_half

    def spot(share: float, half: float) -> list[Point]:
        middle = neck + share * (pelvis - neck)
        return [middle + half * right_of, middle - half * right_of]

    cushion(picture, _belt(pelvis, down, right_of, hip_half, unit), TROUSERS, 0.1 * unit)
    top = [shoulders[1] - 0.055 * unit * down, shoulders[0] - 0.055 * unit * down]
    edges = [spot(0.25, chest_half * 0.97), spot(0.45, chest_half * 0.9), spot(0.68, waist_half), spot(0.99, hip_half)]
    collar = neck - 0.10 * unit * down
    corners = [collar - 0.12 * unit * right_of * -1, top[0]]
    corners += [edge[0] for edge in edges] + [edge[1] for edge in reversed(edges)]
    corners += [top[1], collar - 0.12 * unit * right_of]
    cushion(picture, rounded(np.array(corners)), SHIRT, 0.16 * unit, 0.8)
    if figure.facing > 0.2:
        neckline = ellipse(
            neck - 0.075 * unit * down, 0.105 * unit, 0.055 * unit, float(np.arctan2(right_of[1], right_of[0]))
        )
        fill(picture, neckline, shaded(SKIN, 0.86))


def _belt(pelvis: Point, down: Point, right_of: Point, half: float, unit: float) -> np.ndarray:
    """The seat of the trousers."""
    above, below = pelvis - 0.14 * unit * down, pelvis + 0.13 * unit * down
    return rounded(
        np.array(
            [
                above + 0.9 * half * right_of,
                pelvis + half * right_of,
                below + 0.75 * half * right_of,
                below - 0.75 * half * right_of,
                pelvis - half * right_of,
                above - 0.9 * half * right_of,
            ]
        ),
        2,
    )


def _ordered(points: dict[str, Point], part: str) -> tuple[Point, Point]:
    """The left and the right one of a pair, as the picture has them."""
    first, second = sorted((points[f"left_{part}"], points[f"right_{part}"]), key=lambda point: point[0])
    return first, second


def _half_width(pair: tuple[Point, Point], flesh: float, depth: float, unit: float) -> float:
    """Half the width of the trunk: that of its joints and the flesh, and seen from the side its depth."""
    return float(np.hypot(float(np.hypot(*(pair[1] - pair[0]))) / 2 + flesh * unit, depth * unit))


def _arms(figure: Figure) -> None:
    for side in ("right", "left"):
        _arm(figure, side)


def _arm(figure: Figure, side: str) -> None:
    shoulder, elbow, wrist = (f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist"))
    points, picture = figure.points, figure.picture
    if figure.has(shoulder, elbow):
        tube(picture, points[shoulder], points[elbow], figure.sized(0.084, 0.08, 0.07, 0.06), SKIN)
        sleeve = points[shoulder] + 0.55 * (points[elbow] - points[shoulder])
        tube(picture, points[shoulder], sleeve, figure.sized(0.1, 0.103, 0.098), SHIRT)
    if figure.has(elbow, wrist):
        _hand(figure, points[elbow], points[wrist], 1.0 if side == "left" else -1.0)
        tube(picture, points[elbow], points[wrist], figure.sized(0.061, 0.064, 0.052, 0.042), SKIN)


def _hand(figure: Figure, elbow: Point, wrist: Point, side: float) -> None:
    unit = figure.unit
    way = wrist - elbow
    length = float(np.hypot(*way))
    along = way / length if length > 1e-6 else np.array([0.0, 1.0])
    across = np.array([-along[1], along[0]])
    # a forearm that points at the viewer shows a shorter hand
    long = unit * (0.10 + 0.10 * min(1.0, length / (0.5 * unit)))
    palm, tip = wrist + 0.45 * long * along, wrist + long * along
    tube(figure.picture, palm, tip, figure.sized(0.046, 0.04, 0.022), SKIN)
    thumb = wrist + 0.25 * long * along
    tube(
        figure.picture,
        thumb,
        thumb + 0.42 * long * along - side * 0.05 * unit * across,
        figure.sized(0.022, 0.016),
        SKIN,
    )
    tube(figure.picture, wrist, palm, figure.sized(0.04, 0.05, 0.05), SKIN)


def _neck(figure: Figure) -> None:
    centre = _head_centre(figure)
    if centre is None or "neck" not in figure.points:
        return
    base = figure.points["neck"]
    tube(figure.picture, base + 0.02 * (base - centre), centre, figure.sized(0.098, 0.08, 0.078), shaded(SKIN, 0.9))


def _head_centre(figure: Figure) -> Point | None:
    """Between the ears, or the best guess from what is seen of the face."""
    points, unit = figure.points, figure.unit
    if figure.has("left_ear", "right_ear"):
        return (points["left_ear"] + points["right_ear"]) / 2
    if "nose" in points:
        return points["nose"] + np.array([0.0, -0.02 * unit])
    return None


def _hair_behind(figure: Figure) -> None:
    centre = _head_centre(figure)
    if centre is not None:
        width, height = figure.sized(0.185, 0.21)
        fill(
            figure.picture,
            ellipse(centre + figure.unit * np.array([0.0, -0.03]), width, height, 0.0),
            shaded(HAIR, 0.8),
        )


def _head(figure: Figure) -> None:
    centre = _head_centre(figure)
    if centre is None:
        return
    points, unit, picture = figure.points, figure.unit, figure.picture
    tilt, ahead, front = _head_pose(figure, centre)
    up = np.array([np.sin(tilt), -np.cos(tilt)])
    aside = np.array([np.cos(tilt), np.sin(tilt)])
    if front:
        for ear in ("left_ear", "right_ear"):
            if ear in points and abs(ahead) < 0.75:
                ball(picture, points[ear], *figure.sized(0.026, 0.05), tilt, shaded(SKIN, 0.9))
    face = centre + 0.012 * unit * up + 0.035 * unit * ahead * aside
    jaw = _face_outline(face, up, aside, unit, ahead)
    cushion(picture, jaw, SKIN if front else HAIR, 0.09 * unit, 0.7)
    _hair(figure, face, up, aside, tilt, ahead, front)
    if front and figure.has("nose", "left_eye", "right_eye"):
        _features(figure, up, aside, tilt)


def _head_pose(figure: Figure, centre: Point) -> tuple[float, float, bool]:
    """Tilt in radians; how far the face is turned (-1 to 1 across the picture); whether the face is seen."""
    points = figure.points
    if not figure.has("left_eye", "right_eye", "nose"):
        return 0.0, 0.0, figure.facing > 0
    eyes = points["left_eye"] - points["right_eye"]
    front = bool(eyes[0] > -0.02 * figure.unit)
    tilt = float(np.arctan2(eyes[1], eyes[0])) if eyes[0] > 0.04 * figure.unit else 0.0
    ahead = float((points["nose"][0] - centre[0]) / (0.165 * figure.unit))
    return float(np.clip(tilt, -0.8, 0.8)), float(np.clip(ahead, -1.0, 1.0)), front


def _face_outline(face: Point, up: Point, aside: Point, unit: float, ahead: float) -> np.ndarray:
    """Skull and jaw, chin towards where the face turns."""
    corners = [(-0.165, 0.10), (-0.17, -0.05), (-0.11, -0.2), (0.0, -0.26), (0.11, -0.2), (0.17, -0.05), (0.165, 0.10)]
    corners += [(0.1, 0.24), (-0.1, 0.24)]
    shifted = [(x + 0.05 * ahead * (y < -0.1), y) for x, y in corners]
    return rounded(np.array([face + unit * (x * aside + y * up) for x, y in shifted]))


def _hair(figure: Figure, face: Point, up: Point, aside: Point, tilt: float, ahead: float, front: bool) -> None:
    unit = figure.unit
    if not front:
        ball(figure.picture, face + 0.02 * unit * up, *figure.sized(0.18, 0.22), tilt, HAIR)
        return
    shift = -0.07 * ahead
    line = [(-0.178, 0.0), (-0.185, 0.13), (-0.11, 0.25), (0.02, 0.275), (0.13, 0.24), (0.185, 0.12), (0.178, 0.0)]
    line += [(0.148 - shift * -0.6, 0.06), (0.12, 0.135), (0.0, 0.17), (-0.1, 0.13), (-0.148 + shift * 0.6, 0.06)]
    outline = rounded(np.array([face + unit * ((x + shift) * aside + y * up) for x, y in line]), 2)
    cushion(figure.picture, outline, HAIR, 0.05 * unit, 0.9)
    back = face - 0.11 * unit * ahead * aside
    if abs(ahead) > 0.45:
        ball(
            figure.picture, back + 0.04 * unit * up - 0.03 * unit * ahead * aside, *figure.sized(0.11, 0.19), tilt, HAIR
        )


def _features(figure: Figure, up: Point, aside: Point, tilt: float) -> None:
    points, unit, picture = figure.points, figure.unit, figure.picture
    nose = points["nose"]
    gap = float(np.hypot(*(points["left_eye"] - points["right_eye"]))) / unit
    squeeze = float(np.clip(gap / 0.13, 0.25, 1.1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        eye = points[f"{side}_eye"]
        fill(picture, ellipse(eye, 0.032 * unit * squeeze, 0.017 * unit, tilt), WHITE)
        fill(picture, ellipse(eye, 0.0145 * unit * squeeze**0.5, 0.0165 * unit, tilt), DARK)
        stroke(
            picture,
            np.array(
                [
                    eye + unit * squeeze * 0.036 * aside + unit * 0.01 * up,
                    eye + 0.021 * unit * up,
                    eye - unit * squeeze * 0.036 * aside + unit * 0.01 * up,
                ]
            ),
            DARK,
            0.008 * unit,
        )
        brow = eye + 0.047 * unit * up
        ends = [
            brow - sign * 0.034 * unit * squeeze * aside,
            brow + sign * 0.04 * unit * squeeze * aside - 0.006 * unit * up,
        ]
        stroke(picture, np.array(ends), shaded(HAIR, 1.1), 0.013 * unit)
    bridge = (points["left_eye"] + points["right_eye"]) / 2
    fill(
        picture,
        rounded(
            np.array(
                [
                    bridge,
                    nose + 0.024 * unit * squeeze * aside,
                    nose - 0.01 * unit * up,
                    nose - 0.024 * unit * squeeze * aside,
                ]
            )
        ),
        shaded(SKIN, 0.86),
    )
    fill(picture, ellipse(nose + 0.006 * unit * up, 0.012 * unit, 0.012 * unit, 0.0), shaded(SKIN, 1.08))
    mouth = nose - 0.072 * unit * up - 0.25 * (nose - bridge - ((nose - bridge) @ up) * up)
    fill(picture, ellipse(mouth, 0.042 * unit * squeeze**0.7, 0.0145 * unit, tilt), LIPS)
    stroke(
        picture,
        np.array([mouth - 0.038 * unit * squeeze * aside, mouth + 0.038 * unit * squeeze * aside]),
        shaded(LIPS, 0.7),
        0.006 * unit,
    )
