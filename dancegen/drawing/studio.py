"""The background of the avatar: a wall, a floor and a shadow on it."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from dancegen.drawing.shapes import Picture, Point

HORIZON = 0.74
"""Edge between wall and floor, from the top."""
WALL_TOP, WALL_BOTTOM = (206, 210, 217), (232, 231, 229)
FLOOR_BACK, FLOOR_FRONT = (190, 181, 172), (216, 208, 199)
SHADOW_SIZE = 64
DARKEST = 0.5


@lru_cache(maxsize=8)
def studio(width_px: int, height_px: int) -> Picture:
    """An empty room of this size. Shared: copy it before drawing."""
    y = np.linspace(0.0, 1.0, height_px)[:, None, None]
    x = np.linspace(-1.0, 1.0, width_px)[None, :, None]
    wall = _blend(WALL_TOP, WALL_BOTTOM, y / HORIZON)
    floor = _blend(FLOOR_BACK, FLOOR_FRONT, (y - HORIZON) / (1.0 - HORIZON))
    edge = np.clip((y - HORIZON) / 0.02 + 0.5, 0.0, 1.0)
    skirting = 1.0 - 0.10 * np.exp(-(((y - HORIZON) / 0.03) ** 2))
    lamp = 1.0 + 0.05 * np.exp(-((x / 0.55) ** 2 + ((y - 0.4) / 0.5) ** 2)) - 0.10 * (x**2 + 0.4 * (y - 0.5) ** 2)
    room = (wall * (1 - edge) + floor * edge) * skirting * lamp
    grain = np.random.default_rng(7).normal(0.0, 1.0, (height_px, width_px, 1))
    room = np.clip(room + grain, 0, 255).astype(np.uint8)
    room.flags.writeable = False
    return room


def cast_shadow(picture: Picture, centre: Point, half_width: float, half_height: float, strength: float) -> None:
    """Draw a soft dark ellipse on the floor."""
    height, width = picture.shape[:2]
    left, right = round(centre[0] - half_width), round(centre[0] + half_width)
    top, bottom = round(centre[1] - half_height), round(centre[1] + half_height)
    columns, rows = np.arange(max(left, 0), min(right, width)), np.arange(max(top, 0), min(bottom, height))
    if not len(columns) or not len(rows):
        return
    spot = _spot()
    at_x = ((columns - left) * (SHADOW_SIZE - 1) // max(1, right - left)).clip(0, SHADOW_SIZE - 1)
    at_y = ((rows - top) * (SHADOW_SIZE - 1) // max(1, bottom - top)).clip(0, SHADOW_SIZE - 1)
    light = 1.0 - DARKEST * strength * spot[np.ix_(at_y, at_x)]
    patch = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    patch[:] = (patch * light[..., None]).astype(np.uint8)


@lru_cache(maxsize=1)
def _spot() -> Float32[np.ndarray, "S S"]:
    line = np.linspace(-1.0, 1.0, SHADOW_SIZE)
    distance = np.hypot(line[:, None], line[None, :])
    return (np.clip(1.0 - distance, 0.0, 1.0) ** 1.3).astype(np.float32)


def _blend(first: tuple[int, int, int], second: tuple[int, int, int], share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 0.0, 1.0)
    return np.array(first) * (1 - share) + np.array(second) * share
