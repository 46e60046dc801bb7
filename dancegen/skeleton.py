"""Names of joints and bones, and conversions between joint sets.

All of dancegen uses COCO-18 in the order of OpenPose: the 17 joints of COCO and a neck, the midpoint of
the shoulders. An array of joints is `(..., 18, 3)`: x, y and a confidence in [0, 1]. Confidence 0 marks
a missing joint, whose x and y are NaN.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Skeleton:
    """Joint names in storage order, and the bones that connect them."""

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint in the arrays."""
        return self.joints.index(joint)

    def indices(self, *joints: str) -> list[int]:
        """Positions of several joints, in the given order."""
        return [self.index(joint) for joint in joints]

    @cached_property
    def bone_indices(self) -> list[tuple[int, int]]:
        """Bones as pairs of positions."""
        return [(self.index(start), self.index(end)) for start, end in self.bones]

    @cached_property
    def mirror(self) -> list[int]:
        """Permutation of the joints that swaps left and right."""
        swap = {"left": "right", "right": "left"}
        return [self.index("_".join(swap.get(part, part) for part in joint.split("_"))) for joint in self.joints]


COCO18 = Skeleton(
    name="coco18",
    joints=(
        "nose",
        "neck",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "right_hip",
        "right_knee",
        "right_ankle",
        "left_hip",
        "left_knee",
        "left_ankle",
        "right_eye",
        "left_eye",
        "right_ear",
        "left_ear",
    ),
    bones=(
        ("neck", "right_shoulder"),
        ("neck", "left_shoulder"),
        ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"),
        ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
        ("neck", "right_hip"),
        ("right_hip", "right_knee"),
        ("right_knee", "right_ankle"),
        ("neck", "left_hip"),
        ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"),
        ("neck", "nose"),
        ("nose", "right_eye"),
        ("right_eye", "right_ear"),
        ("nose", "left_eye"),
        ("left_eye", "left_ear"),
    ),
)

COCO17_JOINTS = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)

# Index in MediaPipe's 33 landmarks of each joint that COCO has.
MEDIAPIPE33_JOINTS = {
    "nose": 0,
    "left_eye": 2,
    "right_eye": 5,
    "left_ear": 7,
    "right_ear": 8,
    "left_shoulder": 11,
    "right_shoulder": 12,
    "left_elbow": 13,
    "right_elbow": 14,
    "left_wrist": 15,
    "right_wrist": 16,
    "left_hip": 23,
    "right_hip": 24,
    "left_knee": 25,
    "right_knee": 26,
    "left_ankle": 27,
    "right_ankle": 28,
}

SKELETONS = {skeleton.name: skeleton for skeleton in (COCO18,)}


def from_coco17(joints: np.ndarray) -> np.ndarray:
    """COCO-17 joints `(..., 17, 3)` as COCO-18 `(..., 18, 3)`; the neck is the midpoint of the shoulders."""
    return _reorder(joints, {name: position for position, name in enumerate(COCO17_JOINTS)})


def from_mediapipe33(joints: np.ndarray) -> np.ndarray:
    """MediaPipe's 33 landmarks `(..., 33, 3)` as COCO-18 `(..., 18, 3)`."""
    return _reorder(joints, MEDIAPIPE33_JOINTS)


def hide_missing(joints: np.ndarray) -> np.ndarray:
    """A copy in which joints with confidence 0 or without a finite position are (NaN, NaN, 0)."""
    joints = np.array(joints, dtype=np.float32)
    missing = (joints[..., 2] <= 0) | ~np.isfinite(joints).all(axis=-1)
    joints[missing] = (np.nan, np.nan, 0.0)
    return joints


def _reorder(joints: np.ndarray, position: dict[str, int]) -> np.ndarray:
    result = np.empty((*joints.shape[:-2], len(COCO18), 3), dtype=np.float32)
    for index, name in enumerate(COCO18.joints):
        if name != "neck":
            result[..., index, :] = joints[..., position[name], :]
    right, left = (joints[..., position[name], :] for name in ("right_shoulder", "left_shoulder"))
    neck = COCO18.index("neck")
    result[..., neck, :2] = (right[..., :2] + left[..., :2]) / 2
    result[..., neck, 2] = np.minimum(right[..., 2], left[..., 2])
    return hide_missing(result)
