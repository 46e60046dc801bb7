"""Frames with the dancer -> training, validation and test split, by time with gaps.

Neighbouring frames are nearly equal. A random split would therefore make every measure on held-out frames optimistic.
"""

import numpy as np
from jaxtyping import Bool

TRAIN, VALIDATION, TEST, GAP = "train", "validation", "test", "gap"
SPLITS = (TRAIN, VALIDATION, TEST)


def splits_of(
    present: Bool[np.ndarray, " T"], fps: float, validation_share: float, test_share: float, gap_s: float
) -> list[str]:
    """The split of each frame, or GAP. The shares are of the frames with the dancer; the gaps are of all frames."""
    passed = np.cumsum(present) / max(1, present.sum())  # share of the dancer's frames up to each frame
    train_stop, test_start = (
        int(np.searchsorted(passed, share, "right")) for share in (1 - validation_share - test_share, 1 - test_share)
    )
    gap = round(gap_s * fps)
    result = np.full(len(present), GAP, dtype=object)
    result[:train_stop] = TRAIN
    result[train_stop + gap : test_start] = VALIDATION
    result[test_start + gap :] = TEST
    return result.tolist()
