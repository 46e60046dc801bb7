"""people with track numbers -> the dancer: one person in each shot, and nobody where that one is away

The estimator loses a dancer now and then, and a track ends. So the tracks of a shot are first joined to persons: a
track that begins soon after another one ended, near it and of its size, is the same body, found again; and so is who
comes back into a picture that was empty meanwhile. Then the policy compares persons. Who is alone in the picture while
the chosen person is away is the dancer too. `tracks` tells which track is
followed in each frame, so that whoever cuts clips can leave out those in which it changes.

Axes used in shapes:
    T frames    P people in a frame    N people in all frames    J joints, as in skeleton.COCO18
    the last axis of joints is x and y (fractions of the frame) and confidence
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float32, Float64, Int, Int32

from dancegen.pose.runs import NOBODY
from dancegen.pose.track import body_heights, square_places
from dancegen.skeleton import COCO18, hide_missing

LEAST_S = 1.0  # who is seen for less is nobody to follow, unless all are
LEAST_JOINTS = 8  # seen of a body, median over its frames: a face and shoulders are no dancer
NEARLY_AS_LONG = 0.75  # of the frames of who is seen longest: as long as makes no difference, and size decides

FOUND_AGAIN_S = 3.0  # a track may be lost for so long
FOUND_AGAIN = 0.6  # body heights from where it was lost: a step or two
FOUND_SIZE = 1.5  # times taller or smaller
BACK_S = 10.0  # who walked out of the picture and left it empty may be away for so long
BACK_SIZE = 2.0  # and come back nearer or farther
ALONE_SHARE = 0.9  # of the frames in which nobody else is seen: there is one dancer
AT_EDGE = 0.03  # of the picture: a body so near to its edge walks out or comes in


@dataclass(frozen=True)
class Dancer:
    """Who is followed."""

    joints: Float32[np.ndarray, "T J 3"]
    """As found; missing in frames without the dancer."""
    tracks: Int32[np.ndarray, " T"]
    """The track that is the dancer in each frame; -1 where the dancer is not there."""


@dataclass(frozen=True)
class Person:
    """One body in one shot: who was seen in which frames, as positions among all people of the video."""

    rows: Int[np.ndarray, " N"]  # in order of time
    seen: int  # frames
    joints: float  # median number seen
    height: float  # median, in picture heights
    off_centre: float  # median distance of the body's middle from the picture's, in picture heights


@dataclass(frozen=True)
class _Everyone:
    """All people of a video, one after the other."""

    joints: Float[np.ndarray, "N J 3"]
    tracks: Int[np.ndarray, " N"]
    frames: Int[np.ndarray, " N"]
    counts: Int[np.ndarray, " T"]  # people in each frame
    places: Float64[np.ndarray, "N J 2"]  # in picture heights
    heights: Float64[np.ndarray, " N"]
    aspect: float

    def person(self, rows: Int[np.ndarray, " N"]) -> Person:
        middle = _middles(self.places[rows]) - np.array([self.aspect / 2, 0.5])
        joints = np.isfinite(self.places[rows, :, 0]).sum(axis=1)
        far = np.hypot(middle[:, 0], middle[:, 1])
        off = float(np.median(far[np.isfinite(far)])) if np.isfinite(far).any() else np.inf
        return Person(rows, len(rows), float(np.median(joints)), float(np.median(self.heights[rows])), off)


def _longest(persons: Sequence[Person]) -> Person:
    enough = NEARLY_AS_LONG * max(person.seen for person in persons)
    return _largest([person for person in persons if person.seen >= enough])


def _largest(persons: Sequence[Person]) -> Person:
    return max(persons, key=lambda person: person.height)


def _centre(persons: Sequence[Person]) -> Person:
    return min(persons, key=lambda person: person.off_centre)


POLICIES: dict[str, Callable[[Sequence[Person]], Person]] = {
    "longest": _longest,
    "largest": _largest,
    "centre": _centre,
}
"""Who of a shot is the dancer: who is seen longest, the tallest, or the nearest to the picture's middle."""


def choose(
    people: Sequence[Float[np.ndarray, "_ 18 3"]],
    ids: Sequence[Int[np.ndarray, " _"]],
    cuts: Collection[int],
    policy: str,
    fps: float,
    aspect: float,
) -> Dancer:
    """The dancer. `ids` are the people's track numbers, found with the same cuts; `policy` is a name in POLICIES."""
    frames = len(people)
    joints = np.full((frames, len(COCO18), 3), np.nan, dtype=np.float32)
    joints[..., 2] = 0.0
    tracks = np.full(frames, NOBODY, dtype=np.int32)
    if not sum(map(len, people)):
        return Dancer(joints, tracks)
    everyone = _everyone(people, ids, aspect)
    for begin, end in pairwise(sorted({0, frames, *(cut for cut in cuts if 0 < cut < frames)})):
        if persons := _persons(everyone, begin, end, fps):
            chosen = POLICIES[policy](persons)
            for person in (chosen, *_alone(everyone, persons, chosen, fps)):
                joints[everyone.frames[person.rows]] = hide_missing(everyone.joints[person.rows])
                tracks[everyone.frames[person.rows]] = everyone.tracks[person.rows]
    return Dancer(joints, tracks)


def switches(tracks: Int[np.ndarray, " T"], cuts: Collection[int]) -> int:
    """How often another track is followed than before in the same shot."""
    followed = np.flatnonzero(tracks != NOBODY)
    shots = np.searchsorted(np.sort(np.fromiter(cuts, dtype=int)), followed, side="right")
    return int(((np.diff(tracks[followed]) != 0) & (np.diff(shots) == 0)).sum())


def _everyone(
    people: Sequence[Float[np.ndarray, "_ 18 3"]], ids: Sequence[Int[np.ndarray, " _"]], aspect: float
) -> _Everyone:
    counts = np.array([len(each) for each in people])
    joints = np.concatenate(people)
    places = square_places(joints, aspect)
    frames = np.repeat(np.arange(len(people)), counts)
    return _Everyone(joints, np.concatenate(ids), frames, counts, places, body_heights(places), aspect)


def _persons(everyone: _Everyone, begin: int, end: int, fps: float) -> list[Person]:
    """Those who may be the dancer of a shot, in order of time."""
    first, last = np.searchsorted(everyone.frames, [begin, end])
    if first == last:
        return []
    order = np.argsort(everyone.tracks[first:last], kind="stable")
    numbers = everyone.tracks[first:last][order]
    pieces = [first + rows for rows in np.split(order, np.flatnonzero(np.diff(numbers)) + 1)]
    pieces.sort(key=lambda rows: (everyone.frames[rows[0]], *np.nan_to_num(_middles(everyone.places[rows[:1]])[0])))
    whole = [rows for rows in pieces if _is_body(everyone.person(rows), fps)]
    return [everyone.person(np.concatenate(rows)) for rows in _joined(everyone, whole or pieces, fps)]


def _alone(everyone: _Everyone, persons: Sequence[Person], chosen: Person, fps: float) -> list[Person]:
    """Persons who are seen while the chosen one is not, with nobody beside them: the same dancer, found too late."""
    followed = chosen.rows
    found = []
    for person in persons:
        frames = everyone.frames[person.rows]
        alone = (everyone.counts[frames] == 1).mean() >= ALONE_SHARE
        together = np.isin(frames, everyone.frames[followed]).any()
        if alone and not together and not _is_hop(everyone, followed, person.rows, fps):
            found.append(person)
            followed = np.sort(np.concatenate([followed, person.rows]))
    return found


def _is_hop(everyone: _Everyone, followed: np.ndarray, rows: np.ndarray, fps: float) -> bool:
    """Whether a body would have to be elsewhere, or of another size, within moments: then it is somebody else's."""
    after = int(np.searchsorted(followed, rows[0]))
    meetings = [(followed[after - 1], rows[0])] if after else []
    meetings += [(rows[-1], followed[after])] if after < len(followed) else []
    return any(not _may_be_same(everyone, lost, found, fps) for lost, found in meetings)


def _may_be_same(everyone: _Everyone, lost: int, found: int, fps: float) -> bool:
    height, other = everyone.heights[[lost, found]]
    if max(height, other) / min(height, other) > BACK_SIZE:
        return False
    long_ago = everyone.frames[found] - everyone.frames[lost] > FOUND_AGAIN_S * fps
    return bool(long_ago or np.isfinite(_far(everyone, lost, found, fps)))


def _is_body(person: Person, fps: float) -> bool:
    return person.seen >= LEAST_S * fps and person.joints >= LEAST_JOINTS


def _joined(everyone: _Everyone, pieces: list[np.ndarray], fps: float) -> list[list[np.ndarray]]:
    """Pieces of track as persons: each piece goes on as the one that is nearest, of those that can be the same body."""
    ends = np.array([everyone.frames[rows[-1]] for rows in pieces])
    links = []
    for later, rows in enumerate(pieces):
        begin = everyone.frames[rows[0]]
        for earlier in np.flatnonzero((ends < begin) & (ends >= begin - BACK_S * fps)).tolist():
            far = _far(everyone, pieces[earlier][-1], rows[0], fps)
            if np.isfinite(far):
                links.append((far, earlier, later))
    goes_on: dict[int, int] = {}
    taken: set[int] = set()
    for _, earlier, later in sorted(links):
        if earlier not in goes_on and later not in taken:
            goes_on[earlier] = later
            taken.add(later)
    persons = []
    for piece in sorted(set(range(len(pieces))) - taken):
        chain = [piece]
        while chain[-1] in goes_on:
            chain.append(goes_on[chain[-1]])
        persons.append([pieces[each] for each in chain])
    return persons


def _far(everyone: _Everyone, lost: int, found: int, fps: float) -> float:
    """Body heights between where a body was lost and another found; infinite when they cannot be the same."""
    height, other = everyone.heights[[lost, found]]
    ratio = max(height, other) / min(height, other)
    here, there = _middles(everyone.places[[lost, found]])
    far = float(np.hypot(*(there - here)) / max(height, other))
    away = everyone.frames[found] - everyone.frames[lost]
    if away <= FOUND_AGAIN_S * fps and far <= FOUND_AGAIN and ratio <= FOUND_SIZE:
        return far
    empty = not everyone.counts[everyone.frames[lost] + 1 : everyone.frames[found]].any()
    at_edge = _at_edge(everyone.joints[lost]) and _at_edge(everyone.joints[found])
    return far if away > 1 and empty and at_edge and ratio <= BACK_SIZE else np.inf


def _at_edge(joints: Float[np.ndarray, "J 3"]) -> bool:
    """Whether a body reaches the left or the right edge."""
    x = joints[joints[:, 2] > 0, 0]
    return bool(((x < AT_EDGE) | (x > 1 - AT_EDGE)).any())


def _middles(places: Float64[np.ndarray, "N J 2"]) -> Float64[np.ndarray, "N 2"]:
    """The middle of the box around each body; NaN where nothing is seen."""
    return (np.fmin.reduce(places, axis=1) + np.fmax.reduce(places, axis=1)) / 2
