"""2-D kinetic features of a dance, 54 numbers, and the Frechet distance and the diversity of sets of them.

For each of the 18 joints: mean horizontal and mean vertical kinetic energy (squared velocity), and energy expenditure
(mean size of the acceleration), as in the kinetic features of 3-D dances (there 72). In two dimensions the values
differ, hence the names FID_k2 and Div_k2. A missing joint is NaN, in a dance and in its features.

Axes used in shapes:
    T poses    J joints    N, M dances    D features, 3 per joint
"""

import numpy as np
from jaxtyping import Float, Float64

from dancegen.metrics.diversity import mean_distance
from dancegen.metrics.frechet import frechet, standardized


def kinetic_features(pose: Float[np.ndarray, "T J 2"], fps: float) -> Float64[np.ndarray, " D"]:
    """Horizontal energies of all joints, vertical ones, expenditures; NaN without three consecutive poses."""
    pose = np.asarray(pose, dtype=np.float64)
    velocity = (pose[2:] - pose[:-2]) * (fps / 2)
    acceleration = np.linalg.norm(pose[2:] - 2 * pose[1:-1] + pose[:-2], axis=-1) * fps**2
    known = np.isfinite(acceleration) & np.isfinite(velocity).all(axis=-1)
    terms = np.stack([velocity[..., 0] ** 2, velocity[..., 1] ** 2, acceleration])
    count = known.sum(axis=0)
    total = np.where(known, terms, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).ravel()


def fid_k2(real: Float[np.ndarray, "N D"], generated: Float[np.ndarray, "M D"]) -> float:
    """Frechet distance of two sets of kinetic features, in standard deviations of the real ones."""
    return frechet(standardized(real, real), standardized(generated, real))


def div_k2(features: Float[np.ndarray, "M D"], real: Float[np.ndarray, "N D"]) -> float:
    """Mean distance of the dances from each other, in standard deviations of the real ones."""
    return mean_distance(standardized(features, real))
