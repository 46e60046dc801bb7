"""Agreement of the poses in generated frames with the poses that drove the generator.

The estimator runs anew on each segment: it follows a person over time, and a segment must not inherit the pose of the
one before. The same on real footage is the floor, as the driving poses are estimates too.

Axes used in shapes:
    N frames    J joints, as in skeleton.COCO18    H rows    W columns
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from dancegen.estimators.base import Estimator, People, VideoPart
from dancegen.media.video import VideoInfo
from dancegen.metrics.pose_accuracy import distances
from dancegen.pose.normalize import torso_length

WITHIN_TORSOS = (0.1, 0.2)


@dataclass(frozen=True)
class PoseConsistency:
    """Counts of one segment. They are summed over segments before they are divided."""

    joints: int
    """Driving joints; 0 if the length of the torso is unknown in all frames."""
    within: tuple[int, int]
    """Of these, the joints that were found within 0.1 and 0.2 torsos. A missing joint is wrong."""
    frames: int
    """Frames with a driving pose."""
    detected: int
    """Of these, the frames in which the estimator found somebody."""


def pose_consistency(
    estimator: Estimator,
    name: str,
    pictures: UInt8[np.ndarray, "N H W 3"],
    joints: Float32[np.ndarray, "N J 3"],
    fps: float,
) -> PoseConsistency:
    """Estimates the poses in a segment and compares them with the driving joints (fractions of the picture).

    With several people in a frame, the one nearest to the driving pose counts. `name` names the segment in errors.
    """
    height_px, width_px = pictures.shape[1:3]
    info = VideoInfo(width_px, height_px, fps, len(pictures) / fps, has_audio=False)
    people = estimator(VideoPart(name, info, fps, 0, len(pictures)), iter(pictures))
    found = np.stack([_nearest(each, driving) for each, driving in zip(people, joints, strict=True)])
    return compare(found, joints, width_px / height_px)


def compare(
    found: Float32[np.ndarray, "N J 3"], driving: Float32[np.ndarray, "N J 3"], aspect: float
) -> PoseConsistency:
    """The counts of estimated joints against driving ones; `aspect` is the picture's width / height."""
    known = (driving[..., 2] > 0) & np.isfinite(driving[..., :2]).all(axis=-1)
    measurable = known if np.isfinite(torso_length(driving, aspect)) else np.zeros_like(known)
    apart = distances(found, driving, aspect)[measurable]
    tenth, fifth = (int((apart <= within).sum()) for within in WITHIN_TORSOS)
    posed = known.any(axis=1)
    detected = (found[..., 2] > 0).any(axis=1) & posed
    return PoseConsistency(int(measurable.sum()), (tenth, fifth), int(posed.sum()), int(detected.sum()))


def _nearest(people: People, driving: Float32[np.ndarray, "J 3"]) -> Float32[np.ndarray, "J 3"]:
    if not len(people):
        missing = np.full_like(driving, np.nan)
        missing[:, 2] = 0
        return missing
    both = (people[..., 2] > 0) & (driving[:, 2] > 0)
    apart = np.where(both, np.linalg.norm(people[..., :2] - driving[:, :2], axis=-1), 0.0).sum(axis=1)
    mean = apart / np.maximum(both.sum(axis=1), 1)
    return people[int(np.where(both.any(axis=1), mean, np.inf).argmin())]
