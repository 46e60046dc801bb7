"""Feet that bear weight, and how they are kept in their place.

A foot bears weight while its ankle is near its floor and slow. Its ankle is then held where it is on average, and moves
there and away again before and after: a clean-up of motion (Kovar et al., "Footskate Cleanup for Motion Capture
Editing", 2002). The knee follows by half.

Axes used in shapes:
    T poses    J joints    A the two ankles, right and left    K keys
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64

from dancegen.pose.normalize import FLOOR_QUANTILE, FLOOR_TORSOS, torso_length
from dancegen.skeleton import COCO18

ANKLES = COCO18.indices("right_ankle", "left_ankle")
KNEES = COCO18.indices("right_knee", "left_knee")
SLOW = 0.5  # torsos per second
SHORTEST_S = 0.15  # of a contact that is held
FADE_S = 0.15  # before and after it
FARTHEST_TORSOS = 0.2  # from its place: a foot that moves farther slides on purpose
KNEE_SHARE = 0.5  # of the ankle's way


def ankles_on_floor(
    pose: Float[np.ndarray, "T J 2"],
) -> tuple[Float64[np.ndarray, "T A 2"], Bool[np.ndarray, "T A"], float]:
    """The ankles of a dance in square units, whether each is near its floor, and the length of the torso."""
    pose = np.asarray(pose, dtype=np.float64)
    torso = torso_length(np.pad(pose, ((0, 0), (0, 0), (0, 1))), aspect=1.0)
    ankles = pose[:, ANKLES]
    return ankles, _near_floor(ankles[..., 1], torso), torso


def contacts(pose: Float[np.ndarray, "T J 2"], fps: float) -> Bool[np.ndarray, "T A"]:
    """Whether each foot bears weight in each pose of a dance in square units: it is slow on the way there or away."""
    ankles, low, torso = ankles_on_floor(pose)
    if len(pose) < 2:
        return low
    slow = np.linalg.norm(np.diff(ankles, axis=0), axis=-1) * fps < SLOW * torso
    held = slow & low[1:] & low[:-1]
    return np.concatenate([held, held[-1:]]) | np.concatenate([held[:1], held])


def plant_feet(
    pose: Float32[np.ndarray, "T J 2"], fps: float, first: int | None = None, last: int | None = None
) -> Float32[np.ndarray, "T J 2"]:
    """The dance in square units, with feet that bear weight kept in their place.

    With `first` and `last`, only poses after the one and before the other are changed.
    """
    planted = pose.copy()
    ankles, _, torso = ankles_on_floor(pose)
    for foot, held in enumerate(contacts(pose, fps).T):
        moved = _offsets(ankles[:, foot], held, torso, fps, (first, last))
        planted[:, ANKLES[foot]] += moved
        planted[:, KNEES[foot]] += KNEE_SHARE * moved
    return planted


def _near_floor(heights: Float[np.ndarray, "T A"], torso: float) -> Bool[np.ndarray, "T A"]:
    """Whether each ankle is near its floor; y points down. False where it is missing (NaN)."""
    near = np.zeros(heights.shape, dtype=bool)
    for ankle, height in enumerate(heights.T):
        known = height[np.isfinite(height)]
        if len(known):
            near[:, ankle] = height > np.quantile(known, FLOOR_QUANTILE) - FLOOR_TORSOS * torso
    return near


def _offsets(
    ankle: Float64[np.ndarray, "T 2"],
    held: Bool[np.ndarray, " T"],
    torso: float,
    fps: float,
    ends: tuple[int | None, int | None],
) -> Float64[np.ndarray, "T 2"]:
    """How far the ankle is moved in each pose."""
    fade = max(1, round(FADE_S * fps))
    first, last = -1 if ends[0] is None else ends[0], len(ankle) if ends[1] is None else ends[1]
    keys, values = [-fade], [np.zeros(2)]
    for start, end in _runs(held):
        moved = np.median(ankle[start:end], axis=0) - ankle[start:end]
        inside = (start - fade >= first or start == 0) and (end - 1 + fade <= last or end == len(ankle))
        far = np.linalg.norm(moved, axis=-1).max() > FARTHEST_TORSOS * torso
        if end - start <= SHORTEST_S * fps or far or not inside:
            continue
        if start - keys[-1] > 2 * fade:
            keys += [keys[-1] + fade, start - fade]
            values += [np.zeros(2)] * 2
        keys += range(start, end)
        values += list(moved)
    values += [np.zeros(2)]
    found = np.stack(values)
    return np.stack([np.interp(np.arange(len(ankle)), [*keys, keys[-1] + fade], axis) for axis in found.T], axis=-1)


def _runs(held: Bool[np.ndarray, " T"]) -> Iterator[tuple[int, int]]:
    """First pose of each contact, and the first one after it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
