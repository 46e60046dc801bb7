"""joints on disk -> normalized input of the model, and back to pixels.

Joints on disk are fractions of the frame. The model's input has one of two normalizations, both about [-1, 1] with
y down:

`camera`  as published: the frame's centre is 0 and its edges are at distance 1. It leaks the dancer's size and the
          camera position.
`body`    isotropic units around the body: the origin is the mid-hip, the unit is four torso lengths, both medians over
          the clip. One origin and one unit for the whole clip, so the dancer's path across the floor is kept.

Axes used in shapes:
    T frames    J joints
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32

from dancegen.skeleton import COCO18

TORSOS_A_UNIT = 4.0
SMALLEST_TORSO = 0.02  # of the frame's height: a foreshortened torso is not used as unit

FLOOR_QUANTILE = 0.9  # of an ankle's heights is its floor: feet in front of each other have separate floors
FLOOR_TORSOS = 0.08  # an ankle that is nearer to its floor is in contact (a torso is about half a metre)

STANDING_SHARE = 0.72  # of the frame's height: height of a standing dancer
MARGIN_SHARE = 0.06  # of the frame's height and width: margin around the dance
FEET_SHARE = 0.92  # of the frame's height: position of the feet
CAMERA_ASPECT = 640 / 360  # of the frames in the published corpus

Pose = Float32[np.ndarray, "T J 2"]
Mask = Float32[np.ndarray, "T J"]


def camera(joints: Float[np.ndarray, "T J 3"], aspect: float) -> tuple[Pose, Mask]:
    """Frame coordinates from -1 to 1; a missing joint is at (-1, -1), as published."""
    del aspect  # the published data are fractions
    pose, mask = joints[..., :2] * 2 - 1, _mask(joints)
    return np.where((mask > 0)[..., None], pose, -1.0).astype(np.float32), mask


def body(joints: Float[np.ndarray, "T J 3"], aspect: float) -> tuple[Pose, Mask]:
    """Body coordinates; a missing joint is at (0, 0)."""
    mask = _mask(joints)
    square = np.where((mask > 0)[..., None], joints[..., :2], np.nan) * (aspect, 1.0)
    origin, unit = _origin_and_unit(square)
    return np.nan_to_num((square - origin) / unit).astype(np.float32), mask


# name -> joints (T, J, 3) as fractions, width / height of the frame -> pose (T, J, 2) and confidences (T, J)
Normalize = Callable[[Float[np.ndarray, "T J 3"], float], tuple[Pose, Mask]]
NORMALIZATIONS: dict[str, Normalize] = {
    "body": body,
    "camera": camera,
}


def torso_length(joints: Float[np.ndarray, "T J 3"], aspect: float) -> float:
    """Median distance from neck to mid-hip, in frame heights. NaN when never found."""
    square = joints[..., :2] * (aspect, 1.0)
    hips = square[:, COCO18.indices("right_hip", "left_hip")].mean(axis=1)
    lengths = np.linalg.norm(square[:, COCO18.index("neck")] - hips, axis=-1)
    lengths = lengths[np.isfinite(lengths) & (lengths > 0)]
    return float(np.median(lengths)) if len(lengths) else float("nan")


def square(pose: Float[np.ndarray, "T J 2"], normalization: str) -> Float[np.ndarray, "T J 2"]:
    """A generated dance in isotropic units, for `place_in_frame`: `camera` scales x and y differently."""
    return pose * (CAMERA_ASPECT, 1.0) if normalization == "camera" else pose


def place_in_frame(pose: Float[np.ndarray, "T J 2"], width_px: int, height_px: int) -> Float32[np.ndarray, "T J 3"]:
    """The dance in pixels of a frame, with confidence 1: one scale and one offset for the whole dance.

    The standing dancer has about 72 % of the frame's height, with the feet near the lower edge and the dance centred
    horizontally; less if the dance would not fit. NaN coordinates stay NaN, with confidence 0.
    """
    pose = np.asarray(pose, dtype=np.float64)
    (left, top), (right, bottom) = _extent(pose)
    scale = STANDING_SHARE * height_px / _standing_height(pose)
    scale = min(
        scale,
        (1 - 2 * MARGIN_SHARE) * width_px / max(right - left, 1e-6),
        (FEET_SHARE - MARGIN_SHARE) * height_px / max(bottom - top, 1e-6),
    )
    offset = (width_px / 2 - scale * (left + right) / 2, FEET_SHARE * height_px - scale * bottom)
    missing = np.asarray(np.isnan(pose).any(axis=-1))
    placed = np.concatenate([pose * scale + offset, ~missing[..., None]], axis=-1).astype(np.float32)
    placed[missing, :2] = np.nan
    return placed


def _mask(joints: Float[np.ndarray, "T J 3"]) -> Mask:
    there = np.asarray(np.isfinite(joints).all(axis=-1))
    return np.where(there, np.clip(joints[..., 2], 0, 1), 0).astype(np.float32)


def _origin_and_unit(square: Float[np.ndarray, "T J 2"]) -> tuple[Float[np.ndarray, "2"], float]:
    """Median mid-hip, and four median torso lengths; estimated from other joints when these are missing."""
    right, left, neck = COCO18.indices("right_hip", "left_hip", "neck")
    hips = (square[:, right] + square[:, left]) / 2
    torso = np.linalg.norm(square[:, neck] - hips, axis=-1)
    seen = square[np.isfinite(square).all(axis=-1)]
    if not len(seen):
        return np.zeros(2), 1.0
    origin = np.nanmedian(hips, axis=0) if np.isfinite(hips).any() else np.median(seen, axis=0)
    # a body is about three and a half torsos tall
    length = np.nanmedian(torso) if np.isfinite(torso).any() else np.ptp(seen[:, 1]) / 3.5
    return origin, TORSOS_A_UNIT * max(float(length), SMALLEST_TORSO)


def _extent(pose: Float[np.ndarray, "T J 2"]) -> Float[np.ndarray, "2 2"]:
    """Corners of the bounding box of the whole dance."""
    seen = pose[np.isfinite(pose).all(axis=-1)]
    return np.array([seen.min(axis=0), seen.max(axis=0)]) if len(seen) else np.array([[-0.5, -1.0], [0.5, 0.5]])


def _standing_height(pose: Float[np.ndarray, "T J 2"]) -> float:
    """Height from eyes to ankles of the upright dancer: a high quantile over the dance, always positive."""
    eyes = pose[:, COCO18.indices("right_eye", "left_eye"), 1]
    ankles = pose[:, COCO18.indices("right_ankle", "left_ankle"), 1]
    tall = (ankles[:, :, None] - eyes[:, None, :]).ravel()
    tall = tall[np.isfinite(tall)]
    return max(float(np.quantile(tall, 0.9)), 0.2) if len(tall) else 1.0
