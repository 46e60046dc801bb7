"""Motion artefacts of a dance: freezing, jitter, foot skating, stretched bones, and seams between windows.

A missing joint is NaN and adds nothing. Lengths are in the dance's own units, or in torsos where a threshold needs a
scale; y points down.

Axes used in shapes:
    T poses    J joints    W windows    A the two ankles    S seams
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64
from numpy.lib.stride_tricks import sliding_window_view

from dancegen.pose.foot_contact import ankles_on_floor
from dancegen.skeleton import COCO18

WINDOW_S = 1.0
SLOWEST_SHARE = 0.05  # of the real windows count as slow
BONES = (
    *(("neck", "nose"), ("neck", "{}_shoulder"), ("{}_shoulder", "{}_elbow"), ("{}_elbow", "{}_wrist")),
    *(("neck", "{}_hip"), ("{}_hip", "{}_knee"), ("{}_knee", "{}_ankle")),
)
"""Of both sides: a bone and its mirror have the same length."""
LENGTH_QUANTILE = 0.9  # of a bone's lengths in the frame, where it is foreshortened, is its length
STRETCHED = 1.3  # lengths: a bone that is longer is stretched


def mean_change(pose: Float[np.ndarray, "T J 2"], fps: float, order: int) -> float:
    """Mean joint velocity (order 1), acceleration (2) or jerk (3), in units / s^order. NaN if no joint is present."""
    return _mean(_change(pose, order)) * fps**order


def window_speeds(pose: Float[np.ndarray, "T J 2"], fps: float) -> Float64[np.ndarray, " W"]:
    """Mean speed of the joints in windows of one second, one per pose; of the whole dance if it is shorter."""
    speeds = _change(pose, 1)
    if not len(speeds):
        return np.zeros(0)
    frames = max(1, min(round(WINDOW_S * fps), len(speeds)))
    known = np.isfinite(speeds)
    total = sliding_window_view(np.where(known, speeds, 0.0).sum(axis=1), frames).sum(axis=1)
    count = sliding_window_view(known.sum(axis=1), frames).sum(axis=1)
    return total[count > 0] / count[count > 0] * fps


def freeze_share(speeds: Float[np.ndarray, " W"], real: Float[np.ndarray, " V"]) -> float:
    """Share of windows no faster than the slowest twentieth of the real ones: 0.05 for the real ones themselves."""
    return _mean((speeds <= np.quantile(real, SLOWEST_SHARE)).astype(np.float64))


def foot_skate(pose: Float[np.ndarray, "T J 2"], fps: float) -> float:
    """Mean speed of the ankles while they are on the floor, in torsos per second. NaN if they never are."""
    ankles, on_floor, torso = _ankles(pose)
    speeds = np.linalg.norm(np.diff(ankles, axis=0), axis=-1)
    return _mean(speeds[on_floor]) * fps / torso


def slide_share(pose: Float[np.ndarray, "T J 2"]) -> float:
    """Share of the ankles' path that is made on the floor, from 0 to 1. NaN if the ankles do not move.

    Unlike `foot_skate`, it is not low for feet that stay where they are and tremble: it is measured where ankles move.
    """
    ankles, on_floor, _ = _ankles(pose)
    steps = np.linalg.norm(np.diff(ankles, axis=0), axis=-1)
    known = np.isfinite(steps)
    path = steps[known].sum()
    return float(steps[known & on_floor].sum() / path) if path > 0 else float("nan")


def stretched_share(pose: Float[np.ndarray, "T J 2"]) -> float:
    """Share of the poses in which a bone is longer than it is in the rest of the dance. NaN if no bone is seen."""
    pose = np.asarray(pose, dtype=np.float64)
    stretched, seen = np.zeros(len(pose), dtype=bool), np.zeros(len(pose), dtype=bool)
    for start, end in BONES:
        starts, ends = (COCO18.indices(*(joint.format(side) for side in ("left", "right"))) for joint in (start, end))
        lengths = np.linalg.norm(pose[:, ends] - pose[:, starts], axis=-1)
        known = np.isfinite(lengths)
        if known.any():
            longest = STRETCHED * np.quantile(lengths[known], LENGTH_QUANTILE)
            stretched |= (known & (lengths > longest)).any(axis=1)
            seen |= known.any(axis=1)
    return float(stretched[seen].mean()) if seen.any() else float("nan")


@dataclass(frozen=True)
class Seam:
    """Discontinuities where windows join, as multiples of those inside the windows: 1 is no seam."""

    position: float
    velocity: float


def seam(pose: Float[np.ndarray, "T J 2"], joins: list[int]) -> Seam:
    """Jumps of position and velocity at the joins; each index in `joins` is the first pose of a window."""
    steps = _change(pose, 1)
    pose = np.asarray(pose, dtype=np.float64)
    turns = np.linalg.norm((pose[3:] - pose[2:-1]) - (pose[1:-2] - pose[:-3]), axis=-1)
    joins_at = np.array(joins, dtype=int)
    return Seam(_against_rest(steps, joins_at - 1), _against_rest(turns, joins_at - 2))


def _against_rest(gaps: Float64[np.ndarray, "G J"], at: np.ndarray) -> float:
    """Mean of the gaps at these indices over the mean of the others."""
    here = np.isin(np.arange(len(gaps)), at)
    return _mean(gaps[here]) / _mean(gaps[~here])


def _ankles(
    pose: Float[np.ndarray, "T J 2"],
) -> tuple[Float64[np.ndarray, "T A 2"], Bool[np.ndarray, "T-1 A"], float]:
    """The ankles, whether each is on the floor before and after each step, and the length of the torso."""
    ankles, low, torso = ankles_on_floor(pose)
    return ankles, low[1:] & low[:-1], torso


def _change(pose: Float[np.ndarray, "T J 2"], order: int) -> Float64[np.ndarray, "S J"]:
    """Size of each joint's difference of this order between poses; NaN if the joint is missing in one of them."""
    return np.linalg.norm(np.diff(np.asarray(pose, dtype=np.float64), n=order, axis=0), axis=-1)


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")
