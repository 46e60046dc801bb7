"""Soft shaded shapes on a picture: what figures are drawn from.

A shape is filled several times, each time a little smaller, lighter and nearer to the light. Positions are in
pixels with fractions, colors RGB.

Axes used in shapes:
    N corners
"""

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Picture = UInt8[np.ndarray, "H W 3"]
Point = Float[np.ndarray, "2"]
Outline = Float[np.ndarray, "N 2"]
Color = tuple[int, int, int]

LIGHT = np.array([-0.55, -0.83])
"""Where the light comes from: above, a little left."""
LAYERS = ((1.0, 0.72), (0.86, 0.85), (0.66, 0.96), (0.42, 1.05), (0.2, 1.11))
"""Size of each layer and how light it is."""
FRACTION_BITS = 4
CAP_CORNERS = 7
FAR_PX = 100_000.0  # beyond any picture, and within OpenCV's integers


def fill(picture: Picture, outline: Outline, color: Color) -> None:
    """A flat shape with soft edges."""
    cv2.fillPoly(picture, [_fixed(outline)], color, cv2.LINE_AA, FRACTION_BITS)


def stroke(picture: Picture, line: Outline, color: Color, width_px: float) -> None:
    """An open line."""
    cv2.polylines(picture, [_fixed(line)], False, color, max(1, round(width_px)), cv2.LINE_AA, FRACTION_BITS)


def shaded(color: Color, light: float) -> Color:
    """A lighter or darker color."""
    red, green, blue = (int(min(255, max(0, channel * light))) for channel in color)
    return red, green, blue


def tube(picture: Picture, start: Point, end: Point, radii: tuple[float, ...], color: Color) -> None:
    """A limb: as thick as `radii`, evenly spread from start to end, with round ends."""
    way = end - start
    length = float(np.hypot(*way))
    along = way / length if length > 1e-6 else np.array([0.0, 1.0])
    across = np.array([-along[1], along[0]])
    to_light = across * float(across @ LIGHT) * 0.3
    spots = np.linspace(0.0, 1.0, len(radii))[:, None] * way + start
    thick = np.array(radii)
    for size, light in LAYERS:
        centres = spots + to_light * ((1.0 - size) * thick)[:, None]
        fill(picture, _tube_outline(centres, size * thick, along, across), shaded(color, light))


def ball(picture: Picture, centre: Point, half_width: float, half_height: float, angle: float, color: Color) -> None:
    """An ellipse with a light side; `angle` in radians, clockwise."""
    outline = ellipse(centre, half_width, half_height, angle)
    cushion(picture, outline, color, depth=0.3 * min(half_width, half_height))


def cushion(picture: Picture, outline: Outline, color: Color, depth: float, strength: float = 1.0) -> None:
    """Any shape, shaded as if it were round: each layer is drawn towards its middle, `depth` pixels to the light."""
    middle = outline.mean(axis=0)
    for size, light in LAYERS:
        layer = middle + (outline - middle) * size + LIGHT * (depth * (1.0 - size))
        fill(picture, layer, shaded(color, 1.0 + strength * (light - 1.0)))


def ellipse(centre: Point, half_width: float, half_height: float, angle: float) -> Outline:
    """Corners of an ellipse."""
    circle = unit_circle(28)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return centre + (circle * (half_width, half_height)) @ turn


def rounded(corners: Outline, rounds: int = 3) -> Outline:
    """A closed shape with its corners cut until they are round."""
    for _ in range(rounds):
        following = np.roll(corners, -1, axis=0)
        cut = np.stack([0.75 * corners + 0.25 * following, 0.25 * corners + 0.75 * following], axis=1)
        corners = cut.reshape(-1, 2)
    return corners


@lru_cache(maxsize=8)
def unit_circle(corners: int) -> Outline:
    """Corners of a circle of radius 1."""
    angles = np.linspace(0.0, 2 * np.pi, corners, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def _fixed(outline: Outline) -> np.ndarray:
    """Whole numbers with a fixed fraction, as OpenCV wants them."""
    return np.rint(np.clip(outline, -FAR_PX, FAR_PX) * (1 << FRACTION_BITS)).astype(np.int32)


def _tube_outline(centres: Outline, radii: np.ndarray, along: Point, across: Point) -> Outline:
    angles = np.linspace(0.0, np.pi, CAP_CORNERS)[1:-1]
    cosines, sines = np.cos(angles)[:, None], np.sin(angles)[:, None]
    sides = radii[:, None] * across
    end_cap = centres[-1] + radii[-1] * (cosines * across + sines * along)
    start_cap = centres[0] + radii[0] * (-cosines * across - sines * along)
    return np.concatenate([centres + sides, end_cap, (centres - sides)[::-1], start_cap])
