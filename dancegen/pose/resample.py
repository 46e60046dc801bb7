"""10 poses per second -> 25 to 60, by cubic spline interpolation.

Each coordinate follows the cubic spline through its known values: exact at the poses, with continuous velocity.
After the last pose, that pose is held.

Axes used in shapes:
    T poses    J joints    F frames of the video
"""

import numpy as np
from jaxtyping import Bool, Float, Float32, Real

ON_A_POSE = 1e-6  # of a pose interval: a closer time is at the pose


def resample(
    pose: Float[np.ndarray, "T J 2"], fps_in: float, fps_out: float, frames_out: int
) -> Float32[np.ndarray, "F J 2"]:
    """The dance at another frame rate. A joint that is NaN in a pose is NaN from the previous pose to the next."""
    return at_poses(pose, np.arange(frames_out) * (fps_in / fps_out))


def at_poses(pose: Float[np.ndarray, "T J 2"], at: Float[np.ndarray, " F"]) -> Float32[np.ndarray, "F J 2"]:
    """The dance at times in poses, also between them. A joint that is NaN in a pose is NaN up to its neighbours."""
    poses = len(pose)
    at = np.minimum(at, poses - 1)
    known = np.asarray(np.isfinite(pose).all(axis=-1))
    if known.all():
        return _spline(np.arange(poses), pose, at).astype(np.float32)
    result = np.full((len(at), *pose.shape[1:]), np.nan, dtype=np.float32)
    for joint in range(pose.shape[1]):
        there = _between_known(known[:, joint], at)
        if there.any():
            knots = np.flatnonzero(known[:, joint])
            result[there, joint] = _spline(knots, pose[knots, joint], at[there])
    return result


def _spline(
    knots: Real[np.ndarray, " K"], values: Float[np.ndarray, "K ..."], at: Float[np.ndarray, " F"]
) -> np.ndarray:
    """Cubic spline; of lower degree with fewer than four knots."""
    if len(knots) == 1:
        return np.repeat(values, len(at), axis=0)
    from scipy.interpolate import make_interp_spline  # late: training steps do not need it

    degree = 3 if len(knots) >= 4 else 1
    return make_interp_spline(knots, np.asarray(values, dtype=np.float64), k=degree)(at)


def _between_known(known: Bool[np.ndarray, " T"], at: Float[np.ndarray, " F"]) -> Bool[np.ndarray, " F"]:
    """Whether the poses on both sides of each time are known; at a pose, that pose only."""
    before = np.floor(at + ON_A_POSE).astype(int)
    after = np.ceil(at - ON_A_POSE).astype(int)
    return known[before] & known[after]
