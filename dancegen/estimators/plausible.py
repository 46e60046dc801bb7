"""joints of a person -> whether they are plausible for a human body, and whether two detections are the same person.

Estimators also detect people in leaves, animals and curtains; such false positives have implausible sizes or
proportions.
"""

import numpy as np
from jaxtyping import Float32

from dancegen.skeleton import COCO18

Person = Float32[np.ndarray, "18 3"]

MIN_JOINTS = 6  # found: a face alone has five
MIN_HEIGHT = 0.06  # of the frame's, of all joints found: below, a limb has a few pixels
MAX_LIMB = 3.5  # lengths of the longest bone in trunk lengths: thighs of tall people foreshortened at the trunk
SAME_WITHIN = 0.12  # of the larger body's size: median distance of the joints of two detections of one person

TRUNK = [(COCO18.index("neck"), COCO18.index(f"{side}_hip")) for side in ("right", "left")]
LIMBS = [
    (COCO18.index(f"{side}_{start}"), COCO18.index(f"{side}_{end}"))
    for side in ("right", "left")
    for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
]


def is_plausible(person: Person, aspect: float) -> bool:
    """Whether the joints are plausible for a human body. `aspect` is the frame's width / height."""
    seen = person[:, 2] > 0
    if seen.sum() < MIN_JOINTS:
        return False
    places = person[:, :2] * (aspect, 1.0)
    if np.ptp(places[seen], axis=0).max() < MIN_HEIGHT:
        return False
    trunk, limbs = (_lengths(places, bones) for bones in (TRUNK, LIMBS))
    return trunk.size == 0 or limbs.size == 0 or bool(limbs.max() <= MAX_LIMB * trunk.max())


def alike(one: Person, other: Person, aspect: float) -> bool:
    """Whether both are detections of the same person."""
    both = (one[:, 2] > 0) & (other[:, 2] > 0)
    if not both.any():
        return False
    size = max(np.ptp(person[person[:, 2] > 0, :2] * (aspect, 1.0), axis=0).max() for person in (one, other))
    away = np.linalg.norm((one[both, :2] - other[both, :2]) * (aspect, 1.0), axis=1)
    return bool(np.median(away) < SAME_WITHIN * size)


def _lengths(places: np.ndarray, bones: list[tuple[int, int]]) -> np.ndarray:
    lengths = np.array([np.linalg.norm(places[start] - places[end]) for start, end in bones])
    return lengths[np.isfinite(lengths)]
