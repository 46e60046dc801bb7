"""Sampled frames -> movement of the camera and drift of the exposure, measured on the background.

Axes used in shapes:
    N samples    H rows    W columns    P points
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

POINTS, MIN_POINTS = 300, 12  # corners of the background; below the minimum a shift cannot be measured
QUALITY, SPACING_PX = 0.02, 7
WINDOW_PX, LEVELS = 21, 4
RETURN_PX = 0.7  # error of tracking a point there and back
LOST_SHARE = 0.5  # of the points: when fewer return and the background differs, the view is another one
OTHER_VIEW = 8.0  # mean difference of the background, in levels of 255
DRIFT_WINDOW_S = 10.0


def camera_shifts(greys: UInt8[np.ndarray, "N H W"], person: Bool[np.ndarray, "N H W"]) -> Float[np.ndarray, " N"]:
    """Median displacement of the background's corners from the middle sample, as a fraction of the width.

    Corners are tracked by pyramidal Lucas-Kanade. NaN where too few are visible or can be tracked, as on plain walls;
    infinite where the background is another one.
    """
    reference = len(greys) // 2
    points = _corners(greys[reference], ~person[reference])
    masks = person | person[reference]
    return np.array([_shift(greys[reference], grey, points, mask) for grey, mask in zip(greys, masks, strict=True)])


def exposure_offsets(
    greys: UInt8[np.ndarray, "N H W"], plate: UInt8[np.ndarray, "H W"], person: Bool[np.ndarray, "N H W"]
) -> Float[np.ndarray, " N"]:
    """Mean brightness of each sample's background minus that of the plate, in levels of 255; NaN without background."""
    offsets = []
    for grey, mask in zip(greys, person, strict=True):
        difference = grey.astype(np.float32) - plate
        offsets.append(float(difference[~mask].mean()) if not mask.all() else np.nan)
    return np.array(offsets)


def drift(offsets: Float[np.ndarray, " N"], spacing_s: float) -> float:
    """Largest change of the offsets within DRIFT_WINDOW_S."""
    width = max(2, round(DRIFT_WINDOW_S / spacing_s) + 1)
    known = offsets[np.isfinite(offsets)]
    return max((float(np.ptp(known[start : start + width])) for start in range(len(known))), default=0.0)


def _corners(grey: UInt8[np.ndarray, "H W"], background: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "P 2"]:
    found = cv2.goodFeaturesToTrack(grey, POINTS, QUALITY, SPACING_PX, mask=background.astype(np.uint8))
    return np.zeros((0, 2), np.float32) if found is None else np.asarray(found, np.float32).reshape(-1, 2)


def _shift(
    reference: UInt8[np.ndarray, "H W"],
    grey: UInt8[np.ndarray, "H W"],
    points: Float[np.ndarray, "P 2"],
    person: Bool[np.ndarray, "H W"],
) -> float:
    rows, columns = person.shape
    inside = ~person[
        points[:, 1].round().astype(int).clip(0, rows - 1), points[:, 0].round().astype(int).clip(0, columns - 1)
    ]
    points = points[inside]
    if len(points) < MIN_POINTS:
        return np.nan
    grey = _as_bright(grey, reference, ~person)
    moved, found = _tracked(reference, grey, points)
    returned, found_back = _tracked(grey, reference, moved)
    good = found & found_back & (np.linalg.norm(returned - points, axis=1) < RETURN_PX)
    if good.mean() < LOST_SHARE:
        return np.inf if _difference(reference, grey, person) > OTHER_VIEW else np.nan
    return float(np.median(np.linalg.norm(moved - points, axis=1)[good])) / columns


def _as_bright(
    grey: UInt8[np.ndarray, "H W"], reference: UInt8[np.ndarray, "H W"], background: Bool[np.ndarray, "H W"]
) -> UInt8[np.ndarray, "H W"]:
    """The sample with the mean brightness of the reference: tracking assumes that it is constant."""
    offset = float(reference[background].mean() - grey[background].mean()) if background.any() else 0.0
    return np.clip(grey + offset, 0, 255).astype(np.uint8)


def _difference(
    reference: UInt8[np.ndarray, "H W"], grey: UInt8[np.ndarray, "H W"], person: Bool[np.ndarray, "H W"]
) -> float:
    """Mean difference of the background."""
    return float(cv2.absdiff(reference, grey)[~person].mean()) if not person.all() else 0.0


def _tracked(
    before: UInt8[np.ndarray, "H W"], after: UInt8[np.ndarray, "H W"], points: Float[np.ndarray, "P 2"]
) -> tuple[Float[np.ndarray, "P 2"], Bool[np.ndarray, " P"]]:
    places, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, points.copy(), winSize=(WINDOW_PX, WINDOW_PX), maxLevel=LEVELS
    )
    return np.asarray(places).reshape(-1, 2), np.asarray(found).ravel().astype(bool)
