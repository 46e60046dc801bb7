"""A tracked video -> windows of equal length that are usable for training, and why the others are left out.

Axes used in shapes:
    T frames    J joints    W windows
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from dancegen.pose.runs import unbroken_runs
from dancegen.skeleton import COCO18

TORSO = ("right_shoulder", "left_shoulder", "right_hip", "left_hip")
TORSO_SHARE = 0.5  # of a window's frames must have the torso: it defines the position and the size of the body
USABLE_FRAMES = 50  # length of a clip for `usable_frames`: five seconds at ten poses per second
USABLE_MISSING_SHARE = 0.3

TOO_SHORT = "the video is shorter than a clip"
NO_SOUND = "the audio ends too early"
CROSSES_A_CUT = "it contains a shot cut"
OTHER_DANCER = "the tracked dancer changes"
LOST = "the dancer is lost"
TOO_MANY_MISSING = "too many joints are missing"
NO_TORSO = "shoulders or hips are not visible"


@dataclass(frozen=True)
class Window:
    """Part of a video."""

    start_frame: int
    frames: int
    missing_share: float

    @property
    def slice(self) -> slice:
        """The window as a slice of the video's frames."""
        return slice(self.start_frame, self.start_frame + self.frames)


@dataclass(frozen=True)
class Windows:
    """The windows to keep, and the number of those left out, by reason."""

    kept: list[Window] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def cut(
    joints: Float[np.ndarray, "T J 3"],
    tracks: Int[np.ndarray, " T"],
    cuts: Collection[int],
    frames: int,
    stride_frames: int,
    max_missing_share: float,
    sounding_frames: float,
) -> Windows:
    """Windows of `frames`, one every `stride_frames`. The audio lasts `sounding_frames`, which need not be an integer.

    `joints` are repaired; `tracks` is the dancer's track in each frame, `cuts` the frames that begin a new shot.
    """
    windows = Windows()
    if len(joints) < frames:
        windows.left_out[TOO_SHORT] += 1
        return windows
    missing = np.asarray(joints[..., 2] <= 0)
    starts = np.arange(0, len(joints) - frames + 1, stride_frames)
    missing_shares = _sums(missing.sum(axis=1), starts, frames) / (frames * joints.shape[1])
    no_torso = (
        _sums(np.asarray(missing[:, COCO18.indices(*TORSO)].any(axis=1)), starts, frames) > (1 - TORSO_SHARE) * frames
    )
    cut_inside = _sums(_marked(cuts, len(joints)), starts + 1, frames - 1) > 0
    changes = _sums(_changes(tracks, cuts), starts + 1, frames - 1) > 0
    lost = _sums(np.asarray(missing.all(axis=1)), starts, frames) > 0
    reasons = {
        NO_SOUND: starts + frames > sounding_frames + 1,  # the last frame's audio may be incomplete: codecs round
        CROSSES_A_CUT: cut_inside,
        OTHER_DANCER: changes,
        LOST: lost,
        TOO_MANY_MISSING: missing_shares > max_missing_share,
        NO_TORSO: no_torso,
    }
    for number, start in enumerate(starts.tolist()):
        reason = next((reason for reason, holds in reasons.items() if holds[number]), None)
        if reason is None:
            windows.kept.append(Window(start, frames, float(missing_shares[number])))
        else:
            windows.left_out[reason] += 1
    return windows


def usable_frames(joints: Float[np.ndarray, "T J 3"], tracks: Int[np.ndarray, " T"], cuts: Collection[int]) -> int:
    """Number of frames that are in at least one possible clip of five seconds."""
    found = cut(joints, tracks, cuts, USABLE_FRAMES, 1, USABLE_MISSING_SHARE, sounding_frames=len(joints))
    usable = np.zeros(len(joints), dtype=bool)
    for window in found.kept:
        usable[window.slice] = True
    return int(usable.sum())


def _sums(values: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Sums of the `length` values from each start."""
    total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return total[starts + length] - total[starts]


def _marked(frames: Collection[int], count: int) -> np.ndarray:
    marked = np.zeros(count, dtype=bool)
    marked[[frame for frame in frames if 0 < frame < count]] = True
    return marked


def _changes(tracks: Int[np.ndarray, " T"], cuts: Collection[int]) -> np.ndarray:
    """Where an unbroken run begins after another one."""
    return _marked([run.start for run in unbroken_runs(tracks, cuts)[1:]], len(tracks))
