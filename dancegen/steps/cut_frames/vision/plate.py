"""Sampled frames -> clean plate: the background without the person.

Axes used in shapes:
    N samples    H rows    W columns
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

MIN_SEEN = 3  # samples in which a pixel must be free of the person
ROWS_AT_ONCE = 64  # bounds the memory of sorting
INPAINT_RADIUS_PX = 3.0
MASKED = 256  # sorts behind all levels


@dataclass(frozen=True)
class Plate:
    """The background, and the fraction of its pixels that are visible in some samples."""

    picture: UInt8[np.ndarray, "H W 3"]
    coverage: float


def clean_plate(pictures: UInt8[np.ndarray, "N H W 3"], person: Bool[np.ndarray, "N H W"]) -> Plate:
    """Per pixel the median over the samples outside the person's mask; the rest is inpainted (Telea 2004).

    A pixel counts as visible when MIN_SEEN samples show it, or all of fewer samples.
    """
    picture, visible = _masked_median(pictures, person)
    if not visible.all() and visible.any():
        hidden = (~visible).astype(np.uint8)
        picture = np.asarray(cv2.inpaint(picture, hidden, INPAINT_RADIUS_PX, cv2.INPAINT_TELEA))
    return Plate(picture, float(visible.mean()))


def _masked_median(
    pictures: UInt8[np.ndarray, "N H W 3"], masked: Bool[np.ndarray, "N H W"]
) -> tuple[UInt8[np.ndarray, "H W 3"], Bool[np.ndarray, "H W"]]:
    """Lower median over the samples that are not masked, and whether there are enough of them."""
    count = (~masked).sum(axis=0)
    result = np.empty(pictures.shape[1:], np.uint8)
    for start in range(0, len(result), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        levels = np.where(masked[:, rows, :, None], np.int16(MASKED), pictures[:, rows].astype(np.int16))
        levels.sort(axis=0)
        middle = np.maximum(count[rows] - 1, 0) // 2
        result[rows] = np.take_along_axis(levels, middle[None, :, :, None], axis=0)[0].clip(0, 255)
    return result, count >= min(MIN_SEEN, len(pictures))
