"""A tracked video -> windows of equal length that are worth learning from, and why the others are not.

Axes used in shapes:
    T frames    J joints
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from dancegen.skeleton import COCO18

TORSO = ("right_shoulder", "left_shoulder", "right_hip", "left_hip")
TORSO_SHARE = 0.5  # of a window's frames must show the torso: it gives the place and the size of the body

TOO_SHORT = "the video is shorter than a clip"
NO_SOUND = "the sound is over"
TOO_MANY_MISSING = "too many joints are missing"
NO_TORSO = "shoulders or hips are not seen"


@dataclass(frozen=True)
class Window:
    """Part of a video."""

    start_frame: int
    frames: int
    missing_share: float

    @property
    def slice(self) -> slice:
        """Its place among the video's frames."""
        return slice(self.start_frame, self.start_frame + self.frames)


@dataclass(frozen=True)
class Windows:
    """The windows to keep, and how many were left out for which reason."""

    kept: list[Window] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def cut(
    joints: Float[np.ndarray, "T J 3"],
    frames: int,
    stride_frames: int,
    max_missing_share: float,
    sounding_frames: float,
) -> Windows:
    """Windows of `frames`, one every `stride_frames`. The sound lasts `sounding_frames`, which need not be whole."""
    windows = Windows()
    if len(joints) < frames:
        windows.left_out[TOO_SHORT] += 1
    for start in range(0, len(joints) - frames + 1, stride_frames):
        missing = joints[start : start + frames, :, 2] <= 0
        if start + frames > sounding_frames + 1:  # the last frame may be half heard: codecs round
            windows.left_out[NO_SOUND] += 1
        elif missing.mean() > max_missing_share:
            windows.left_out[TOO_MANY_MISSING] += 1
        elif missing[:, COCO18.indices(*TORSO)].any(axis=1).mean() > 1 - TORSO_SHARE:
            windows.left_out[NO_TORSO] += 1
        else:
            windows.kept.append(Window(start, frames, float(missing.mean())))
    return windows
