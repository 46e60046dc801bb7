"""tracked joints -> repaired joints, and a mark for each of them

The input is one unbroken run of one dancer. Left-right swaps of limbs are corrected (`_sides`), outliers are dropped
(`_believable`), short gaps are interpolated and jitter is smoothed (`_most_likely`). Lengths are in torsos of this
dancer, times in seconds. All filters are non-causal (zero phase), so that nothing is delayed.

Axes used in shapes:
    T frames    J joints, as in skeleton.COCO18    L previous frames considered    N frames of a chunk
    the last axis of joints is x and y (fractions of the frame) and confidence; of `places`, x and y in torsos
"""

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, UInt8
from scipy.linalg import solveh_banded

from dancegen.pose.normalize import torso_length
from dancegen.skeleton import COCO18, hide_missing

FILLED_CONFIDENCE = 0.1  # a filled joint has a low weight wherever confidence is a weight
BODY_HEIGHTS = 4.0  # torsos from the lowest to the highest joint, used when the torso is never found

SWAPPED_A_S = 0.3  # torsos per second: cost of the swapped state, so that sides stay as tracked by default
SWITCH_PRICE = 0.3  # torsos of motion that a change of sides must save
STEP_CAP = 1.0  # torsos: limits the influence of outliers on the sides
STRETCH = 1.15  # of the 90th percentile of a bone's lengths: a longer bone is too long
STRETCH_A_S = 20.0  # torsos per second: cost of a bone that is one torso too long

FOUND = 0.2  # of a frame with confidence 1: value of a found joint of any confidence
EASY = 0.1
EASY_A_S = {"wrist": 11.0, "ankle": 8.0, "elbow": 6.0, "knee": 6.0}
EASY_A_S |= dict.fromkeys(("ear", "eye", "nose", "shoulder", "hip", "neck"), 4.0)
"""Displacement at which a move costs as much as one confident frame is worth: EASY torsos of jitter, plus a speed in
torsos per second. The cost is quadratic. A wrist in K-pop moves up to 1.5 torsos in 0.1 s, in break dance rarely 2."""
MOVE_CAP_S = 0.25  # maximum cost of a move, in confident seconds: a joint that stays longer elsewhere is accepted
LOOK_BACK_S = 0.8  # after a longer absence any position can be reached
TOO_LONG_PRICE = 0.5  # of a confident frame: cost if all bones of a joint are too long

NOISE_TORSOS = 0.025  # jitter of a joint of usual confidence
USUAL_CONFIDENCE, TRUST = 0.85, 0.3  # loss of confidence that increases the jitter by the factor e
UNSEEN = 1e-3  # weight of the linear interpolation in a gap, which keeps the equations solvable
CHUNK, OVERLAP = 1000, 60  # frames of a run that are solved at once, and frames of context on each side
PUSH_TORSOS = {"wrist": 0.16, "elbow": 0.10, "ankle": 0.08, "knee": 0.06, "neck": 0.06}
PUSH_TORSOS |= {"shoulder": 0.03, "hip": 0.03, "nose": 0.03, "ear": 0.02, "eye": 0.015}
"""Process noise: second difference of a bone's far end relative to its near end, at 10 frames per second."""
PUSH_FPS = 10.0


LIMBS = ((("shoulder",), None), (("hip",), None), (("elbow", "wrist"), "shoulder"), (("knee", "ankle"), "hip"))
"""Joints that are swapped together, and the joint of the trunk that they are attached to."""


class Mark(IntEnum):
    """State of a joint in a frame after the repair."""

    SEEN = 0
    MISSING = 1
    FILLED = 2
    """Was missing and is interpolated."""
    REPLACED = 3
    """Was an outlier or swapped, and is corrected."""


@dataclass(frozen=True)
class Cleaned:
    """Repaired joints; missing ones are NaN with confidence 0, filled ones have FILLED_CONFIDENCE."""

    joints: Float32[np.ndarray, "T J 3"]
    marks: UInt8[np.ndarray, "T J"]


def clean(joints: Float[np.ndarray, "T J 3"], fps: float, aspect: float, max_gap_s: float, smoothing: float) -> Cleaned:
    """Repair one unbroken run of one dancer. `aspect` is width / height of the frame.

    Gaps of missing or dropped joints of at most `max_gap_s` between two frames with the joint are filled; longer gaps
    and those at the ends stay missing. `smoothing` is the expected jitter: 0 keeps joints as detected, 1 is the jitter
    of a usual estimator. A joint of high confidence is changed little, one of low confidence is determined by the
    frames and the bones around it.
    """
    found = hide_missing(joints)
    size = body_size(found, aspect)
    marks = np.where(found[..., 2] > 0, Mark.SEEN, Mark.MISSING).astype(np.uint8)
    if len(found) < 2 or not np.isfinite(size):
        return Cleaned(found, marks)
    places = found[..., :2].astype(np.float64) * (aspect, 1.0) / size
    confidence = found[..., 2].astype(np.float64)

    order = _sides(places, confidence, fps)
    places, confidence = np.take_along_axis(places, order[..., None], axis=1), np.take_along_axis(confidence, order, 1)
    was_there = np.take_along_axis(marks == Mark.SEEN, order, axis=1)
    kept = _believable(places, confidence, fps)
    filled = _short_gaps(kept, round(max_gap_s * fps))
    likely = _most_likely(places, np.where(kept, confidence, 0.0), fps, smoothing or 1.0)

    moved = filled | kept if smoothing > 0 else filled
    places = np.where(moved[..., None], likely, places)
    result = np.concatenate([places * size / (aspect, 1.0), confidence[..., None]], axis=-1).astype(np.float32)
    result[filled, 2] = FILLED_CONFIDENCE
    result[~kept & ~filled] = (np.nan, np.nan, 0.0)
    swapped = order != np.arange(order.shape[1])
    marks = np.select(
        [kept & ~swapped, kept, filled & was_there, filled],
        [Mark.SEEN, Mark.REPLACED, Mark.REPLACED, Mark.FILLED],
        Mark.MISSING,
    )
    return Cleaned(result, marks.astype(np.uint8))


def body_size(joints: Float[np.ndarray, "T J 3"], aspect: float) -> float:
    """The torso's length, or an estimate from the body's height when it is never found. NaN without a body."""
    torso = torso_length(joints, aspect)
    heights = joints[np.isfinite(joints[..., 1]).any(axis=1), :, 1]
    if np.isfinite(torso) or not len(heights):
        return torso
    guess = float(np.median(np.nanmax(heights, axis=1) - np.nanmin(heights, axis=1))) / BODY_HEIGHTS
    return guess if guess > 0 else float("nan")


def _sides(
    places: Float64[np.ndarray, "T J 2"], confidence: Float64[np.ndarray, "T J"], fps: float
) -> Int[np.ndarray, "T J"]:
    """For each joint and frame, the joint as which it was tracked: itself, or its counterpart on the other side.

    Shoulders and hips first: their positions determine to which side a limb belongs.
    """
    order = np.tile(np.arange(len(COCO18)), (len(places), 1))
    for limb, root in LIMBS:
        right, left = (COCO18.indices(*(f"{side}_{name}" for name in limb)) for side in ("right", "left"))
        here = np.take_along_axis(places, order[..., None], axis=1)
        price = np.full(len(places), SWAPPED_A_S / fps)
        if root:
            roots = here[:, COCO18.indices(f"right_{root}", f"left_{root}")]
            ends, sure = here[:, [right[0], left[0]]], confidence[:, [right[0], left[0]]]
            price += STRETCH_A_S / fps * _stretch_gained(roots, ends, sure)
        swapped = _cheapest_sides(_movement_gained(here, confidence, right, left), price)
        order[:, right + left] = np.where(swapped[:, None], left + right, right + left)
    return order


def _movement_gained(
    places: Float64[np.ndarray, "T J 2"], confidence: Float64[np.ndarray, "T J"], right: list[int], left: list[int]
) -> Float64[np.ndarray, " T"]:
    """Additional motion, in torsos, of a pair of limbs since their last detection if sides change at each frame."""
    gained = np.zeros(len(places))
    frames = np.arange(len(places))
    seen = confidence > 0
    last = np.maximum.accumulate(np.where(seen, frames[:, None], -1), axis=0)  # (T, J): frame of the last detection
    last = np.concatenate([np.full((1, places.shape[1]), -1), last[:-1]])
    for own, other in (*zip(right, left, strict=True), *zip(left, right, strict=True)):
        known = seen[:, own] & (last[:, own] >= 0) & (last[:, other] >= 0)
        stay, switch = (
            np.minimum(np.linalg.norm(places[:, own] - places[last[:, joint], joint], axis=-1), STEP_CAP)
            / (frames - last[:, joint])
            for joint in (own, other)
        )
        sure = np.minimum(confidence[:, own], confidence[last[:, own], own])
        gained += np.where(known, sure * (switch - stay), 0.0)
    return gained + SWITCH_PRICE


def _stretch_gained(
    roots: Float64[np.ndarray, "T 2 2"], ends: Float64[np.ndarray, "T 2 2"], sure: Float64[np.ndarray, "T 2"]
) -> Float64[np.ndarray, " T"]:
    """Excess length of bones, in torsos, if both ends change sides, minus the excess if they stay."""
    as_tracked, crossed = (np.linalg.norm(ends - origin, axis=-1) for origin in (roots, roots[:, ::-1]))
    longest = STRETCH * _high(as_tracked)
    excess = np.maximum(crossed - longest, 0) - np.maximum(as_tracked - longest, 0)
    return np.nansum(sure * excess, axis=1)


def _cheapest_sides(
    switching: Float64[np.ndarray, " T"], being_swapped: Float64[np.ndarray, " T"]
) -> Bool[np.ndarray, " T"]:
    """Viterbi path through two states, as tracked and swapped, from the costs of each frame's switch and state."""
    more = 0.0  # cost of the best path that ends swapped, minus that of the other
    came_from: list[tuple[bool, bool]] = []
    for price, swapped in zip(switching.tolist(), being_swapped.tolist(), strict=True):
        switches = more + price < 0, price < more
        came_from.append((switches[0], not switches[1]))
        more = swapped + min(more, price) - min(0.0, more + price)
    path = np.zeros(len(switching), dtype=bool)
    state = more < 0
    for frame in range(len(switching) - 1, -1, -1):
        path[frame] = state
        state = came_from[frame][state]
    return path


def _believable(
    places: Float64[np.ndarray, "T J 2"], confidence: Float64[np.ndarray, "T J"], fps: float
) -> Bool[np.ndarray, "T J"]:
    """For each joint the chain of frames with the highest score: sum of confidences minus the costs of moves."""
    frames, joints = confidence.shape
    back = max(1, round(LOOK_BACK_S * fps))
    seen = confidence > 0
    worth = np.where(seen, FOUND + (1 - FOUND) * confidence - TOO_LONG_PRICE * _too_long(places), -np.inf)
    best = np.full((back + frames, joints), -np.inf)  # by end frame of the chain; the first `back` are padding
    before, before_at = np.zeros(joints), np.full(joints, -1)  # the best that ended before the window, or none
    came_from = np.empty((frames, joints), dtype=int)
    columns = np.arange(joints)
    for start in range(0, frames, CHUNK):
        for frame, price in enumerate(_move_prices(places, start, back, fps), start):
            older = best[frame - 1] if frame > back else before
            before_at = np.where(older > before, frame - 1 - back, before_at)
            before = np.maximum(older, before)
            chains = best[frame : frame + back] - price
            nearest = chains.argmax(axis=0)
            value = chains[nearest, columns]
            came_from[frame] = np.where(value > before, frame - back + nearest, before_at)
            best[back + frame] = worth[frame] + np.maximum(value, before)
    return _chains(best[back:], came_from)


def _chains(best: Float64[np.ndarray, "T J"], came_from: Int[np.ndarray, "T J"]) -> Bool[np.ndarray, "T J"]:
    kept = np.zeros(best.shape, dtype=bool)
    for joint, (end, links) in enumerate(zip(best.argmax(axis=0).tolist(), came_from.T.tolist(), strict=True)):
        frame = end if best[end, joint] > 0 else -1
        while frame >= 0:
            kept[frame, joint] = True
            frame = links[frame]
    return kept


def _move_prices(
    places: Float64[np.ndarray, "T J 2"], start: int, back: int, fps: float
) -> Float64[np.ndarray, "N L J"]:
    """Cost of the move from a joint's position in each of the `back` previous frames, in confident frames.

    For a chunk of N frames from `start` on; 0 where one of the two positions is unknown.
    """
    frames = np.arange(start, min(start + CHUNK, len(places)))[:, None]
    ago = np.arange(back, 0, -1)
    moved = np.linalg.norm(places[frames] - places[np.maximum(frames - ago, 0)], axis=-1)
    easy = EASY + np.outer(ago / fps, _by_joint(EASY_A_S))
    return np.nan_to_num(np.minimum((moved / easy) ** 2, MOVE_CAP_S * fps))


def _too_long(places: Float64[np.ndarray, "T J 2"]) -> Bool[np.ndarray, "T J"]:
    """Where every known bone of a joint is too long: then the joint is an outlier."""
    bones = np.array(COCO18.bone_indices)
    lengths = np.linalg.norm(places[:, bones[:, 0]] - places[:, bones[:, 1]], axis=-1)
    known = np.isfinite(lengths)
    longest = np.array([_high(length) for length in lengths.T])
    long = known & (np.nan_to_num(lengths) > STRETCH * longest)
    ends = np.zeros((len(bones), places.shape[1]))
    ends[np.arange(len(bones))[:, None], bones] = 1.0
    long_bones, known_bones = long @ ends, known @ ends
    return (long_bones > 0) & (long_bones == known_bones)


def _short_gaps(kept: Bool[np.ndarray, "T J"], longest: int) -> Bool[np.ndarray, "T J"]:
    """Where a joint is missing for at most `longest` frames, between two frames with the joint."""
    gaps = np.zeros(kept.shape, dtype=bool)
    for joint in range(kept.shape[1]):
        known = np.flatnonzero(kept[:, joint])
        for before, after in pairwise(known.tolist()):
            gaps[before + 1 : after, joint] = 1 < after - before <= longest + 1
    return gaps


def _most_likely(
    places: Float64[np.ndarray, "T J 2"], confidence: Float64[np.ndarray, "T J"], fps: float, smoothing: float
) -> Float64[np.ndarray, "T J 2"]:
    """The most likely trajectories of all joints, with observation noise that increases as confidence decreases.

    The neck and all bones have random accelerations (`PUSH_TORSOS`), so that in a gap an elbow moves with its shoulder.
    The result is that of a Kalman smoother (Rauch, Tung and Striebel 1965), computed as a least-squares problem.

    Mean error in torsos of joints hidden for 1, 3 and 5 frames in true dances with the usual jitter: this 0.028,
    0.042, 0.056; PCHIP 0.033, 0.057, 0.081; linear 0.036, 0.063, 0.087; cubic splines 0.041, 0.070, 0.102;
    PCHIP of the bone's offset from its parent 0.048, 0.061, 0.075; joint by joint with a penalty on second differences
    0.035, 0.062, 0.089, on third ones 0.035, 0.062, 0.097.
    """
    seen = confidence > 0
    noise = smoothing * NOISE_TORSOS * np.exp((USUAL_CONFIDENCE - confidence) / TRUST)
    weights = np.where(seen, noise**-2.0, UNSEEN)
    places = _straight(places, seen)
    result = np.empty_like(places)
    for start in range(0, len(places), CHUNK):
        part = slice(max(0, start - OVERLAP), start + CHUNK + OVERLAP)
        result[start : start + CHUNK] = _solve(places[part], weights[part], fps)[start - part.start :][:CHUNK]
    return result


def _solve(
    places: Float64[np.ndarray, "T J 2"], weights: Float64[np.ndarray, "T J"], fps: float
) -> Float64[np.ndarray, "T J 2"]:
    """Minimum over z of sum weights |z - places|^2 + sum over bones |second difference of the bone|^2 / push^2."""
    frames, joints = weights.shape
    if frames < 3:
        return places
    push = np.array(_by_joint(PUSH_TORSOS)) * (PUSH_FPS / fps) ** 1.5  # random walk of velocities
    stiff = np.zeros((joints, joints))
    for start, end in COCO18.bone_indices:
        one = np.zeros(joints)
        one[[start, end]] = -1.0, 1.0
        stiff += np.outer(one, one) / push[end] ** 2
    neck = COCO18.index("neck")
    stiff[neck, neck] += push[neck] ** -2.0
    bands = np.zeros((3 * joints, frames, joints))  # lower bands of a matrix over (frame, joint)
    difference = (1.0, -2.0, 1.0)
    for apart in range(3):
        times = np.zeros(frames)
        for first in range(3 - apart):
            times[first : first + frames - 2] += difference[first] * difference[first + apart]
        for row, column in np.argwhere(stiff).tolist():
            if apart * joints + row >= column:
                bands[apart * joints + row - column, :, column] += stiff[row, column] * times
    bands[0] += weights
    right = (weights[..., None] * places).reshape(-1, 2)
    return solveh_banded(bands.reshape(3 * joints, -1), right, lower=True, check_finite=False).reshape(places.shape)


def _straight(places: Float64[np.ndarray, "T J 2"], seen: Bool[np.ndarray, "T J"]) -> Float64[np.ndarray, "T J 2"]:
    """Linear interpolation over all gaps; a joint that is never found is at the mean of the others."""
    frames = np.arange(len(places))
    result = np.empty_like(places)
    middle = places[seen].mean(axis=0) if seen.any() else np.zeros(2)
    for joint, there in enumerate(seen.T):
        known = frames[there]
        for axis in (0, 1):
            line = np.interp(frames, known, places[known, joint, axis]) if len(known) else middle[axis]
            result[:, joint, axis] = line
    return result


def _high(lengths: Float64[np.ndarray, "..."]) -> float:
    """The 90th percentile of the known lengths; infinite if none is known."""
    known = lengths[np.isfinite(lengths)]
    return float(np.quantile(known, 0.9)) if len(known) else np.inf


def _by_joint(values: dict[str, float]) -> list[float]:
    return [values[joint.split("_")[-1]] for joint in COCO18.joints]
