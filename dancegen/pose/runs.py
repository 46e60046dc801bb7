"""A tracked dancer -> unbroken runs: frames in which the dancer has the same track in the same shot.

Axes used in shapes:
    T frames
"""

from collections.abc import Collection

import numpy as np
from jaxtyping import Int

NOBODY = -1  # in `tracks`: frame without the dancer


def unbroken_runs(tracks: Int[np.ndarray, " T"], cuts: Collection[int]) -> list[slice]:
    """The runs, in order. Frames without the dancer belong to a run if the same track continues after them."""
    followed = np.flatnonzero(tracks != NOBODY)
    if not len(followed):
        return []
    shot = np.searchsorted(np.sort(np.fromiter(cuts, dtype=int)), followed, side="right")
    breaks = np.flatnonzero((np.diff(tracks[followed]) != 0) | (np.diff(shot) != 0)) + 1
    return [slice(int(run[0]), int(run[-1]) + 1) for run in np.split(followed, breaks)]
