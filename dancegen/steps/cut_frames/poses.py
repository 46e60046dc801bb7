"""Joints of the footage -> how many distinct poses it shows, and how tall the dancer stands.

Axes used in shapes:
    N frames    the 18 joints are those of skeleton.COCO18    36 = 18 joints x (x, y)
"""

import numpy as np
from jaxtyping import Float, Float64
from scipy.cluster.vq import kmeans2

from dancegen.renderer.driving.body_fit import SIZE_QUANTILE, Body
from dancegen.renderer.driving.pose_range import normalized
from dancegen.skeleton import COCO18, hide_missing

TOLERANCE = 0.1  # torsos, root mean square over the coordinates: two such poses look alike
MOST_POSES = 256  # counted
SAMPLES = 2000  # poses compared, at most
HEAD = COCO18.indices("nose", "right_eye", "left_eye", "right_ear", "left_ear")


def distinct_poses(joints: Float[np.ndarray, "N 18 3"], body: Body) -> int:
    """The smallest number of clusters, by k-means, whose centres are within TOLERANCE of the poses.

    Poses are relative to the mid-hip. Frames with missing joints are left out; 0 if there are no others. The count ends
    at MOST_POSES.
    """
    poses = normalized(joints, body)
    poses = poses[np.isfinite(poses).all(axis=1)]
    poses = np.unique(poses[:: -(-len(poses) // SAMPLES) or 1], axis=0)
    low, high = 0, 1  # low is too few
    while high < min(len(poses), MOST_POSES) and _spread(poses, high) > TOLERANCE:
        low, high = high, min(2 * high, MOST_POSES)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _spread(poses, middle) > TOLERANCE else (low, middle)
    return min(high, len(poses))


def standing_height(joints: Float[np.ndarray, "N 18 3"], body: Body) -> float:
    """Height of the highest joint of the head above the floor of a standing person, in crop heights.

    It is the 90th percentile over the frames; NaN where the head or the floor is never found.
    """
    heads = hide_missing(joints)[:, HEAD, 1]
    known = np.isfinite(heads).any(axis=1)
    if not known.any():
        return float("nan")
    return float(body.floor_y - np.quantile(np.nanmin(heads[known], axis=1), 1 - SIZE_QUANTILE))


def _spread(poses: Float64[np.ndarray, "N 36"], count: int) -> float:
    """Root mean square distance of the poses to the nearest of `count` centres."""
    centres, nearest = kmeans2(poses, count, minit="++", rng=0)
    return float(np.sqrt(np.square(poses - centres[nearest]).mean()))
