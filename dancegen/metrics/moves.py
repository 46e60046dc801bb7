"""Compact features of one dance, to compare it with others.

Axes used in shapes:
    T poses    J joints    D kinetic features    P poses kept    C their coordinates    W windows of one second
    K kinematic beats
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from dancegen.metrics import beat, motion_quality
from dancegen.metrics.kinetic import kinetic_features
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


def moves(pose: Float[np.ndarray, "T J 2"], fps: float) -> Moves:
    """Features of a dance in square units."""
    return Moves(
        kinetic=kinetic_features(pose, fps),
        poses=pose[:: max(1, round(POSE_EVERY_S * fps))].reshape(-1, COORDINATES),
        window_speeds=motion_quality.window_speeds(pose, fps),
        beats_s=beat.kinematic_beats(pose, fps),
        speed=motion_quality.mean_change(pose, fps, 1),
        jerk=motion_quality.mean_change(pose, fps, 3),
        foot_skate=motion_quality.foot_skate(pose, fps),
    )
