"""How many poses of a dance are unlike all poses of a person's footage.

Axes used in shapes:
    N poses    K centres    36 = 18 joints x (x, y)
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64
from scipy.cluster.vq import kmeans2

from dancegen.renderer.driving.body_fit import HIPS, Body
from dancegen.skeleton import COCO18, hide_missing

CENTRES = 256
MOST_POSES = 20_000  # from which centres are computed
LIMIT_QUANTILE = 0.99
CHUNK = 256  # poses compared at once


@dataclass(frozen=True)
class PoseRange:
    """The poses of a person's footage, as centres of clusters. Coordinates are torsos from the mid-hip."""

    centres: Float32[np.ndarray, "K 36"]
    limit: float
    """The 99th percentile of the distances of the footage's own poses to their nearest centre."""


def measure_range(
    joints: Float[np.ndarray, "N 18 3"], body: Body, centres: int = CENTRES, earlier: PoseRange | None = None
) -> PoseRange:
    """The poses of footage by k-means, from frames in which all joints are known.

    With the poses of `earlier` footage of the same person, these count as well. Raises ValueError when there is no such
    frame.
    """
    poses = normalized(joints, body)
    poses = poses[np.isfinite(poses).all(axis=1)]
    if not len(poses):
        raise ValueError("no frame of the footage has all joints")
    some = np.unique(poses[:: -(-len(poses) // MOST_POSES)], axis=0)
    initial = some[np.linspace(0, len(some) - 1, min(centres, len(some))).astype(int)]
    found = kmeans2(some, initial, minit="matrix")[0]
    if earlier is not None:
        found = np.concatenate([earlier.centres, found])
    return PoseRange(found.astype(np.float32), float(np.quantile(_distances(poses, found), LIMIT_QUANTILE)))


def share_out_of_range(joints: Float[np.ndarray, "N 18 3"], body: Body, footage: PoseRange) -> float:
    """Share of the poses of a fitted dance whose nearest centre is farther than those of the footage's own poses.

    Only known joints are compared; poses without hips are left out.
    """
    poses = normalized(joints, body)
    poses = poses[np.isfinite(poses).any(axis=1)]
    far: Bool[np.ndarray, " N"] = _distances(poses, footage.centres) > footage.limit
    return float(far.mean()) if len(far) else 0.0


def normalized(joints: Float[np.ndarray, "N 18 3"], body: Body) -> Float64[np.ndarray, "N 36"]:
    """Positions relative to the mid-hip, in torsos of the body; NaN for missing joints."""
    places = hide_missing(joints)[..., :2].astype(np.float64) * (body.aspect, 1.0)
    return ((places - places[:, HIPS].mean(axis=1, keepdims=True)) / body.torso).reshape(-1, 2 * len(COCO18))


def _distances(poses: Float64[np.ndarray, "N 36"], centres: Float[np.ndarray, "K 36"]) -> Float64[np.ndarray, " N"]:
    """Root mean square difference of the known coordinates to the nearest centre."""
    chunks = [poses[first : first + CHUNK, None] - centres for first in range(0, len(poses), CHUNK)]
    return np.concatenate([np.zeros(0), *(np.sqrt(np.nanmean(each**2, axis=-1)).min(axis=1) for each in chunks)])
