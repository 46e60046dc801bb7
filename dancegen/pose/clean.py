"""joints as tracked -> joints put right, and a mark for each of them

One unbroken run of one dancer goes in. Limbs that a pose estimator gave to the wrong side go back (`_sides`), joints
that were found elsewhere for some frames are dropped (`_believable`), short gaps are filled and the tremble is smoothed
(`_most_likely`). Lengths are torsos of this dancer, times are seconds. All of it looks both ways in time, so that
nothing is late.

Axes used in shapes:
    T frames    J joints, as in skeleton.COCO18    L frames looked back    N frames of a chunk
    the last axis of joints is x and y (fractions of the frame) and confidence; of `places`, x and y in torsos
"""

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, UInt8
from scipy.linalg import solveh_banded

from dancegen.skeleton import COCO18, hide_missing

FILLED_CONFIDENCE = 0.1  # a filled joint counts for little wherever confidence weighs
BODY_HEIGHTS = 4.0  # torsos from the lowest to the highest joint, where the torso itself is never seen

SWAPPED_A_S = 0.3  # torsos a second that being swapped costs: without a reason, sides are as tracked
SWITCH_PRICE = 0.3  # torsos of movement that a change of sides must save
STEP_CAP = 1.0  # torsos: a joint that is elsewhere says nothing about sides by how far it is away
STRETCH = 1.15  # of a bone's 90th percentile of lengths: what is longer is too long
STRETCH_A_S = 20.0  # torsos a second that a bone too long by a torso counts for

FOUND = 0.2  # of a sure frame: worth of a joint that was found at all, however unsure
EASY = 0.1
EASY_A_S = {"wrist": 11.0, "ankle": 8.0, "elbow": 6.0, "knee": 6.0}
EASY_A_S |= dict.fromkeys(("ear", "eye", "nose", "shoulder", "hip", "neck"), 4.0)
"""A move costs as much as one sure frame is worth when it is so many torsos, of tremble and of speed (torsos a second);
it grows with the square. A wrist of kpop moves up to 1.5 torsos in 0.1 s, one of a break dancer 2, once in a while."""
MOVE_CAP_S = 0.25  # sure seconds that any move costs at most: what is elsewhere for longer is there
LOOK_BACK_S = 0.8  # over a longer absence any place can be reached
TOO_LONG_PRICE = 0.5  # of a sure frame, where all bones of a joint are too long

NOISE_TORSOS = 0.025  # tremble of a joint of usual confidence
USUAL_CONFIDENCE, TRUST = 0.85, 0.3  # confidence that makes the tremble e times as large when it is lost
UNSEEN = 1e-3  # weight of the straight line in a gap: it only keeps the equations solvable
CHUNK, OVERLAP = 1000, 60  # frames of a run that are worked on at once, and how many around have influence on them
PUSH_TORSOS = {"wrist": 0.16, "elbow": 0.10, "ankle": 0.08, "knee": 0.06, "neck": 0.06}
PUSH_TORSOS |= {"shoulder": 0.03, "hip": 0.03, "nose": 0.03, "ear": 0.02, "eye": 0.015}
"""How a bone's far end leaves its straight path against its near end: second difference at 10 frames a second."""
PUSH_FPS = 10.0


LIMBS = ((("shoulder",), None), (("hip",), None), (("elbow", "wrist"), "shoulder"), (("knee", "ankle"), "hip"))
"""What is swapped at once, and the joint of the trunk that it hangs on."""


class Mark(IntEnum):
    """What became of a joint in a frame."""

    SEEN = 0
    MISSING = 1
    FILLED = 2
    """Was missing."""
    REPLACED = 3
    """Was a jump or a swap, and was put right."""


@dataclass(frozen=True)
class Cleaned:
    """Joints put right; missing ones are NaN with confidence 0, filled ones have FILLED_CONFIDENCE."""

    joints: Float32[np.ndarray, "T J 3"]
    marks: UInt8[np.ndarray, "T J"]


def clean(joints: Float[np.ndarray, "T J 3"], fps: float, aspect: float, max_gap_s: float, smoothing: float) -> Cleaned:
    """One unbroken run of one dancer, put right. `aspect` is width / height of the picture.

    Joints that are missing, or dropped, for at most `max_gap_s` between two frames in which they are seen are filled;
    longer gaps and those at the ends stay missing. `smoothing` is the expected tremble: 0 leaves joints where they were
    seen, 1 is for the tremble of a usual estimator. A joint of high confidence moves little, one of low confidence is
    led by the frames and the bones around it.
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


def torso_length(joints: Float[np.ndarray, "T J 3"], aspect: float) -> float:
    """Median distance from the neck to the middle of the hips, in heights of the frame. NaN when never seen."""
    square = joints[..., :2] * (aspect, 1.0)
    hips = square[:, COCO18.indices("right_hip", "left_hip")].mean(axis=1)
    lengths = np.linalg.norm(square[:, COCO18.index("neck")] - hips, axis=-1)
    lengths = lengths[np.isfinite(lengths) & (lengths > 0)]
    return float(np.median(lengths)) if len(lengths) else float("nan")


def body_size(joints: Float[np.ndarray, "T J 3"], aspect: float) -> float:
    """The torso's length, or a guess from how high the body is where it is never seen. NaN without a body."""
    torso = torso_length(joints, aspect)
    heights = joints[np.isfinite(joints[..., 1]).any(axis=1), :, 1]
    if np.isfinite(torso) or not len(heights):
        return torso
    guess = float(np.median(np.nanmax(heights, axis=1) - np.nanmin(heights, axis=1))) / BODY_HEIGHTS
    return guess if guess > 0 else float("nan")


def _sides(
    places: Float64[np.ndarray, "T J 2"], confidence: Float64[np.ndarray, "T J"], fps: float
) -> Int[np.ndarray, "T J"]:
    """For each joint and frame, the joint in whose place it was tracked: itself, or the same one of the other side.

    Shoulders and hips first: their places tell to which side a limb belongs.
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
    """Torsos more that a pair of limbs moves up to each frame if sides change there, since each joint was last seen."""
    gained = np.zeros(len(places))
    frames = np.arange(len(places))
    seen = confidence > 0
    last = np.maximum.accumulate(np.where(seen, frames[:, None], -1), axis=0)  # (T, J): frame in which it was seen
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
    """Torsos by which bones are longer than they can be if both ends change sides, less those if they stay."""
    as_tracked, crossed = (np.linalg.norm(ends - origin, axis=-1) for origin in (roots, roots[:, ::-1]))
    longest = STRETCH * _high(as_tracked)
    excess = np.maximum(crossed - longest, 0) - np.maximum(as_tracked - longest, 0)
    return np.nansum(sure * excess, axis=1)


def _cheapest_sides(
    switching: Float64[np.ndarray, " T"], being_swapped: Float64[np.ndarray, " T"]
) -> Bool[np.ndarray, " T"]:
    """Viterbi's path through two states, as tracked and swapped: what each frame's switch and state cost."""
    more = 0.0  # by how much the best path that ends swapped is dearer
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
    """For each joint the chain of frames that is worth most: its confidence, less what the moves along it cost."""
    frames, joints = confidence.shape
    back = max(1, round(LOOK_BACK_S * fps))
    seen = confidence > 0
    worth = np.where(seen, FOUND + (1 - FOUND) * confidence - TOO_LONG_PRICE * _too_long(places), -np.inf)
    best = np.full((back + frames, joints), -np.inf)  # of chains that end in a frame; the first `back` are before it
    before, before_at = np.zeros(joints), np.full(joints, -1)  # the best that ended earlier than we look back, or none
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
    """What it costs to have come from where a joint was in each of the `back` frames before, in sure frames.

    Of a chunk of N frames from `start` on; nothing where one of the two places is not known.
    """
    frames = np.arange(start, min(start + CHUNK, len(places)))[:, None]
    ago = np.arange(back, 0, -1)
    moved = np.linalg.norm(places[frames] - places[np.maximum(frames - ago, 0)], axis=-1)
    easy = EASY + np.outer(ago / fps, _by_joint(EASY_A_S))
    return np.nan_to_num(np.minimum((moved / easy) ** 2, MOVE_CAP_S * fps))


def _too_long(places: Float64[np.ndarray, "T J 2"]) -> Bool[np.ndarray, "T J"]:
    """Where every bone of a joint that can be seen is longer than it can be: it is the joint that is elsewhere."""
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
    """Where a joint is missing for at most so many frames, between two frames in which it is there."""
    gaps = np.zeros(kept.shape, dtype=bool)
    for joint in range(kept.shape[1]):
        known = np.flatnonzero(kept[:, joint])
        for before, after in pairwise(known.tolist()):
            gaps[before + 1 : after, joint] = 1 < after - before <= longest + 1
    return gaps


def _most_likely(
    places: Float64[np.ndarray, "T J 2"], confidence: Float64[np.ndarray, "T J"], fps: float, smoothing: float
) -> Float64[np.ndarray, "T J 2"]:
    """The most likely path of all joints together, where each is seen with noise that grows as its confidence falls.

    The neck and all bones are pushed at random (`PUSH_TORSOS`), so that in a gap an elbow goes with its shoulder. The
    path is that of a Kalman smoother (Rauch, Tung and Striebel 1965), found as the minimum of a sum of squares.

    Mean error in torsos of joints hidden for 1, 3 and 5 frames in true dances with the usual tremble: this 0.028,
    0.042, 0.056; PCHIP 0.033, 0.057, 0.081; straight lines 0.036, 0.063, 0.087; cubic splines 0.041, 0.070, 0.102;
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
    push = np.array(_by_joint(PUSH_TORSOS)) * (PUSH_FPS / fps) ** 1.5  # of velocities that go astray at random
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
    """Straight lines over all gaps; a joint that is never seen is at the mean of the others."""
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
    """The 90th percentile of those that are known; infinite where none is."""
    known = lengths[np.isfinite(lengths)]
    return float(np.quantile(known, 0.9)) if len(known) else np.inf


def _by_joint(values: dict[str, float]) -> list[float]:
    return [values[joint.split("_")[-1]] for joint in COCO18.joints]
