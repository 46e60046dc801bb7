"""people with track numbers -> the dancer: one person per shot, missing in frames without that person

The estimator loses a dancer now and then, and a track ends. So the tracks of a shot are first joined to persons: a
track that begins soon after the end of another one, near it and of its size, is the same person; so is a track that
begins after an interval without any person in the frame. Then the policy selects a person. Another person who is alone
in the frame while the selected person is absent is the dancer too. `tracks` is the dancer's track in each frame, so
that clips in which it changes can be left out.

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

LEAST_S = 1.0  # persons visible for less are ignored, unless all are
LEAST_JOINTS = 8  # found on a body, median over its frames: a face and shoulders are not a dancer
NEARLY_AS_LONG = 0.75  # of the longest presence: above this, size decides instead of duration

FOUND_AGAIN_S = 3.0  # longest gap within a person's track
FOUND_AGAIN = 0.6  # body heights between the end of a track and the start of the next: a step or two
FOUND_SIZE = 1.5  # ratio of heights
BACK_S = 10.0  # longest absence of a person who left the frame empty
BACK_SIZE = 2.0  # ratio of heights after such an absence
ALONE_SHARE = 0.9  # of the frames without other people: there is one dancer
AT_EDGE = 0.03  # of the frame: a body within this distance of an edge leaves or enters


@dataclass(frozen=True)
class Dancer:
    """The selected dancer."""

    joints: Float32[np.ndarray, "T J 3"]
    """As detected; missing in frames without the dancer."""
    tracks: Int32[np.ndarray, " T"]
    """The dancer's track in each frame; -1 in frames without the dancer."""


@dataclass(frozen=True)
class Person:
    """One person in one shot, as row numbers among all people of the video."""

    rows: Int[np.ndarray, " N"]  # in temporal order
    seen: int  # frames
    joints: float  # median number found
    height: float  # median, in frame heights
    off_centre: float  # median distance of the body's centre from the frame's, in frame heights


@dataclass(frozen=True)
class _Everyone:
    """All people of a video, concatenated over frames."""

    joints: Float[np.ndarray, "N J 3"]
    tracks: Int[np.ndarray, " N"]
    frames: Int[np.ndarray, " N"]
    counts: Int[np.ndarray, " T"]  # people in each frame
    places: Float64[np.ndarray, "N J 2"]  # in frame heights
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
"""Name -> policy that selects the dancer of a shot: visible longest, tallest, or nearest to the frame's centre."""


def choose(
    people: Sequence[Float[np.ndarray, "_ 18 3"]],
    ids: Sequence[Int[np.ndarray, " _"]],
    cuts: Collection[int],
    policy: str,
    fps: float,
    aspect: float,
) -> Dancer:
    """Select the dancer. `ids` are track numbers, computed with the same cuts; `policy` is a name in POLICIES."""
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
    """Number of changes of the dancer's track within shots."""
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
    """Candidates for the dancer of a shot, in temporal order."""
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
    """Persons who are alone in the frame while the chosen one is absent: the same dancer, found after a longer gap."""
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
    """Whether adding the rows would imply an impossible change of position or size: then they are another person."""
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
    """Tracklets joined to persons: each is appended to the nearest compatible person."""
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
    """Distance in body heights between the end of one tracklet and the start of another; infinite if incompatible."""
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
    """Whether a body reaches the left or right edge of the frame."""
    x = joints[joints[:, 2] > 0, 0]
    return bool(((x < AT_EDGE) | (x > 1 - AT_EDGE)).any())


def _middles(places: Float64[np.ndarray, "N J 2"]) -> Float64[np.ndarray, "N 2"]:
    """The centre of the bounding box of each body; NaN where no joint is found."""
    return (np.fmin.reduce(places, axis=1) + np.fmax.reduce(places, axis=1)) / 2
