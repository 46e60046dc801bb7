"""people in each frame -> who is who: a track number for each of them

Frame by frame, people are given to tracks so that all together they resemble most what was expected of the tracks: the
last pose, carried on at the speed of the body (Hungarian method, Kuhn 1955; the resemblance of poses is that of COCO's
object keypoint similarity). What no body can do begins a new track: a jump, a sudden change of size, a cut. So does a
single-person estimator that hops to somebody else. A track that is lost is waited for where it was going.

Lengths are body heights of the person, so that near and far people move alike.

Axes used in shapes:
    T frames    P people in a frame    N people in all frames    K tracks    J joints, as in skeleton.COCO18
    the last axis of `people` is x and y (fractions of the frame) and confidence; of `places`, x and y (picture heights)
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int32
from scipy.optimize import linear_sum_assignment

from dancegen.skeleton import COCO18

HELD_S = 1.5  # a track that is lost is waited for: somebody passes in front, a limb hides the body
TRUNK = COCO18.indices("neck", "right_shoulder", "left_shoulder", "right_hip", "left_hip")
TORSOS_HIGH = 3.0  # a body, from nose to ankles: where only the upper part is seen, its height follows
LEAST_HEIGHT = 0.01  # picture heights: of whom only a point is seen

OFF, OFF_A_S, OFF_MOST = 0.1, 0.5, 0.6
"""How far the trunk may be from where it was expected: at once, more for each second since it was seen, and never
more. Corpus dancers who are found with all of an estimator's errors are off by 0.05 after 0.1 s, and in one frame of a
thousand by 0.09; neighbours in a row are 0.3 apart."""
STRETCH, STRETCH_MOST = 1.4, 2.0
"""Times that the joints' spread may grow or shrink, at once and after HELD_S: limbs do so by 1.3 in 0.1 s."""
TRUNK_MOVES, LIMBS_MOVE = 0.05, 0.1  # how far joints usually are from where they were expected
MOVES_A_S = 3.0  # times as much more, for each second since they were seen
POSE, OVERLAP = 0.7, 0.3  # weights of the poses' resemblance and of the boxes' (intersection over union)
LEAST_ALIKE = 0.1
LOST_A_S = 1.0  # so much less, for each second that it was lost, a track is entitled to a person whom another wants too
CLEARLY = 0.05
"""So much more alike must two persons be, together, than if they were exchanged. Where dancers cross so closely that
they are not, both tracks end: a clip can be refused where a track ends, but not where it goes on as somebody else."""
TWICE = 0.95  # so alike are two persons of a frame only when an estimator found one body twice
LEAST_COMMON = 3  # joints that must be seen in both
NEVER = 1e6  # cost of what is impossible

SPEED_S = 0.1  # over which the speed of the body is averaged: dancers change theirs that fast
KEEPS_GOING_S = 0.4  # for which a lost body goes on at its speed
HEIGHT_S = 1.0  # over which its height is averaged

USUAL_MOVES = np.where(np.isin(np.arange(len(COCO18)), TRUNK), TRUNK_MOVES, LIMBS_MOVE)


@dataclass(frozen=True)
class Seen:
    """All the people of one frame."""

    places: Float64[np.ndarray, "P J 2"]  # NaN where a joint is missing
    heights: Float64[np.ndarray, " P"]  # in picture heights


@dataclass
class Tracks:
    """What is known of those who are followed."""

    numbers: Int32[np.ndarray, " K"]
    places: Float64[np.ndarray, "K J 2"]  # when last seen; joints unseen since then move along with the body
    speeds: Float64[np.ndarray, "K 2"]  # of the body, in picture heights a second
    heights: Float64[np.ndarray, " K"]
    ages_s: Float64[np.ndarray, " K"]  # seconds since they were seen

    def keep(self, which: np.ndarray) -> None:
        """Forget the others."""
        for name in ("numbers", "places", "speeds", "heights", "ages_s"):
            setattr(self, name, getattr(self, name)[which])


def track(
    people: Sequence[Float[np.ndarray, "_ 18 3"]], cuts: Collection[int], fps: float, aspect: float
) -> list[Int32[np.ndarray, " _"]]:
    """The track number of each person in each frame. Numbers are never used again; no track crosses a cut.

    `aspect` is width / height of the picture, `cuts` the frames that begin a new shot.
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
    """The height of each body when it stands, in the unit of `places`: at least the diagonal of what is seen of it."""
    low, high = _boxes(places)
    diagonal = np.nan_to_num(np.hypot(*(high - low).T))
    neck, right, left = (places[:, COCO18.index(joint)] for joint in ("neck", "right_hip", "left_hip"))
    torso = np.nan_to_num(np.hypot(*(neck - (right + left) / 2).T))
    return np.maximum(np.maximum(diagonal, TORSOS_HIGH * torso), LEAST_HEIGHT)


def square_places(people: Float[np.ndarray, "N J 3"], aspect: float) -> Float64[np.ndarray, "N J 2"]:
    """Joints in picture heights; NaN where they are missing."""
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
    """Positions of tracks, positions of the people that they go on as, and how far these bodies have moved."""
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
    """Whether a body can have come from there to here, and be of this size."""
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
    """Whether a person and a track may just as well be exchanged with another such pair."""
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
    """0 to 1, over the joints seen in both; `usual` is how far they are apart in the same body."""
    far = np.where(common, (apart**2).sum(axis=-1), 0.0) / (2 * usual[:, None] ** 2)
    return (np.exp(-far) * common).sum(axis=-1) / np.maximum(common.sum(axis=-1), 1)


def _overlap(ours: Float64[np.ndarray, "K J 2"], theirs: Float64[np.ndarray, "P J 2"]) -> Float64[np.ndarray, "K P"]:
    """Intersection over union of the boxes around the joints; 0 where no joint is seen."""
    (low, high), (their_low, their_high) = _boxes(ours), _boxes(theirs)
    sides = np.minimum(high[:, None], their_high[None]) - np.maximum(low[:, None], their_low[None])
    both = np.maximum(sides, 0).prod(axis=-1)
    either = (high - low).prod(axis=-1)[:, None] + (their_high - their_low).prod(axis=-1)[None] - both
    return np.nan_to_num(both / np.maximum(either, 1e-12))


def _boxes(places: Float64[np.ndarray, "N J 2"]) -> tuple[Float64[np.ndarray, "N 2"], Float64[np.ndarray, "N 2"]]:
    """Lower and upper corners; NaN where no joint is seen."""
    return np.fmin.reduce(places, axis=1), np.fmax.reduce(places, axis=1)


def _middle(values: Float64[np.ndarray, "K P J 2"], common: Bool[np.ndarray, "K P J"]) -> Float64[np.ndarray, "K P 2"]:
    """Median over the trunk's common joints, or over all where less than two of these are common: a joint that is
    elsewhere moves no body. NaN where there are none."""
    trunk = np.zeros(len(COCO18), dtype=bool)
    trunk[TRUNK] = True
    few = (common & trunk).sum(axis=-1, keepdims=True) < 2
    return _median(values, common & (trunk | few))


def _spread(places: Float64[np.ndarray, "K P J 2"], common: Bool[np.ndarray, "K P J"]) -> Float64[np.ndarray, "K P"]:
    """Mean distance of the common joints from their middle."""
    apart = np.where(common[..., None], places - _median(places, common)[..., None, :], 0.0)
    return np.hypot(apart[..., 0], apart[..., 1]).sum(axis=-1) / np.maximum(common.sum(axis=-1), 1)


def _median(values: Float64[np.ndarray, "K P J D"], which: Bool[np.ndarray, "K P J"]) -> Float64[np.ndarray, "K P D"]:
    """Of those joints; NaN where there are none. np.nanmedian takes ten times as long for so few."""
    ordered = np.sort(np.where(which[..., None], values, np.nan), axis=-2)  # NaN go to the end
    count = which.sum(axis=-1)[..., None, None]
    lower, upper = (np.take_along_axis(ordered, np.maximum(count - 1 + side, 0) // 2, axis=-2) for side in (0, 1))
    return (lower + upper)[..., 0, :] / 2


def _go_on(tracks: Tracks, mine: np.ndarray, seen: Seen, theirs: np.ndarray, moved: Float64[np.ndarray, "M 2"]) -> None:
    """Tracks that were found: what is known of them now."""
    ages_s = tracks.ages_s[mine]
    fresh = 1 - np.exp(-ages_s / SPEED_S)[:, None]
    tracks.speeds[mine] += fresh * (moved / ages_s[:, None] - tracks.speeds[mine])
    there = seen.places[theirs]
    tracks.places[mine] = np.where(np.isfinite(there), there, tracks.places[mine] + moved[:, None])
    tracks.heights[mine] += (1 - np.exp(-ages_s / HEIGHT_S)) * (seen.heights[theirs] - tracks.heights[mine])
    tracks.ages_s[mine] = 0.0


def _begin(tracks: Tracks, seen: Seen, new: Bool[np.ndarray, " P"], given: Int32[np.ndarray, " P"]) -> None:
    """Those who were not there before."""
    if not new.any():
        return
    tracks.numbers = np.concatenate([tracks.numbers, given[new]])
    tracks.places = np.concatenate([tracks.places, seen.places[new]])
    tracks.speeds = np.concatenate([tracks.speeds, np.zeros((int(new.sum()), 2))])
    tracks.heights = np.concatenate([tracks.heights, seen.heights[new]])
    tracks.ages_s = np.concatenate([tracks.ages_s, np.zeros(int(new.sum()))])
