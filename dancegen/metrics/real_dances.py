"""What real dancers measure: the range of each measure over recordings, so that a dance can be judged without them.

The recordings are 2-D keypoints of AIST++ (Li et al., "AI Choreographer", ICCV 2021; annotations CC BY 4.0), one camera
each, in body heights and at 10 poses per second (`joint_motion.RATE`). Ranges are over nine of them: gHO_sFM_d19 (two
dancers), gKR_sFM_d28 (three), gMH_sFM_d22 (two), gBR_sBM_d06 and gJS_sFM_d02, 291 s of house, krump, middle hip-hop,
break and street jazz. The tenth, gJS_sBM_d03, is a basic jazz routine of ten seconds, the calmest of all.
"""

from typing import NamedTuple

from dancegen.metrics.joint_motion import JOINTS

SOURCE = "nine recordings of AIST++ (Li et al., ICCV 2021; annotations CC BY 4.0)"


class Range(NamedTuple):
    """Lowest and highest value of a recording."""

    low: float
    high: float


def _of_joints(low: tuple[float, ...], high: tuple[float, ...]) -> dict[str, Range]:
    return {joint: Range(*ends) for joint, *ends in zip(JOINTS, low, high, strict=True)}


SPEED = _of_joints((0.84, 0.59, 0.27, 0.30, 0.32), (1.72, 0.93, 0.70, 0.74, 0.94))
"""Body heights per second (`joint_motion`)."""
RANGE = _of_joints((0.51, 0.40, 0.34, 0.23, 0.31), (0.90, 0.57, 1.03, 0.38, 0.62))
"""Body heights."""
ROTATION = _of_joints((3.35, 2.07, 0.29, 0.70, 0.99), (7.58, 3.83, 0.71, 1.68, 3.06))
"""Radians per second."""
CALMEST = {
    "speed": (0.31, 0.20, 0.16, 0.19, 0.17),
    "range": (0.40, 0.16, 0.18, 0.19, 0.41),
    "rotation": (1.19, 0.59, 0.11, 0.38, 0.50),
}
"""The same of the calmest of the ten, in the order of JOINTS."""

SLOW = 0.234
"""Mean joint speed of the slowest twentieth of all windows of one second in the ten, in body heights per second."""
FREEZE_SHARE = Range(0.0, 0.36)
"""Share of such windows in one recording (`motion_quality.freeze_share`)."""
JERK = Range(21.5, 119.3)
"""Body heights per second^3; the lower end is that of the calmest of the ten."""
FOOT_SKATE = Range(0.33, 2.09)
"""Torsos per second. Feet that turn or move towards the camera while they stand count as skating."""
SLIDE_SHARE = Range(0.05, 0.18)
"""Share of the ankles' path that is made on the floor (`motion_quality.slide_share`)."""
LOOP_SHARE = Range(0.0, 0.13)
"""`repetition.loop_share` of phrases of eight bars; basic routines (sBM), which repeat one move, are left out."""
STRETCHED_SHARE = Range(0.0156, 0.0398)
"""`motion_quality.stretched_share`: keypoints that the estimator of AIST++ lost for a moment."""
