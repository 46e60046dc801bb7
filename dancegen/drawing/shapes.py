"""Anti-aliased shaded shapes, the primitives of figures.

A shape is filled in several layers, each smaller, lighter and nearer to the light. Positions are in fractional pixels,
colors RGB.

Axes used in shapes:
    N corners    L layers
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Int32, UInt8

Picture = UInt8[np.ndarray, "H W 3"]
Point = Float[np.ndarray, "2"]
Outline = Float[np.ndarray, "N 2"]
Color = tuple[int, int, int]
Sizes = Float[np.ndarray, " L"]
Layers = Float[np.ndarray, "L N 2"]
Part = Callable[[Sizes], Layers]
"""The outlines of a shape at several sizes from 0 to 1."""

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
    _fill(picture, _fixed(outline), color)


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
    if not parts:
        return
    count = int(np.clip(thickness / FINEST_LAYER_PX, FEWEST_LAYERS, MOST_LAYERS))
    depths = np.linspace(0.0, 1.0, count, endpoint=False)
    # shading of a sphere: steep at its edge, flat in the middle
    lights = EDGE + (SHEEN - EDGE) * np.sqrt(1.0 - (1.0 - depths) ** 2)
    tones = np.outer(1.0 + strength * (lights - 1.0), color).clip(0, 255).astype(int).tolist()
    # all layers at once: one at a time, NumPy's calls took three times as long as the filling
    layers = zip(*(_fixed(part(1.0 - depths)) for part in parts), strict=True)
    for tone, outlines in zip(tones, layers, strict=True):
        for outline in outlines:
            _fill(picture, outline, tone)


def tube(start: Point, end: Point, radii: tuple[float, ...], seam: bool = True) -> Part:
    """A limb of thickness `radii`, evenly spaced from start to end, with round ends.

    Without `seam` the start is lit up to its end, so that the limb continues the shape below.
    """
    way = end - start
    length = float(np.hypot(*way))
    along = way / length if length > 1e-6 else np.array([0.0, 1.0])
    across = np.array([-along[1], along[0]])
    to_light = across * float(across @ LIGHT) * 0.4
    spots = _evenly(len(radii)) * way + start
    thick = np.array(radii)

    def outlines(sizes: Sizes) -> Layers:
        smaller, radii = (1.0 - sizes)[:, None] * thick, sizes[:, None] * thick
        centres = spots + to_light * smaller[..., None]
        if not seam:
            centres[:, 0] -= along * smaller[:, :1]
        return _tube_outlines(centres, radii[..., None], along, across)

    return outlines


def cushion(corners: Outline, depth: float) -> Part:
    """A shape shaded as if it were round: its layers shrink towards its centre, shifted `depth` pixels to the light."""
    middle = corners.mean(axis=0)

    def outlines(sizes: Sizes) -> Layers:
        each = sizes[:, None, None]
        return middle + (corners - middle) * each + LIGHT * (depth * (1.0 - each))

    return outlines


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


def _fill(picture: Picture, corners: Int32[np.ndarray, "N 2"], color: Sequence[int]) -> None:
    cv2.fillPoly(picture, [corners], color, cv2.LINE_AA, FRACTION_BITS)


def _fixed(outline: Float[np.ndarray, "... 2"]) -> Int32[np.ndarray, "... 2"]:
    """Fixed-point integers for OpenCV."""
    return np.rint(np.clip(outline, -FAR_PX, FAR_PX) * (1 << FRACTION_BITS)).astype(np.int32)


def _tube_outlines(
    centres: Float[np.ndarray, "L C 2"], radii: Float[np.ndarray, "L C 1"], along: Point, across: Point
) -> Layers:
    cosines, sines = _cap()
    sides = radii * across
    end_cap = centres[:, -1:] + radii[:, -1:] * (cosines * across + sines * along)
    start_cap = centres[:, :1] + radii[:, :1] * (-cosines * across - sines * along)
    return np.concatenate([centres + sides, end_cap, (centres - sides)[:, ::-1], start_cap], axis=1)


@lru_cache(maxsize=8)
def _evenly(count: int) -> Float[np.ndarray, "{count} 1"]:
    return np.linspace(0.0, 1.0, count)[:, None]


@lru_cache(maxsize=1)
def _cap() -> tuple[Float[np.ndarray, "A 1"], Float[np.ndarray, "A 1"]]:
    """Cosines and sines of the corners of half a circle, as columns."""
    angles = np.linspace(0.0, np.pi, CAP_CORNERS)[1:-1]
    return np.cos(angles)[:, None], np.sin(angles)[:, None]
