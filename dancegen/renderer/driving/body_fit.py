"""A dance of any body -> the same dance of a person's body, standing on the floor of the person's footage.

Lengths are measured in crop heights, with x scaled by the crop's aspect. The size of a bone or of the torso is the
90th percentile over all frames: shorter ones are foreshortened.

Axes used in shapes:
    N, T frames    the 18 joints and 17 bones are those of skeleton.COCO18
    the last axis of joints is x and y (fractions of the crop, y down) and confidence; of `places`, x and y
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from dancegen.skeleton import COCO18, hide_missing

SIZE_QUANTILE = 0.9
FLOOR_TORSOS = 0.03  # half the height of the band in which ankles on the floor lie
CONTACT_LEGS = 0.08  # of the leg: an ankle that is less above the floor is in contact with it
MARGIN = 0.02  # of the crop's width, kept free on both sides
CLAMP_S = 1.0  # time constant of the horizontal shift

NECK = COCO18.index("neck")
HIPS = COCO18.indices("right_hip", "left_hip")
ANKLES = COCO18.indices("right_ankle", "left_ankle")
STARTS, ENDS = (list(joints) for joints in zip(*COCO18.bone_indices, strict=True))
LEG_BONES = [number for number, (_, end) in enumerate(COCO18.bones) if end.endswith("_knee") or end.endswith("_ankle")]

Joints = Float32[np.ndarray, "T 18 3"]
Places = Float64[np.ndarray, "T 18 2"]


@dataclass(frozen=True)
class Body:
    """Proportions of a person, and where the floor is in the crop of the footage."""

    bones: Float32[np.ndarray, " 17"]
    """Lengths of the bones in torsos; NaN for a bone that was never found."""
    torso: float
    """Distance from neck to mid-hip, in crop heights."""
    floor_y: float
    """Height of the ankles of a standing person, as a fraction of the crop's height from the top."""
    aspect: float
    """Width / height of the crop."""


def measure(joints: Float[np.ndarray, "N 18 3"], aspect: float) -> Body:
    """The body of one person in footage from a fixed camera. `aspect` is width / height of the crop.

    Torso and floor are NaN when hips and neck, or the ankles, are never found.
    """
    places = _places(hide_missing(joints), aspect)
    torso = _torso(places)
    bones = _size(_lengths(places)) / torso
    floor_y = floor_line(places[:, ANKLES, 1].ravel(), FLOOR_TORSOS * torso)
    return Body(bones.astype(np.float32), torso, floor_y, aspect)


def fit(joints: Float[np.ndarray, "T 18 3"], body: Body, fps: float) -> Joints:
    """The dance with the bones of `body`, on its floor and inside its crop. Missing joints stay missing.

    `joints` are fractions of a crop of the same aspect, at any size. The path of the mid-hip is scaled by the ratio of
    the leg lengths about the floor line; bones keep their directions and their foreshortening. The lowest ankle in
    contact with the floor is moved onto it; between contacts, as in a jump, the shift is interpolated. Horizontally the
    whole dance is shifted into the crop, or, when it is too wide, follows a shift that changes slowly.
    """
    found = hide_missing(joints)
    seen = found[..., 2] > 0
    if not seen.any():
        return found
    places = _places(_median_of_3(found), body.aspect)
    own = _size(_lengths(places))
    target = _target_sizes(own, body, places)
    legs = _leg(target) / _leg(own)
    own_floor = floor_line(places[:, ANKLES, 1].ravel(), FLOOR_TORSOS * _leg(own))
    places = _filled(places)

    fitted = _with_bones(places, own, target)
    middle = np.array([body.aspect / 2, body.floor_y])
    root = middle + legs * (places[:, HIPS].mean(axis=1) - (body.aspect / 2, own_floor))
    fitted += (root - fitted[:, HIPS].mean(axis=1))[:, None]
    contact = places[:, ANKLES, 1].max(axis=1) > own_floor - CONTACT_LEGS * _leg(own)
    fitted[..., 1] += _onto_floor(fitted[:, ANKLES, 1].max(axis=1), contact, body.floor_y)[:, None]
    fitted[..., 0] += _into_crop(np.where(seen, fitted[..., 0], np.nan), body.aspect, fps)[:, None]

    result = np.concatenate([fitted / (body.aspect, 1.0), found[..., 2:]], axis=-1).astype(np.float32)
    result[~seen] = (np.nan, np.nan, 0.0)
    return result


def floor_line(ankles_y: Float[np.ndarray, " N"], tolerance: float) -> float:
    """The height at which most ankles are: the mean of the largest set within `tolerance` of one of them.

    NaN when no ankle is known. RANSAC for a horizontal line (Fischler & Bolles 1981), with every sample tried.
    """
    known = np.sort(ankles_y[np.isfinite(ankles_y)])
    if not len(known):
        return float("nan")
    first = np.searchsorted(known, known - tolerance, side="left")
    after = np.searchsorted(known, known + tolerance, side="right")
    best = int(np.argmax(after - first))
    return float(known[first[best] : after[best]].mean())


def _target_sizes(own: Float64[np.ndarray, " 17"], body: Body, places: Places) -> Float64[np.ndarray, " 17"]:
    """Sizes of the target's bones; a bone that was never found in the footage is scaled like the torso."""
    target = body.bones.astype(np.float64) * body.torso
    return np.where(np.isfinite(target), target, own * body.torso / _torso(places))


def _with_bones(places: Places, own: Float64[np.ndarray, " 17"], target: Float64[np.ndarray, " 17"]) -> Places:
    """The pose of each frame, with the neck at the origin and every bone resized.

    Foreshortening has no lower limit: a bone that turns through the line of sight would jump from side to side.
    """
    result = np.zeros_like(places)
    for start, end, own_size, size in zip(STARTS, ENDS, own, target, strict=True):
        bone = places[:, end] - places[:, start]
        length = np.linalg.norm(bone, axis=-1, keepdims=True)
        known = np.isfinite(own_size) and own_size > 0
        factor = size / np.maximum(length, own_size) if known else 1.0  # size x foreshortening / length
        result[:, end] = result[:, start] + factor * bone
    return result


def _onto_floor(
    lowest_y: Float64[np.ndarray, " T"], contact: Bool[np.ndarray, " T"], floor_y: float
) -> Float64[np.ndarray, " T"]:
    """The vertical shift that puts the lowest ankle onto the floor wherever it is in contact."""
    frames = np.arange(len(lowest_y))
    return np.interp(frames, frames[contact], floor_y - lowest_y[contact]) if contact.any() else np.zeros(len(lowest_y))


def _into_crop(x: Float64[np.ndarray, "T 18"], aspect: float, fps: float) -> Float64[np.ndarray, " T"]:
    """The horizontal shift into the crop: constant if the dance fits, otherwise low-pass filtered."""
    left = np.nan_to_num(np.nanmin(x, axis=1, initial=np.inf), posinf=aspect / 2)
    right = np.nan_to_num(np.nanmax(x, axis=1, initial=-np.inf), neginf=aspect / 2)
    least, most = MARGIN * aspect - left, (1 - MARGIN) * aspect - right
    if least.max() <= most.min():
        return np.full(len(x), np.clip(0.0, least.max(), most.min()))
    return _envelope(least, fps) - _envelope(-most, fps)


def _envelope(needed: Float64[np.ndarray, " T"], fps: float) -> Float64[np.ndarray, " T"]:
    """A smooth curve that is nowhere below `needed` or 0: the mean of maxima over the same window."""
    window = 2 * round(CLAMP_S * fps) + 1
    highest = maximum_filter1d(np.maximum(needed, 0.0), window, mode="nearest")
    return uniform_filter1d(highest, window, mode="nearest")


def _median_of_3(joints: Joints) -> Joints:
    """Each position replaced by the median over its frame and its neighbours, where all three are known."""
    result = joints.copy()
    if len(joints) >= 3:
        middle = np.median(np.stack([joints[:-2, :, :2], joints[1:-1, :, :2], joints[2:, :, :2]]), axis=0)
        result[1:-1, :, :2] = np.where(np.isfinite(middle), middle, joints[1:-1, :, :2])
    return result


def _filled(places: Places) -> Places:
    """Missing joints interpolated over time, so that they carry those beyond them; one never found is at the neck."""
    result = places.copy()
    frames = np.arange(len(places))
    for joint in [NECK, *(joint for joint in range(len(COCO18)) if joint != NECK)]:
        known = np.isfinite(places[:, joint, 0])
        for axis in (0, 1):
            if known.any():
                result[:, joint, axis] = np.interp(frames, frames[known], places[known, joint, axis])
            else:
                result[:, joint, axis] = 0.0 if joint == NECK else result[:, NECK, axis]
    return result


def _places(joints: Joints, aspect: float) -> Places:
    return joints[..., :2].astype(np.float64) * (aspect, 1.0)


def _lengths(places: Places) -> Float64[np.ndarray, "T 17"]:
    return np.linalg.norm(places[:, ENDS] - places[:, STARTS], axis=-1)


def _size(lengths: Float64[np.ndarray, "T K"]) -> Float64[np.ndarray, " K"]:
    """The high quantile of each column's known lengths; NaN if none is known. It is one of the lengths, so that it
    stays the same when longer ones are cut to it."""
    columns = (column[np.isfinite(column)] for column in lengths.T)
    return np.array([np.quantile(one, SIZE_QUANTILE, method="higher") if len(one) else np.nan for one in columns])


def _torso(places: Places) -> float:
    """Size of the distance from neck to mid-hip."""
    return float(_size(np.linalg.norm(places[:, NECK] - places[:, HIPS].mean(axis=1), axis=-1)[:, None])[0])


def _leg(sizes: Float64[np.ndarray, " 17"]) -> float:
    """Length of a leg: the mean of both sides."""
    return float(np.nansum(sizes[LEG_BONES])) / 2
