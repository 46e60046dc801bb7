"""Joints -> masks of the person: capsules around the bones, with head, hands and feet.

Axes used in shapes:
    J joints    H rows    W columns
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float

from dancegen.skeleton import COCO18

HEAD = COCO18.indices("nose", "right_eye", "left_eye", "right_ear", "left_ear")
HEAD_RADIUS = 0.1  # beyond the limbs' radius, of the torso
HAND = 0.45  # length of a hand / length of the forearm
FOOT, BELOW = 1.4, 0.5  # of the limbs' radius: that of a foot, and the distance of its centre below the ankle
TRUNK = COCO18.indices("right_shoulder", "left_shoulder", "left_hip", "right_hip")
TRUNK_SHARE = 0.7  # of the outline of shoulders and hips: the waist is narrower
FOREARMS = [COCO18.indices(f"{side}_elbow", f"{side}_wrist") for side in ("right", "left")]
ANKLES = COCO18.indices("right_ankle", "left_ankle")


def person_region(
    joints_px: Float[np.ndarray, "J 3"], torso_px: float, radius: float, height_px: int, width_px: int
) -> Bool[np.ndarray, "H W"]:
    """Pixels within `radius` (a multiple of the torso's length) of the person's bones, trunk, head, hands and feet.

    Missing joints and their bones leave no pixel.
    """
    mask = np.zeros((height_px, width_px), np.uint8)
    seen = (joints_px[:, 2] > 0) & np.isfinite(joints_px).all(axis=1)
    places = np.where(seen[:, None], joints_px[:, :2], 0.0)
    width = max(1, round(2 * radius * torso_px))
    for start, end in COCO18.bone_indices:
        if seen[start] and seen[end]:
            _line(mask, places[start], places[end], width)
    for elbow, wrist in FOREARMS:
        if seen[elbow] and seen[wrist]:
            _line(mask, places[wrist], places[wrist] + HAND * (places[wrist] - places[elbow]), width)
    for ankle in ANKLES:
        if seen[ankle]:
            _disc(mask, places[ankle] + (0, BELOW * radius * torso_px), FOOT * radius * torso_px)
    if seen[TRUNK].all():
        centre = places[TRUNK].mean(axis=0)
        outline = np.rint(centre + TRUNK_SHARE * (places[TRUNK] - centre)).astype(np.int32)
        cv2.fillPoly(mask, [outline], 1)
        cv2.polylines(mask, [outline], True, 1, width)
    if seen[HEAD].any():
        head = places[HEAD][seen[HEAD]].mean(axis=0)
        _disc(mask, head - (0, HEAD_RADIUS * torso_px), (HEAD_RADIUS + radius) * torso_px)
    return mask.astype(bool)


def _line(mask: np.ndarray, start: np.ndarray, end: np.ndarray, width: int) -> None:
    cv2.line(mask, _point(start), _point(end), 1, width)


def _disc(mask: np.ndarray, centre: np.ndarray, radius: float) -> None:
    cv2.circle(mask, _point(centre), max(1, round(radius)), 1, -1)


def _point(place: np.ndarray) -> tuple[int, int]:
    x, y = np.rint(np.clip(place, -1e4, 1e4)).astype(int).tolist()
    return x, y
