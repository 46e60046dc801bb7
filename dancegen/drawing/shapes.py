"""Anti-aliased shaded shapes, the primitives of figures.

A shape is filled in several layers, each smaller, lighter and nearer to the light. Positions are in fractional pixels,
colors RGB.

Axes used in shapes:
    N corners
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Picture = UInt8[np.ndarray, "H W 3"]
Point = Float[np.ndarray, "2"]
Outline = Float[np.ndarray, "N 2"]
Color = tuple[int, int, int]
Part = Callable[[float], Outline]
"""The outline of a shape at a size from 0 to 1."""

LIGHT = np.array([-0.55, -0.83])
"""Direction of the light: from above, slightly left."""
EDGE, SHEEN = 0.70, 1.12
"""Brightness of the darkest and the lightest layer."""
FINEST_LAYER_PX = 2.8
FEWEST_LAYERS, MOST_LAYERS = 4, 10
FRACTION_BITS = 4
CAP_CORNERS = 7
MOST_STROKE_PX = 255
FAR_PX = 100_000.0  # outside any frame, and within OpenCV's integers


def fill(picture: Picture, outline: Outline, color: Color) -> None:
    """Fill a shape with one color, with anti-aliased edges."""
    cv2.fillPoly(picture, [_fixed(outline)], color, cv2.LINE_AA, FRACTION_BITS)


def stroke(picture: Picture, line: Outline, color: Color, width_px: float) -> None:
    """Draw an open polyline."""
    cv2.polylines(
        picture,
        [_fixed(line)],
        False,
        color,
        int(np.clip(round(width_px), 1, MOST_STROKE_PX)),
        cv2.LINE_AA,
        FRACTION_BITS,
    )


def shaded(color: Color, light: float) -> Color:
    """A lighter or darker color."""
    red, green, blue = (int(min(255, max(0, channel * light))) for channel in color)
    return red, green, blue


def solid(picture: Picture, parts: Sequence[Part], color: Color, thickness: float, strength: float = 1.0) -> None:
    """Draw connected parts, shaded together so that no seam is visible; `thickness` in pixels."""
    count = int(np.clip(thickness / FINEST_LAYER_PX, FEWEST_LAYERS, MOST_LAYERS))
    for depth in np.linspace(0.0, 1.0, count, endpoint=False):
        # shading of a sphere: steep at its edge, flat in the middle
        light = EDGE + (SHEEN - EDGE) * np.sqrt(1.0 - (1.0 - depth) ** 2)
        tone = shaded(color, 1.0 + strength * (light - 1.0))
        for part in parts:
            fill(picture, part(1.0 - float(depth)), tone)


def tube(start: Point, end: Point, radii: tuple[float, ...], seam: bool = True) -> Part:
    """A limb of thickness `radii`, evenly spaced from start to end, with round ends.

    Without `seam` the start is lit up to its end, so that the limb continues the shape below.
    """
    way = end - start
    length = float(np.hypot(*way))
    along = way / length if length > 1e-6 else np.array([0.0, 1.0])
    across = np.array([-along[1], along[0]])
    to_light = across * float(across @ LIGHT) * 0.4
    spots = np.linspace(0.0, 1.0, len(radii))[:, None] * way + start
    thick = np.array(radii)

    def outline(size: float) -> Outline:
        centres = spots + to_light * ((1.0 - size) * thick)[:, None]
        if not seam:
            centres[0] -= along * (1.0 - size) * thick[0]
        return _tube_outline(centres, size * thick, along, across)

    return outline


def cushion(corners: Outline, depth: float) -> Part:
    """A shape shaded as if it were round: its layers shrink towards its centre, shifted `depth` pixels to the light."""
    middle = corners.mean(axis=0)

    def outline(size: float) -> Outline:
        return middle + (corners - middle) * size + LIGHT * (depth * (1.0 - size))

    return outline


def ellipse(centre: Point, half_width: float, half_height: float, angle: float) -> Outline:
    """Corners of an ellipse."""
    circle = unit_circle(28)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return centre + (circle * (half_width, half_height)) @ turn


def rounded(corners: Outline, rounds: int = 3) -> Float[np.ndarray, "M 2"]:
    """A closed shape with rounded corners, by repeated corner cutting."""
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
    """Fixed-point integers for OpenCV."""
    return np.rint(np.clip(outline, -FAR_PX, FAR_PX) * (1 << FRACTION_BITS)).astype(np.int32)


def _tube_outline(
    centres: Float[np.ndarray, "C 2"], radii: Float[np.ndarray, " C"], along: Point, across: Point
) -> Outline:
    cosines, sines = _cap()
    sides = radii[:, None] * across
    end_cap = centres[-1] + radii[-1] * (cosines * across + sines * along)
    start_cap = centres[0] + radii[0] * (-cosines * across - sines * along)
    return np.concatenate([centres + sides, end_cap, (centres - sides)[::-1], start_cap])


@lru_cache(maxsize=1)
def _cap() -> tuple[Float[np.ndarray, "A 1"], Float[np.ndarray, "A 1"]]:
    """Cosines and sines of the corners of half a circle, as columns."""
    angles = np.linspace(0.0, np.pi, CAP_CORNERS)[1:-1]
    return np.cos(angles)[:, None], np.sin(angles)[:, None]
