"""Recordings of dancers -> moves of eight beats, each with its place in the recording and its energy.

Coordinates are those of the corpus: torso lengths, x to the right, y down; the origin is the middle of the hips, a
median over the recording.

Axes used in shapes:
    T poses    J joints, as in skeleton.COCO18    N beats
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64

from dancegen.pose.normalize import TORSOS_A_UNIT, body
from dancegen.skeleton import COCO18

BEATS = 8
"""Beats of a move: two bars of four."""
MOST_MISSING = 0.08  # share of a move's joints that may be interpolated
LONGEST_S, SHORTEST_S = 8.0, 2.0


@dataclass(frozen=True)
class Recording:
    """A dance of one person, with the beats of its music."""

    uri: str
    pose: Float32[np.ndarray, "T J 2"]
    known: Bool[np.ndarray, "T J"]
    """Joints that were found; the others are interpolated."""
    fps: float
    beats_s: Float64[np.ndarray, " N"]

    def at(self, seconds: Float64[np.ndarray, " F"]) -> Float64[np.ndarray, "F J 2"]:
        """The poses at some times, by linear interpolation; the first and the last pose are held."""
        place = np.clip(seconds * self.fps, 0, len(self.pose) - 1)
        before = np.minimum(place.astype(int), len(self.pose) - 2)
        share = (place - before)[:, None, None]
        return (1 - share) * self.pose[before] + share * self.pose[before + 1]


@dataclass(frozen=True)
class RecordedMove:
    """Eight beats of a recording."""

    recording: Recording
    first_beat: int
    speed: float
    """Mean speed of the joints, in torsos per beat."""

    @property
    def beats_s(self) -> Float64[np.ndarray, " 9"]:
        """Times of its beats in the recording, with that after the last."""
        return self.recording.beats_s[self.first_beat : self.first_beat + BEATS + 1]

    @property
    def beat_s(self) -> float:
        """Mean duration of a beat."""
        return float(self.beats_s[-1] - self.beats_s[0]) / BEATS


def recording(
    uri: str, joints: Float[np.ndarray, "T J 3"], aspect: float, fps: float, beats_s: Float64[np.ndarray, " N"]
) -> Recording:
    """A recording from joints as fractions of the frame. Missing joints are interpolated in time."""
    pose, mask = body(joints, aspect)
    known = mask > 0
    filled = np.zeros_like(pose)
    for joint in np.flatnonzero(known.any(axis=0)):
        at = np.flatnonzero(known[:, joint])
        for axis in range(2):
            filled[:, joint, axis] = np.interp(np.arange(len(pose)), at, pose[at, joint, axis])
    return Recording(uri, TORSOS_A_UNIT * filled, known, fps, beats_s)


def moves_of(source: Recording) -> Iterator[RecordedMove]:
    """The moves that start at each beat of a recording and are whole; those with too many gaps are left out."""
    for first in range(len(source.beats_s) - BEATS):
        start_s, end_s = source.beats_s[first], source.beats_s[first + BEATS]
        frames = slice(int(start_s * source.fps), int(np.ceil(end_s * source.fps)) + 1)
        part = source.pose[frames]
        whole = frames.stop <= len(source.pose) and SHORTEST_S < end_s - start_s < LONGEST_S
        if whole and not source.known[frames].mean() < 1 - MOST_MISSING:
            way = np.linalg.norm(np.diff(part, axis=0), axis=-1).mean(axis=1).sum()
            yield RecordedMove(source, first, float(way) / BEATS)


def bone_lengths(pose: Float[np.ndarray, "T J 2"]) -> Float64[np.ndarray, " bones"]:
    """Lengths of COCO18's bones in space: high quantiles of those in the frame, where they are foreshortened."""
    lengths = [np.linalg.norm(pose[:, end] - pose[:, start], axis=-1) for start, end in COCO18.bone_indices]
    return np.quantile(np.asarray(lengths, dtype=np.float64), 0.97, axis=1)
