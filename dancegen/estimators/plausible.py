"""joints of a person -> whether they can be a person's, and whether two are the same one.

Estimators trained on people find them in leaves, animals and curtains too; what gives those away is a body of a size
or a proportion that none has.
"""

import numpy as np
from jaxtyping import Float32

from dancegen.skeleton import COCO18

Person = Float32[np.ndarray, "18 3"]

MIN_JOINTS = 6  # seen: a face alone has five
MIN_HEIGHT = 0.06  # of the picture's, of all seen joints: less is a few pixels a limb
MAX_LIMB = 3.5  # lengths of the longest bone in trunk lengths: thighs of tall people foreshortened at the trunk
SAME_WITHIN = 0.12  # of the larger body's size: joints of two finds of one person lie no farther apart, by the median

TRUNK = [(COCO18.index("neck"), COCO18.index(f"{side}_hip")) for side in ("right", "left")]
LIMBS = [
    (COCO18.index(f"{side}_{start}"), COCO18.index(f"{side}_{end}"))
    for side in ("right", "left")
    for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
]


def is_plausible(person: Person, aspect: float) -> bool:
    """Whether the joints can be a person's. `aspect` is the picture's width / height."""
    seen = person[:, 2] > 0
    if seen.sum() < MIN_JOINTS:
        return False
    places = person[:, :2] * (aspect, 1.0)
    if np.ptp(places[seen], axis=0).max() < MIN_HEIGHT:
        return False
    trunk, limbs = (_lengths(places, bones) for bones in (TRUNK, LIMBS))
    return trunk.size == 0 or limbs.size == 0 or bool(limbs.max() <= MAX_LIMB * trunk.max())


def alike(one: Person, other: Person, aspect: float) -> bool:
    """Whether both are finds of the same person."""
    both = (one[:, 2] > 0) & (other[:, 2] > 0)
    if not both.any():
        return False
    size = max(np.ptp(person[person[:, 2] > 0, :2] * (aspect, 1.0), axis=0).max() for person in (one, other))
    away = np.linalg.norm((one[both, :2] - other[both, :2]) * (aspect, 1.0), axis=1)
    return bool(np.median(away) < SAME_WITHIN * size)


def _lengths(places: np.ndarray, bones: list[tuple[int, int]]) -> np.ndarray:
    lengths = np.array([np.linalg.norm(places[start] - places[end]) for start, end in bones])
    return lengths[np.isfinite(lengths)]
