"""18 joints -> a clothed, shaded dancer in a studio.

The input are 2-D joints: facing direction is derived from the order of the shoulders and of the face, thickness from
the length of the torso. A part whose joints are missing is left out.
"""

import numpy as np
from jaxtyping import Float

from dancegen.drawing.face import HAIR, SKIN, draw_head
from dancegen.drawing.figure import Figure, head_centre, read_figure
from dancegen.drawing.shapes import (
    Color,
    Outline,
    Part,
    Picture,
    Point,
    cushion,
    ellipse,
    fill,
    rounded,
    shaded,
    solid,
    tube,
)
from dancegen.drawing.studio import cast_shadow, studio

SHIRT: Color = (202, 78, 70)
TROUSERS: Color = (54, 62, 88)
SHOES: Color = (238, 236, 232)
SOLES: Color = (150, 146, 142)

FAR = 0.86
"""Brightness of the far arm and leg in a side view."""


def draw_avatar(joints_px: Float[np.ndarray, "J C"], width_px: int, height_px: int) -> Picture:
    """Draw the dancer. Joints are x and y in pixels, and a confidence; those of confidence 0 are not drawn."""
    picture = studio(width_px, height_px).copy()
    figure = read_figure(picture, joints_px)
    if figure is None:
        return picture
    far, near = figure.sides
    _shadow(figure)
    _hair_behind(figure)
    for side in (far, near):
        _shoe(figure, side)
    if figure.profile:
        _arm(figure, far, FAR)
    elif figure.facing < 0:
        _arm(figure, far)
        _arm(figure, near)
    _trousers(figure)
    _neck(figure)
    _shirt(figure)
    centre = head_centre(figure)
    if centre is not None:
        draw_head(figure, centre)
    if figure.facing > 0 and not figure.profile:
        _arm(figure, far)
    if figure.facing > 0 or figure.profile:
        _arm(figure, near)
    return picture


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
        cast_shadow(figure.picture, np.array([foot[0], floor]), 0.26 * unit, 0.085 * unit, float(1.0 - height) ** 3)


def _trousers(figure: Figure) -> None:
    """Legs and seat; the lifted leg is drawn in front."""
    unit = figure.unit
    legs = {side: _leg(figure, side) for side in figure.sides}
    lifted = {side: figure.points[f"{side}_ankle"][1] if figure.has(f"{side}_ankle") else 0.0 for side in legs}
    first, last = figure.sides
    if lifted[first] < lifted[last] - 0.15 * unit:
        first, last = last, first
    seat: list[Part] = []
    if figure.has("left_hip", "right_hip"):
        hips = _pair(figure, "hip")
        up = _upwards(figure)
        half = _half_width(hips, 0.085, 0.15, unit)
        middle = (hips[0] + hips[1]) / 2 + 0.03 * unit * up
        seat = [cushion(ellipse(middle, half, 0.17 * unit, float(np.arctan2(up[0], -up[1]))), 0.03 * unit)]
    solid(figure.picture, legs[first], shaded(TROUSERS, FAR if figure.profile else 0.95), 0.12 * unit)
    solid(figure.picture, legs[last] + seat, TROUSERS, 0.12 * unit)


def _leg(figure: Figure, side: str) -> list[Part]:
    points = figure.points
    hip, knee, ankle = (f"{side}_{joint}" for joint in ("hip", "knee", "ankle"))
    parts: list[Part] = []
    if figure.has(knee, ankle):
        cuff = points[ankle] - 0.04 * (points[ankle] - points[knee])
        parts.append(tube(points[knee], cuff, figure.sized(0.097, 0.103, 0.09, 0.076)))
    if figure.has(hip, knee):
        parts.append(tube(points[hip], points[knee], figure.sized(0.150, 0.146, 0.124, 0.098)))
    return parts


def _shoe(figure: Figure, side: str) -> None:
    """Sole on the floor, toes in the facing direction; a lifted foot points along the shin."""
    if not figure.has(f"{side}_knee", f"{side}_ankle"):
        return
    unit, picture = figure.unit, figure.picture
    knee, ankle = figure.points[f"{side}_knee"], figure.points[f"{side}_ankle"]
    shin = (ankle - knee) / max(1.0, float(np.hypot(*(ankle - knee))))
    out = 1.0 if side == "left" else -1.0
    sideways = np.sqrt(1.0 - figure.facing**2) * figure.looks
    toes = np.array([0.10 * out * np.sign(figure.facing) + 0.2 * sideways, 0.10 if figure.facing >= 0 else 0.06])
    toes = toes + 0.16 * np.array([shin[0], 0.3 * max(0.0, shin[1])])
    heel = ankle + unit * np.array([-0.12 * toes[0], 0.03])
    tip = ankle + unit * toes
    down = np.array([0.0, 0.016 * unit])
    solid(picture, [tube(heel + down, tip + down, figure.sized(0.078, 0.074, 0.066))], SOLES, 0.03 * unit)
    solid(picture, [tube(heel, tip - 0.5 * down, figure.sized(0.074, 0.07, 0.058))], SHOES, 0.06 * unit, 0.7)


def _shirt(figure: Figure) -> None:
    """Chest and waist, with the upper ends of the sleeves."""
    points, unit, picture = figure.points, figure.unit, figure.picture
    if not figure.has("left_shoulder", "right_shoulder", "left_hip", "right_hip"):
        return
    shoulders, hips = _pair(figure, "shoulder"), _pair(figure, "hip")
    neck, up = (shoulders[0] + shoulders[1]) / 2, _upwards(figure)
    parts = [cushion(_trunk(shoulders, hips, up, unit), 0.12 * unit)]
    if not figure.profile:
        sleeves = [_sleeve(figure, side) for side in figure.sides if f"{side}_elbow" in points]
        parts = sleeves + parts if figure.facing < 0 else parts + sleeves
    solid(picture, parts, SHIRT, 0.25 * unit, 0.85)
    if figure.facing > 0.2:
        opening = ellipse(neck + 0.085 * unit * up, 0.10 * unit, 0.05 * unit, float(np.arctan2(up[0], -up[1])))
        fill(picture, opening, shaded(SKIN, 0.88))


def _trunk(shoulders: tuple[Point, Point], hips: tuple[Point, Point], up: Point, unit: float) -> Outline:
    neck, pelvis = (shoulders[0] + shoulders[1]) / 2, (hips[0] + hips[1]) / 2
    aside = np.array([-up[1], up[0]])
    chest = _half_width(shoulders, -0.055, 0.17, unit)
    hem = _half_width(hips, 0.085, 0.16, unit)
    waist = 0.5 * chest + 0.34 * hem

    def edge(share: float, half: float) -> tuple[Point, Point]:
        middle = neck + share * (pelvis - neck)
        return middle + half * aside, middle - half * aside

    level = [edge(0.2, chest), edge(0.42, 0.96 * chest), edge(0.66, waist), edge(0.88, hem), edge(1.06, 1.03 * hem)]
    slope = 0.07 * unit * up
    inner = 0.13 * unit * aside
    right_side = [neck + 0.14 * unit * up + inner, shoulders[1] + slope, *(first for first, _ in level)]
    left_side = [neck + 0.14 * unit * up - inner, shoulders[0] + slope, *(second for _, second in level)]
    return rounded(np.array(right_side + left_side[::-1]))


def _arm(figure: Figure, side: str, light: float = 1.0) -> None:
    """Upper arm and forearm as one piece, the hand, and the sleeve over it."""
    shoulder, elbow = (f"{side}_{joint}" for joint in ("shoulder", "elbow"))
    points = figure.points
    parts = _forearm(figure, side)
    if figure.has(shoulder, elbow):
        parts.append(tube(points[shoulder], points[elbow], figure.sized(0.084, 0.082, 0.071, 0.06)))
    solid(figure.picture, parts, shaded(SKIN, light), 0.06 * figure.unit)
    if figure.has(shoulder, elbow):
        solid(figure.picture, [_sleeve(figure, side)], shaded(SHIRT, light), 0.1 * figure.unit, 0.85)


def _forearm(figure: Figure, side: str) -> list[Part]:
    elbow, wrist = (f"{side}_{joint}" for joint in ("elbow", "wrist"))
    if not figure.has(elbow, wrist):
        return []
    start, end = figure.points[elbow], figure.points[wrist]
    hand = _hand(figure, start, end, 1.0 if side == "left" else -1.0)
    return [tube(start, end, figure.sized(0.061, 0.065, 0.053, 0.041)), *hand]


def _sleeve(figure: Figure, side: str) -> Part:
    shoulder, elbow = figure.points[f"{side}_shoulder"], figure.points[f"{side}_elbow"]
    return tube(shoulder, shoulder + 0.5 * (elbow - shoulder), figure.sized(0.092, 0.102, 0.1), seam=False)


def _hand(figure: Figure, elbow: Point, wrist: Point, side: float) -> list[Part]:
    way = wrist - elbow
    length = float(np.hypot(*way))
    along = way / length if length > 1e-6 else np.array([0.0, 1.0])
    across = np.array([-along[1], along[0]])
    # the hand of a forearm that points at the viewer is foreshortened as well
    long = figure.unit * (0.10 + 0.10 * min(1.0, length / (0.5 * figure.unit)))
    palm, tip = wrist + 0.45 * long * along, wrist + long * along
    thumb = wrist + 0.25 * long * along
    thumb_tip = thumb + 0.42 * long * along - side * 0.05 * figure.unit * across
    return [
        tube(wrist, palm, figure.sized(0.042, 0.05, 0.048)),
        tube(palm, tip, figure.sized(0.048, 0.042, 0.022)),
        tube(thumb, thumb_tip, figure.sized(0.024, 0.017)),
    ]


def _neck(figure: Figure) -> None:
    centre = head_centre(figure)
    if centre is not None and "neck" in figure.points:
        base = figure.points["neck"]
        throat = tube(base + 0.02 * (base - centre), centre, figure.sized(0.096, 0.08, 0.078))
        solid(figure.picture, [throat], shaded(SKIN, 0.86), 0.08 * figure.unit)


def _hair_behind(figure: Figure) -> None:
    centre = head_centre(figure)
    if centre is not None:
        middle = centre - figure.unit * np.array([0.06 * figure.looks, 0.03])
        fill(figure.picture, ellipse(middle, 0.18 * figure.unit, 0.2 * figure.unit, 0.0), shaded(HAIR, 0.8))


def _pair(figure: Figure, part: str) -> tuple[Point, Point]:
    """The two joints of a pair, ordered from left to right in the frame."""
    first, second = sorted((figure.points[f"{side}_{part}"] for side in ("left", "right")), key=lambda point: point[0])
    return first, second


def _upwards(figure: Figure) -> Point:
    """Unit vector from the hips to the shoulders."""
    if not figure.has("left_shoulder", "right_shoulder", "left_hip", "right_hip"):
        return np.array([0.0, -1.0])
    way = sum(_pair(figure, "shoulder"), np.zeros(2)) - sum(_pair(figure, "hip"), np.zeros(2))
    return way / max(1e-6, float(np.hypot(*way)))


def _half_width(pair: tuple[Point, Point], flesh: float, depth: float, unit: float) -> float:
    """Half the width of the trunk: from its joints and flesh, combined with its depth for side views."""
    return float(np.hypot(max(0.0, float(np.hypot(*(pair[1] - pair[0]))) / 2 + flesh * unit), depth * unit))
