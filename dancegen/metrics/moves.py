"""Compact features of one dance, to compare it with others.

Axes used in shapes:
    T poses    J joints    D kinetic features    P poses kept    C their coordinates    W windows of one second
    K, L kinematic beats    G pairs of joints
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from dancegen.metrics import motion_quality
from dancegen.metrics.joint_motion import JOINTS, joint_motion
from dancegen.metrics.kinetic import kinetic_features
from dancegen.metrics.published import published_beats
from dancegen.pose.kinematic_beats import kinematic_beats
from dancegen.skeleton import COCO18

POSE_EVERY_S = 0.5  # poses closer in time are similar
COORDINATES = 2 * len(COCO18)


@dataclass(frozen=True)
class Moves:
    """Features of one dance. A missing joint is NaN, in the dance and in its features."""

    kinetic: Float64[np.ndarray, " D"]
    poses: Float64[np.ndarray, "P C"]
    window_speeds: Float64[np.ndarray, " W"]
    beats_s: Float64[np.ndarray, " K"]
    speed: float
    jerk: float
    foot_skate: float
    slide_share: float
    joint_speeds: Float64[np.ndarray, " G"]
    """Of joint_motion.JOINTS, in body heights per second."""
    published_beats_s: Float64[np.ndarray, " L"] | None = None
    """Kinematic beats of the published protocol; None unless it is wanted."""


def moves(pose: Float[np.ndarray, "T J 2"], fps: float, published: bool = False) -> Moves:
    """Features of a dance in square units; `published` adds those of the published protocol."""
    joints = joint_motion(pose, fps)
    return Moves(
        kinetic=kinetic_features(pose, fps),
        poses=pose[:: max(1, round(POSE_EVERY_S * fps))].reshape(-1, COORDINATES),
        window_speeds=motion_quality.window_speeds(pose, fps),
        beats_s=kinematic_beats(pose, fps),
        speed=motion_quality.mean_change(pose, fps, 1),
        jerk=motion_quality.mean_change(pose, fps, 3),
        foot_skate=motion_quality.foot_skate(pose, fps),
        slide_share=motion_quality.slide_share(pose),
        joint_speeds=np.array([joints[name].speed for name in JOINTS]),
        published_beats_s=published_beats(pose, fps) if published else None,
    )
