"""Speed, range and rotation of each joint of a dance, in body heights: how much its arms, hips and legs are used.

Left and right joints count together. A missing joint is NaN and adds nothing; y points down.

Axes used in shapes:
    T poses    J joints
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from dancegen.skeleton import COCO18

RATE = 10.0
"""Poses per second at which dances are measured: speeds depend on it."""
HEAD = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
TALL = 0.9  # quantile of the distances from head to foot that is the body's height: bent poses are shorter
SPAN = (0.05, 0.95)  # quantiles of a coordinate between which its range is measured
BONES = {
    "wrists": ("elbow", "wrist"),
    "elbows": ("shoulder", "elbow"),
    "knees": ("hip", "knee"),
    "ankles": ("knee", "ankle"),
}
"""The bone whose rotation is that of the joint at its end; that of the hips is the trunk."""
JOINTS = ("wrists", "elbows", "hips", "knees", "ankles")
SIDES = ("left", "right")


@dataclass(frozen=True)
class JointMotion:
    """Motion of a pair of joints, means over the dance."""

    speed: float
    """Body heights per second, in the frame."""
    range: float
    """Diagonal of the box that the joint moves in, relative to the middle of the hips; the hips' own in the frame. Body
    heights."""
    rotation: float
    """Angle in the frame that the bone before the joint turns by, in radians per second."""


def joint_motion(pose: Float[np.ndarray, "T J 2"], fps: float) -> dict[str, JointMotion]:
    """Motion of JOINTS, measured at RATE (see `at_rate`)."""
    pose, rate = at_rate(pose, fps)
    height = body_height(pose)
    middle = _of(pose, "left_hip", "right_hip").mean(axis=1)
    return {
        name: JointMotion(
            speed=_speed(_pair(pose, name), rate) / height,
            range=_range(_pair(pose, name) - (0.0 if name == "hips" else middle[:, None])) / height,
            rotation=_rotation(_bones(pose, name, middle), rate),
        )
        for name in JOINTS
    }


def at_rate(pose: Float[np.ndarray, "T J 2"], fps: float) -> tuple[Float64[np.ndarray, "N J 2"], float]:
    """Every n-th pose, and their rate: RATE, or the nearest rate that `fps` is a multiple of."""
    every = max(1, round(fps / RATE))
    return np.asarray(pose, dtype=np.float64)[::every], fps / every


def body_height(pose: Float[np.ndarray, "T J 2"]) -> float:
    """Height of the upright body, from the top of the head's joints to the lower ankle. NaN if either is never seen,
    or the body has no height."""
    top = np.where(np.isfinite(head := _of(pose, *HEAD)[..., 1]), head, np.inf).min(axis=1)
    feet = _of(pose, "left_ankle", "right_ankle")[..., 1]
    low = np.where(np.isfinite(feet), feet, -np.inf).max(axis=1)
    tall = (low - top)[np.isfinite(low - top)]
    height = float(np.quantile(tall, TALL)) if len(tall) else 0.0
    return height if height > 0 else float("nan")


def _of(pose: Float64[np.ndarray, "T J 2"], *joints: str) -> Float64[np.ndarray, "T N 2"]:
    return pose[:, COCO18.indices(*joints)]


def _pair(pose: Float64[np.ndarray, "T J 2"], name: str) -> Float64[np.ndarray, "T 2 2"]:
    joint = name.removesuffix("s")
    return _of(pose, *(f"{side}_{joint}" for side in SIDES))


def _bones(
    pose: Float64[np.ndarray, "T J 2"], name: str, middle: Float64[np.ndarray, "T 2"]
) -> Float64[np.ndarray, "T B 2"]:
    """The bones before a pair of joints."""
    if name == "hips":
        return _of(pose, "neck") - middle[:, None]
    start, end = (_of(pose, *(f"{side}_{joint}" for side in SIDES)) for joint in BONES[name])
    return end - start


def _speed(points: Float64[np.ndarray, "T N 2"], rate: float) -> float:
    return _mean(np.linalg.norm(np.diff(points, axis=0), axis=-1)) * rate


def _range(points: Float64[np.ndarray, "T N 2"]) -> float:
    """Mean over the joints of the diagonal between two quantiles of both coordinates."""
    known = [joint[np.isfinite(joint).all(axis=-1)] for joint in np.moveaxis(points, 1, 0)]
    spans = [np.hypot(*np.diff(np.quantile(joint, SPAN, axis=0), axis=0)[0]) for joint in known if len(joint)]
    return float(np.mean(spans)) if spans else float("nan")


def _rotation(bones: Float64[np.ndarray, "T B 2"], rate: float) -> float:
    """Angle per second; foreshortened bones, whose direction is uncertain, count by their length."""
    directions = np.arctan2(bones[..., 1], bones[..., 0])
    turned = np.abs((np.diff(directions, axis=0) + np.pi) % (2 * np.pi) - np.pi)
    lengths = np.linalg.norm(bones, axis=-1)
    weights = np.minimum(lengths[1:], lengths[:-1])
    known = np.isfinite(turned) & np.isfinite(weights)
    total = weights[known].sum()
    return float((turned[known] * weights[known]).sum() / total * rate) if total > 0 else float("nan")


def _mean(values: Float64[np.ndarray, "S N"]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
