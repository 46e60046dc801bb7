"""true joints -> joints with the errors of a pose estimator: jitter, missing joints, left-right swaps, outliers

A model of OpenPose's errors on videos of one dancer. Rates are per second, independent of the frame rate; magnitudes
are in torsos, independent of the frame size. `level` multiplies both: 0 changes nothing. Deterministic for a seed,
level and joints.

Axes used in shapes:
    T frames    J joints, as in skeleton.COCO18; the last axis is x and y (fractions of the frame) and confidence
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64
from scipy.signal import lfilter

from dancegen.pose.normalize import torso_length
from dancegen.skeleton import COCO18, hide_missing

TREMBLE_TORSOS = {"eye": 0.010, "ear": 0.014, "nose": 0.010, "neck": 0.016, "shoulder": 0.020, "hip": 0.028}
TREMBLE_TORSOS |= {"elbow": 0.024, "knee": 0.026, "wrist": 0.034, "ankle": 0.034}
"""Standard deviation in an easy frame: about proportional to the annotator variance in COCO (its sigmas), but largest
for small and fast joints, wrists and ankles."""
HARD_SPREAD = 0.5  # of the logarithm of a joint's error: some frames are hard (occlusion, cloth), most are not
HARD_S = 0.4  # correlation time of the difficulty
BLUR_TORSOS_A_S = 6.0  # motion blur: at this speed a joint is blurred by its own size, and its error is doubled
SURE = 0.88  # confidence of an easy frame
UNSURE = 0.22  # confidence lost when the error is e times as large
FICKLE = 0.08  # of the confidence: part that is independent of the error
LEAST = 0.05  # OpenPose's threshold: joints of lower confidence are not reported

LOST_A_S = {"wrist": 0.16, "ankle": 0.10, "elbow": 0.06, "knee": 0.05, "ear": 0.10, "eye": 0.04, "nose": 0.03}
LOST_A_S |= {"shoulder": 0.02, "hip": 0.03, "neck": 0.01}
"""Rate of missing joints: highest for small, fast joints at the ends of limbs."""
LOST_S = 0.25  # mean length of a burst: a limb behind the body or out of the light
AWAY = -0.25  # of the maximum shoulder width, left minus right: below, the back is to the camera
FACE_LOST = 0.9  # of the frames in which nose and eyes are hidden; in the others the estimator reports false positives
SWAPS_A_S = 0.12  # per pair of limbs: the part affinity field connects to the other side's limb
SIDEWAYS, SIDEWAYS_TIMES = 0.4, 3.0  # of the maximum shoulder width: swaps are more frequent in side views
SWAP_S = (0.1, 0.5)  # a few frames; a longer swap is not a transient error
WHOLE_LIMB = 0.5  # of swaps include the shoulder or hip
JUMPS_A_S = {"wrist": 0.10, "ankle": 0.07, "elbow": 0.05, "knee": 0.04}
JUMPS_A_S |= dict.fromkeys(("ear", "eye", "nose", "shoulder", "hip", "neck"), 0.015)
"""Rate of outliers: on the background, another limb, or another person."""
JUMP_S = (0.1, 0.4)
JUMP_TORSOS = (0.5, 2.5)
ON_ANOTHER = 0.4  # of outliers are at another joint of the same body
JUMP_SURE = (0.25, 0.65)  # medium confidence: above a threshold that keeps true wrists
NOBODY_A_S = 0.04  # the whole body is not found
NOBODY_S = 0.15

ARM, LEG = ("elbow", "wrist"), ("knee", "ankle")
LIMBS = ((ARM, "shoulder"), (LEG, "hip"))


@dataclass(frozen=True)
class Damage:
    """Joints with errors, and the kind of error per joint and frame."""

    joints: Float32[np.ndarray, "T J 3"]
    lost: Bool[np.ndarray, "T J"]
    """Was known, and is missing."""
    swapped: Bool[np.ndarray, "T J"]
    """Is at the position of the same joint of the other side."""
    jumped: Bool[np.ndarray, "T J"]
    """Is an outlier."""


def corrupt(
    joints: Float[np.ndarray, "T J 3"], fps: float, aspect: float, seed: int, level: float = 1.0
) -> Float32[np.ndarray, "T J 3"]:
    """The joints with errors. `aspect` is width / height of the frame."""
    return damage(joints, fps, aspect, seed, level).joints


def damage(joints: Float[np.ndarray, "T J 3"], fps: float, aspect: float, seed: int, level: float = 1.0) -> Damage:
    """The joints with errors, and the kind of each error. A body without torso, or level 0, is returned unchanged."""
    found = hide_missing(joints)
    nothing = np.zeros(found.shape[:2], dtype=bool)
    torso = torso_length(found, aspect)
    if level <= 0 or not np.isfinite(torso):
        return Damage(found, nothing, nothing, nothing)
    rng = np.random.default_rng([11, seed])
    seen = found[..., 2] > 0
    square = found[..., :2].astype(np.float64) * (aspect, 1.0) / torso  # in torsos
    facing = _facing(square)

    found_at, confidence = _trembling(rng, square, found[..., 2], fps, level)
    jumped = _jumps(rng, square, found_at, confidence, fps, level)
    swapped = _swaps(rng, found_at, confidence, facing, fps, level)
    lost = _losses(rng, facing, found.shape[:2], fps, level)
    missing = ~seen | lost | ~np.isfinite(found_at).all(axis=-1)
    found = np.concatenate([found_at * np.array([torso / aspect, torso]), confidence[..., None]], axis=-1)
    found[missing] = (np.nan, np.nan, 0.0)
    return Damage(found.astype(np.float32), lost & seen, swapped & ~missing, jumped & ~missing)


def _trembling(
    rng: np.random.Generator,
    square: Float64[np.ndarray, "T J 2"],
    confidence: Float[np.ndarray, "T J"],
    fps: float,
    level: float,
) -> tuple[Float64[np.ndarray, "T J 2"], Float64[np.ndarray, "T J"]]:
    """Positions with jitter, larger in hard frames, and confidences that are partly correlated with it."""
    shape = square.shape[:2]
    keeps = np.exp(-1 / (HARD_S * fps))
    fresh = rng.standard_normal(shape) * np.sqrt(1 - keeps**2)
    hard = HARD_SPREAD * np.asarray(lfilter([1.0], [1.0, -keeps], fresh, axis=0))
    blur = np.log1p(np.nan_to_num(_speed(square, fps)) / BLUR_TORSOS_A_S)
    size = np.array(_by_joint(TREMBLE_TORSOS)) * np.exp(hard + blur)
    found = square + level * size[..., None] * rng.standard_normal(square.shape)
    lost = 1 - SURE + UNSURE * (hard + blur) + FICKLE * rng.standard_normal(shape)
    return found, np.where(confidence > 0, np.clip(confidence - min(level, 1.0) * np.maximum(lost, 0), LEAST, 1), 0)


def _jumps(
    rng: np.random.Generator,
    square: Float64[np.ndarray, "T J 2"],
    found: Float64[np.ndarray, "T J 2"],
    confidence: Float64[np.ndarray, "T J"],
    fps: float,
    level: float,
) -> Bool[np.ndarray, "T J"]:
    """Add outliers in place; returns their mask."""
    jumped = np.zeros(confidence.shape, dtype=bool)
    for frames, joint in _bursts(rng, level * np.array(_by_joint(JUMPS_A_S)), confidence.shape, JUMP_S, fps):
        other, angle = rng.integers(1, len(COCO18)), rng.uniform(0, 2 * np.pi)
        offset = rng.uniform(*JUMP_TORSOS) * np.array([np.cos(angle), np.sin(angle)])
        if rng.random() < ON_ANOTHER:
            place = square[frames, (joint + other) % len(COCO18)]
        else:
            place = square[frames.start, joint] + offset  # the background is static
        tremble = 0.02 * rng.standard_normal(found[frames, joint].shape)
        found[frames, joint] = place + tremble
        seen = confidence[frames, joint] > 0
        confidence[frames, joint] = np.where(seen, rng.uniform(*JUMP_SURE, seen.shape), 0)
        jumped[frames, joint] = seen
    return jumped


def _swaps(
    rng: np.random.Generator,
    found: Float64[np.ndarray, "T J 2"],
    confidence: Float64[np.ndarray, "T J"],
    facing: Float64[np.ndarray, " T"],
    fps: float,
    level: float,
) -> Bool[np.ndarray, "T J"]:
    """Swap limbs between sides in place; returns their mask."""
    swapped = np.zeros(confidence.shape, dtype=bool)
    rate = level * SWAPS_A_S * np.where(np.abs(facing) < SIDEWAYS, SIDEWAYS_TIMES, 1.0)[:, None]
    for limb, root in LIMBS:
        for frames, _ in _bursts(rng, rate, (len(facing), 1), SWAP_S, fps):
            names = (*limb, root) if rng.random() < WHOLE_LIMB else limb
            right, left = (COCO18.indices(*(f"{side}_{name}" for name in names)) for side in ("right", "left"))
            for values in (found, confidence):
                values[frames, right + left] = values[frames, left + right]
            swapped[frames, right + left] ^= True
    return swapped


def _losses(
    rng: np.random.Generator, facing: Float64[np.ndarray, " T"], shape: tuple[int, int], fps: float, level: float
) -> Bool[np.ndarray, "T J"]:
    """Mask of joints that are not found, including frames in which the whole body is not found."""
    lost = np.zeros(shape, dtype=bool)
    longest = (1 / fps, 2 * LOST_S - 1 / fps)
    for frames, joint in _bursts(rng, level * np.array(_by_joint(LOST_A_S)), shape, longest, fps):
        lost[frames, joint] = True
    for frames, _ in _bursts(rng, np.array([level * NOBODY_A_S]), (shape[0], 1), (1 / fps, 2 * NOBODY_S), fps):
        lost[frames] = True
    face = COCO18.indices("nose", "right_eye", "left_eye")
    unseen = (facing < AWAY)[:, None] & (rng.random((shape[0], len(face))) < min(1.0, level * FACE_LOST))
    lost[:, face] |= unseen
    return lost


def _bursts(
    rng: np.random.Generator,
    rate_a_s: Float64[np.ndarray, "..."],
    shape: tuple[int, int],
    length_s: tuple[float, float],
    fps: float,
) -> list[tuple[slice, int]]:
    """Sampled intervals of frames, with their columns, at a rate per second, with durations between two limits."""
    begins = rng.random(shape) < rate_a_s / fps
    bursts = []
    for frame, column in np.argwhere(begins).tolist():
        frames = max(1, round(rng.uniform(*length_s) * fps))
        bursts.append((slice(frame, min(frame + frames, shape[0])), column))
    return bursts


def _facing(square: Float64[np.ndarray, "T J 2"]) -> Float64[np.ndarray, " T"]:
    """Shoulder width relative to its maximum: 1 facing the camera, 0 side view (or unknown), -1 facing away."""
    wide = square[:, COCO18.index("left_shoulder"), 0] - square[:, COCO18.index("right_shoulder"), 0]
    known = np.isfinite(wide)
    widest = np.quantile(np.abs(wide[known]), 0.95) if known.any() else 1.0
    return np.nan_to_num(wide / max(float(widest), 1e-9))


def _speed(square: Float64[np.ndarray, "T J 2"], fps: float) -> Float64[np.ndarray, "T J"]:
    """Speed of each joint in torsos per second."""
    if len(square) < 2:
        return np.zeros(square.shape[:2])
    return np.linalg.norm(np.gradient(square, axis=0), axis=-1) * fps


def _by_joint(values: dict[str, float]) -> Sequence[float]:
    """For each joint the value of its kind, equal for left and right."""
    return [values[joint.split("_")[-1]] for joint in COCO18.joints]
