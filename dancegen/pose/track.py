"""people in each frame -> a track number for each person

Frame by frame, people are assigned to tracks so that the total similarity to the predictions is maximal (Hungarian
method, Kuhn 1955). A prediction is the last pose, moved at the body's velocity; similarity of poses is COCO's object
keypoint similarity. Impossible motion begins a new track: a jump, a sudden change of size, a cut, or a single-person
estimator that switches to another person. A lost track is kept for a while at its predicted position.

Lengths are in body heights of the person, so that they do not depend on the distance from the camera.

Axes used in shapes:
    T frames    P people in a frame    N people in all frames    K tracks    J joints, as in skeleton.COCO18
    the last axis of `people` is x and y (fractions of the frame) and confidence; of `places`, x and y (frame heights)
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int32
from scipy.optimize import linear_sum_assignment

from dancegen.skeleton import COCO18

HELD_S = 1.5  # a lost track is kept: for occlusion by another person or a limb
TRUNK = COCO18.indices("neck", "right_shoulder", "left_shoulder", "right_hip", "left_hip")
TORSOS_HIGH = 3.0  # height of a body from nose to ankles; used if only the upper part is visible
LEAST_HEIGHT = 0.01  # frame heights: of a person with a single visible joint

OFF, OFF_A_S, OFF_MOST = 0.14, 0.5, 0.6
"""Gate: maximum distance of the trunk from its prediction: constant, per second since the last detection, and upper
limit. Trunks of real dancers (AIST++) and of the corpus's change their motion by 0.03 within 0.1 s, in one frame of a
hundred by 0.13, and at most by 0.19; neighbours in a row are 0.3 apart."""
STRETCH, STRETCH_MOST = 1.4, 2.0
"""Maximum ratio of the joints' spread, immediately and after HELD_S: limbs change it by 1.3 in 0.1 s."""
TRUNK_MOVES, LIMBS_MOVE = 0.05, 0.1  # usual distances of joints from their predictions
MOVES_A_S = 3.0  # relative increase of these per second since the last detection
POSE, OVERLAP = 0.7, 0.3  # weights of pose similarity and of box overlap (intersection over union)
LEAST_ALIKE = 0.1
LOST_A_S = 1.0  # decrease of a track's similarity per second since its last detection
CLEARLY = 0.05
"""Required margin of the total similarity of two assignments over that of the exchanged ones. If dancers cross so
closely that it is not reached, both tracks end: a clip is rejected where a track ends, but an identity switch is not
detected."""
TWICE = 0.95  # similarity of two people in a frame above which they are duplicate detections
LEAST_COMMON = 3  # joints that must be found in both
NEVER = 1e6  # cost of an impossible assignment

SPEED_S = 0.1  # averaging time of the body's velocity: dancers change it that fast
KEEPS_GOING_S = 0.4  # a lost body is predicted to move at its velocity for this time
HEIGHT_S = 1.0  # averaging time of the body's height

USUAL_MOVES = np.where(np.isin(np.arange(len(COCO18)), TRUNK), TRUNK_MOVES, LIMBS_MOVE)


@dataclass(frozen=True)
class Seen:
    """All the people of one frame."""

    places: Float64[np.ndarray, "P J 2"]  # NaN where a joint is missing
    heights: Float64[np.ndarray, " P"]  # in frame heights


@dataclass
class Tracks:
    """State of the active tracks."""

    numbers: Int32[np.ndarray, " K"]
    places: Float64[np.ndarray, "K J 2"]  # at the last detection; joints missing since then move with the body
    speeds: Float64[np.ndarray, "K 2"]  # of the body, in frame heights per second
    heights: Float64[np.ndarray, " K"]
    ages_s: Float64[np.ndarray, " K"]  # seconds since the last detection

    def keep(self, which: np.ndarray) -> None:
        """Drop all other tracks."""
        for name in ("numbers", "places", "speeds", "heights", "ages_s"):
            setattr(self, name, getattr(self, name)[which])


def track(
    people: Sequence[Float[np.ndarray, "_ 18 3"]], cuts: Collection[int], fps: float, aspect: float
) -> list[Int32[np.ndarray, " _"]]:
    """The track number of each person in each frame. Numbers are not reused; no track crosses a cut.

    `aspect` is width / height of the frame, `cuts` the frames that begin a new shot.
    """
    frames = _seen(people, aspect)
    new_shot = set(cuts)
    tracks, count = _no_tracks(), 0
    ids: list[np.ndarray] = []
    for number, seen in enumerate(frames):
        if number in new_shot:
            tracks = _no_tracks()
        tracks.ages_s += 1 / fps
        tracks.keep(tracks.ages_s <= HELD_S + 0.5 / fps)
        mine, theirs, moved = _assigned(tracks, seen)
        given = np.full(len(seen.heights), -1, dtype=np.int32)
        given[theirs] = tracks.numbers[mine]
        _go_on(tracks, mine, seen, theirs, moved)
        new = given < 0
        given[new] = np.arange(count, count + new.sum())
        count += int(new.sum())
        _begin(tracks, seen, new, given)
        ids.append(given)
    return ids


def body_heights(places: Float64[np.ndarray, "N J 2"]) -> Float64[np.ndarray, " N"]:
    """The standing height of each body, in the unit of `places`: at least the diagonal of its bounding box."""
    low, high = _boxes(places)
    diagonal = np.nan_to_num(np.hypot(*(high - low).T))
    neck, right, left = (places[:, COCO18.index(joint)] for joint in ("neck", "right_hip", "left_hip"))
    torso = np.nan_to_num(np.hypot(*(neck - (right + left) / 2).T))
    return np.maximum(np.maximum(diagonal, TORSOS_HIGH * torso), LEAST_HEIGHT)


def square_places(people: Float[np.ndarray, "N J 3"], aspect: float) -> Float64[np.ndarray, "N J 2"]:
    """Joints in frame heights; NaN where they are missing."""
    places = people[..., :2] * np.array([aspect, 1.0])
    return np.where(people[..., 2:] > 0, places, np.nan)


def _seen(people: Sequence[Float[np.ndarray, "_ 18 3"]], aspect: float) -> list[Seen]:
    if not len(people):
        return []
    ends = np.cumsum([len(each) for each in people])[:-1]
    places = square_places(np.concatenate(people), aspect)
    return [Seen(*each) for each in zip(np.split(places, ends), np.split(body_heights(places), ends), strict=True)]


def _no_tracks() -> Tracks:
    joints = len(COCO18)
    return Tracks(np.zeros(0, np.int32), np.zeros((0, joints, 2)), np.zeros((0, 2)), np.zeros(0), np.zeros(0))


def _assigned(tracks: Tracks, seen: Seen) -> tuple[np.ndarray, np.ndarray, Float64[np.ndarray, "M 2"]]:
    """Indices of tracks, indices of the people assigned to them, and the displacements of these bodies."""
    if not len(tracks.numbers) or not len(seen.heights):
        nothing = np.zeros(0, dtype=int)
        return nothing, nothing, np.zeros((0, 2))
    going = KEEPS_GOING_S * (1 - np.exp(-tracks.ages_s / KEEPS_GOING_S))
    way = tracks.speeds * going[:, None]
    expected = tracks.places + way[:, None]
    apart = seen.places[None] - expected[:, None]  # (K, P, J, 2)
    common = np.isfinite(apart[..., 0])
    off = _middle(apart, common)
    possible = _possible(tracks, seen, expected, off, common)
    usual = USUAL_MOVES * (tracks.heights * (1 + MOVES_A_S * tracks.ages_s))[:, None]
    alike = POSE * _pose_alike(apart, common, usual) + OVERLAP * _overlap(expected, seen.places)
    possible &= alike >= LEAST_ALIKE
    waited = LOST_A_S * tracks.ages_s[:, None]
    mine, theirs = linear_sum_assignment(np.where(possible, 1 - alike + waited, NEVER))
    good = possible[mine, theirs]
    mine, theirs = mine[good], theirs[good]
    clear = ~_doubtful(alike, possible, mine, theirs, seen)
    mine, theirs = mine[clear], theirs[clear]
    return mine, theirs, way[mine] + off[mine, theirs]


def _possible(
    tracks: Tracks,
    seen: Seen,
    expected: Float64[np.ndarray, "K J 2"],
    off: Float64[np.ndarray, "K P 2"],
    common: Bool[np.ndarray, "K P J"],
) -> Bool[np.ndarray, "K P"]:
    """Whether the displacement and the change of size are possible for a body."""
    ages_s = tracks.ages_s[:, None]
    near = np.hypot(off[..., 0], off[..., 1]) <= tracks.heights[:, None] * np.minimum(OFF + OFF_A_S * ages_s, OFF_MOST)
    before = _spread(np.broadcast_to(expected[:, None], (*common.shape, 2)), common)
    now = _spread(np.broadcast_to(seen.places[None], (*common.shape, 2)), common)
    stretch = STRETCH + (STRETCH_MOST - STRETCH) * np.minimum(ages_s / HELD_S, 1)
    return near & (common.sum(axis=-1) >= LEAST_COMMON) & (now <= stretch * before) & (before <= stretch * now)


def _doubtful(
    alike: Float64[np.ndarray, "K P"],
    possible: Bool[np.ndarray, "K P"],
    mine: np.ndarray,
    theirs: np.ndarray,
    seen: Seen,
) -> Bool[np.ndarray, " M"]:
    """Whether exchanging an assignment with another one would be about as good."""
    between, can = alike[np.ix_(mine, theirs)], possible[np.ix_(mine, theirs)]
    right = np.diagonal(between)
    gained = right[:, None] + right[None] - between - between.T
    doubtful = can & can.T & (gained < CLEARLY) & ~np.eye(len(mine), dtype=bool)
    if doubtful.any():
        places, heights = seen.places[theirs], seen.heights[theirs]
        apart = places[None] - places[:, None]
        doubtful &= _pose_alike(apart, np.isfinite(apart[..., 0]), USUAL_MOVES * heights[:, None]) < TWICE
    return np.asarray(doubtful.any(axis=1))


def _pose_alike(
    apart: Float64[np.ndarray, "K P J 2"], common: Bool[np.ndarray, "K P J"], usual: Float64[np.ndarray, "K J"]
) -> Float64[np.ndarray, "K P"]:
    """Similarity from 0 to 1, over the joints found in both; `usual` is their usual distance for the same body."""
    far = np.where(common, (apart**2).sum(axis=-1), 0.0) / (2 * usual[:, None] ** 2)
    return (np.exp(-far) * common).sum(axis=-1) / np.maximum(common.sum(axis=-1), 1)


def _overlap(ours: Float64[np.ndarray, "K J 2"], theirs: Float64[np.ndarray, "P J 2"]) -> Float64[np.ndarray, "K P"]:
    """Intersection over union of the boxes around the joints; 0 where no joint is found."""
    (low, high), (their_low, their_high) = _boxes(ours), _boxes(theirs)
    sides = np.minimum(high[:, None], their_high[None]) - np.maximum(low[:, None], their_low[None])
    both = np.maximum(sides, 0).prod(axis=-1)
    either = (high - low).prod(axis=-1)[:, None] + (their_high - their_low).prod(axis=-1)[None] - both
    return np.nan_to_num(both / np.maximum(either, 1e-12))


def _boxes(places: Float64[np.ndarray, "N J 2"]) -> tuple[Float64[np.ndarray, "N 2"], Float64[np.ndarray, "N 2"]]:
    """Lower and upper corners of the bounding boxes; NaN where no joint is found."""
    return np.fmin.reduce(places, axis=1), np.fmax.reduce(places, axis=1)


def _middle(values: Float64[np.ndarray, "K P J 2"], common: Bool[np.ndarray, "K P J"]) -> Float64[np.ndarray, "K P 2"]:
    """Median over the trunk's common joints, or over all if less than two of these are common: robust to outlier
    joints. NaN where there are none."""
    trunk = np.zeros(len(COCO18), dtype=bool)
    trunk[TRUNK] = True
    few = (common & trunk).sum(axis=-1, keepdims=True) < 2
    return _median(values, common & (trunk | few))


def _spread(places: Float64[np.ndarray, "K P J 2"], common: Bool[np.ndarray, "K P J"]) -> Float64[np.ndarray, "K P"]:
    """Mean distance of the common joints from their centre."""
    apart = np.where(common[..., None], places - _median(places, common)[..., None, :], 0.0)
    return np.hypot(apart[..., 0], apart[..., 1]).sum(axis=-1) / np.maximum(common.sum(axis=-1), 1)


def _median(values: Float64[np.ndarray, "K P J D"], which: Bool[np.ndarray, "K P J"]) -> Float64[np.ndarray, "K P D"]:
    """Median over the selected joints; NaN where there are none. np.nanmedian takes ten times as long for so few."""
    ordered = np.sort(np.where(which[..., None], values, np.nan), axis=-2)  # NaN are sorted to the end
    count = which.sum(axis=-1)[..., None, None]
    lower, upper = (np.take_along_axis(ordered, np.maximum(count - 1 + side, 0) // 2, axis=-2) for side in (0, 1))
    return (lower + upper)[..., 0, :] / 2


def _go_on(tracks: Tracks, mine: np.ndarray, seen: Seen, theirs: np.ndarray, moved: Float64[np.ndarray, "M 2"]) -> None:
    """Update the state of tracks that were found."""
    ages_s = tracks.ages_s[mine]
    fresh = 1 - np.exp(-ages_s / SPEED_S)[:, None]
    tracks.speeds[mine] += fresh * (moved / ages_s[:, None] - tracks.speeds[mine])
    there = seen.places[theirs]
    tracks.places[mine] = np.where(np.isfinite(there), there, tracks.places[mine] + moved[:, None])
    tracks.heights[mine] += (1 - np.exp(-ages_s / HEIGHT_S)) * (seen.heights[theirs] - tracks.heights[mine])
    tracks.ages_s[mine] = 0.0


def _begin(tracks: Tracks, seen: Seen, new: Bool[np.ndarray, " P"], given: Int32[np.ndarray, " P"]) -> None:
    """Add tracks for new people."""
    if not new.any():
        return
    tracks.numbers = np.concatenate([tracks.numbers, given[new]])
    tracks.places = np.concatenate([tracks.places, seen.places[new]])
    tracks.speeds = np.concatenate([tracks.speeds, np.zeros((int(new.sum()), 2))])
    tracks.heights = np.concatenate([tracks.heights, seen.heights[new]])
    tracks.ages_s = np.concatenate([tracks.ages_s, np.zeros(int(new.sum()))])
