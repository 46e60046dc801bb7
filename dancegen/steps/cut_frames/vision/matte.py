"""A frame and the clean plate -> matte of the person.

Axes used in shapes:
    H rows    W columns
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

MIN_HIGH, MIN_LOW = 28.0, 14.0  # levels of 255: certain and possible foreground
HIGH_NOISE, LOW_NOISE = 8.0, 4.0  # times the background's noise, where that is more
MAD_TO_SD = 1.4826
SHADOW_DARKEST, SHADOW_SPREAD = 0.45, 0.06  # of a shadow: brightness / plate, and its difference between channels
EDGE_SHARE = 0.5  # of the largest difference nearby: pixels of the edge below it are mostly background
EDGE_PX_PER_HEIGHT = 1 / 80  # width of the edge
HOLE_SHARE = 0.0003  # of the picture: larger holes, such as that between the legs, show the background


def difference_matte(
    picture: UInt8[np.ndarray, "H W 3"],
    plate: UInt8[np.ndarray, "H W 3"],
    wide: Bool[np.ndarray, "H W"],
    floor: Bool[np.ndarray, "H W"],
    core: Bool[np.ndarray, "H W"],
) -> UInt8[np.ndarray, "H W"]:
    """Matte from |picture - plate|, thresholded with hysteresis.

    `wide` bounds the person; in `floor`, pixels that are a darker plate are shadow or reflection; `core`, the inside of
    the limbs, always belongs to the person.
    """
    picture = _as_exposed(picture, plate, wide)
    difference = cv2.GaussianBlur(np.abs(picture - plate).max(axis=-1), (3, 3), 0)
    noise = MAD_TO_SD * float(np.median(difference[~wide])) if (~wide).any() else 0.0
    possible = difference > max(MIN_LOW, LOW_NOISE * noise)
    certain = difference > max(MIN_HIGH, HIGH_NOISE * noise)
    mask = possible & wide & ~(_shadow(picture, plate) & floor)
    mask = _tightened(_connected(mask | core, (certain & mask) | core), difference)
    mask = _opened(mask | core)
    mask = _filled(_connected(mask | core, core if core.any() else mask))
    return np.asarray(cv2.GaussianBlur(mask.astype(np.uint8) * 255, (3, 3), 0))


def _as_exposed(
    picture: UInt8[np.ndarray, "H W 3"], plate: UInt8[np.ndarray, "H W 3"], wide: Bool[np.ndarray, "H W"]
) -> Float32[np.ndarray, "H W 3"]:
    """The picture with the median brightness of the plate in the background, for each channel."""
    result = picture.astype(np.float32)
    if (~wide).any():
        result -= np.median(result[~wide] - plate[~wide], axis=0)
    return result


def _shadow(picture: Float32[np.ndarray, "H W 3"], plate: UInt8[np.ndarray, "H W 3"]) -> Bool[np.ndarray, "H W"]:
    """Pixels whose channels are those of the plate times one factor below 1."""
    smooth = cv2.GaussianBlur(picture, (5, 5), 0)
    ratio = smooth / np.maximum(cv2.GaussianBlur(plate, (5, 5), 0).astype(np.float32), 8.0)
    level = ratio.mean(axis=-1)
    return (level > SHADOW_DARKEST) & (level < 1.0) & (np.ptp(ratio, axis=-1) < 2 * SHADOW_SPREAD)


def _connected(mask: Bool[np.ndarray, "H W"], seeds: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """The connected components of a mask that contain a seed."""
    count, labelled = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    labels = np.asarray(labelled, np.int32)
    kept = np.zeros(count, bool)
    kept[labels[seeds & mask]] = True
    kept[0] = False
    return kept[labels]


def _tightened(mask: Bool[np.ndarray, "H W"], difference: Float32[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """The mask without pixels of its edge that mix little of the person with the background."""
    disc = _disc(EDGE_PX_PER_HEIGHT * len(mask))
    edge = mask & ~cv2.erode(mask.astype(np.uint8), disc).astype(bool)
    nearby = cv2.dilate(np.where(mask, difference, 0.0), disc)
    return mask & ~(edge & (difference < EDGE_SHARE * nearby))


def _opened(mask: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """Closed, then opened, by a disc of 1 % of the height in diameter: without gaps and specks."""
    disc = _disc(0.005 * len(mask))
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, disc)
    return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, disc)).astype(bool)


def _filled(mask: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """The mask without small holes."""
    _, labels, measures, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = np.asarray(measures[:, cv2.CC_STAT_AREA] < HOLE_SHARE * mask.size)
    small[0] = False
    return mask | small[np.asarray(labels, np.int32)]


def _disc(radius_px: float) -> np.ndarray:
    """Structuring element of at least 3x3 pixels."""
    size = 2 * max(1, round(radius_px)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
