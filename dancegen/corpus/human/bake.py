"""Values of a surface's points -> pictures in its texture: what a painter of textures needs to know of each texel.

Axes used in shapes:
    S texels along a side    P points    C channels
"""

import numpy as np
from jaxtyping import Bool, Float32, Float64
from scipy.ndimage import distance_transform_edt

from dancegen.corpus.human.surface import Surface


def bake(surface: Surface, values: Float64[np.ndarray, "P C"], size: int) -> Float32[np.ndarray, "S S C"]:
    """The values in each texel, interpolated in the triangles; row 0 is the top, texture coordinate 1."""
    places = surface.uv * (size, -size) + (-0.5, size - 0.5)
    picture = np.zeros((size, size, values.shape[1]), dtype=np.float32)
    known = np.zeros((size, size), dtype=bool)
    for corners in surface.triangles:
        _fill(picture, known, places[corners], values[corners])
    return _extended(picture, known)


def _fill(
    picture: Float32[np.ndarray, "S S C"],
    known: Bool[np.ndarray, "S S"],
    corners: Float64[np.ndarray, "3 2"],
    values: Float64[np.ndarray, "3 C"],
) -> None:
    """Interpolate a triangle in place."""
    size = len(picture)
    low = np.clip(np.floor(corners.min(axis=0)), 0, size - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), 0, size - 1).astype(int)
    first, second = corners[1] - corners[0], corners[2] - corners[0]
    area = first[0] * second[1] - first[1] * second[0]
    if abs(area) < 1e-9:
        return
    x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
    x, y = x - corners[0, 0], y - corners[0, 1]
    b, c = (x * second[1] - y * second[0]) / area, (first[0] * y - first[1] * x) / area
    inside = (b >= -0.01) & (c >= -0.01) & (b + c <= 1.01)
    parts = np.stack([1 - b - c, b, c], axis=-1)[inside]
    rows, columns = slice(low[1], high[1] + 1), slice(low[0], high[0] + 1)
    picture[rows, columns][inside] = parts @ values
    known[rows, columns] |= inside


def _extended(picture: Float32[np.ndarray, "S S C"], known: Bool[np.ndarray, "S S"]) -> Float32[np.ndarray, "S S C"]:
    """The picture with the nearest known values around its islands."""
    if not known.any():
        return picture
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    rows, columns = np.asarray(nearest)
    return picture[rows, columns]
