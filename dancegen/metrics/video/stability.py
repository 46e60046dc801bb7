"""Stability of a video from frame to frame: flicker where nothing moves, and the warp error where something does.

Values are shares of white. The same measures of the real footage are the floor: a camera has noise.

Axes used in shapes:
    N frames    P pairs of consecutive frames, N - 1    H rows    W columns
"""

from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from dancegen.metrics.video.similarity import MATTE_INSIDE, WHITE

RING_PX = 10
CYCLE_SHARE, CYCLE_PX2 = 0.01, 0.5  # of forward-backward consistency, as published


def flicker(pictures: UInt8[np.ndarray, "N H W 3"], still: Bool[np.ndarray, "H W"]) -> float:
    """Mean change from frame to frame where nothing moves; 0 for one frame.

    `still` is the background: pixels without a person in any frame. Raises ValueError if there are none.
    """
    if not still.any():
        raise ValueError("no pixel is background in all frames")
    return masked_change(pictures, np.broadcast_to(still, (max(0, len(pictures) - 1), *still.shape)))


def masked_change(pictures: UInt8[np.ndarray, "N H W 3"], masks: Bool[np.ndarray, "P H W"]) -> float:
    """Mean change from frame to frame inside the mask of each pair of frames; 0 for one frame, NaN for empty masks."""
    if len(pictures) < 2:
        return 0.0
    total = count = 0.0
    for before, now, mask in zip(pictures[:-1], pictures[1:], masks, strict=True):
        total += float(np.abs(now[mask].astype(np.int16) - before[mask]).sum())
        count += 3 * int(mask.sum())
    return total / count / WHITE if count else float("nan")


def background(mattes: UInt8[np.ndarray, "N H W"]) -> Bool[np.ndarray, "P H W"]:
    """For each pair of frames, the pixels whose matte is 0 in both."""
    empty = mattes == 0
    return empty[1:] & empty[:-1]


def ring(mattes: UInt8[np.ndarray, "N H W"], width_px: int = RING_PX) -> Bool[np.ndarray, "P H W"]:
    """For each pair of frames, the pixels within `width_px` of the person in either, and in the person of neither.

    The flicker of a picture over a clean plate is 0 outside the matte by construction, but not here.
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width_px + 1, 2 * width_px + 1))
    found = []
    for before, now in pairwise(mattes):
        person = np.maximum(before, now) >= MATTE_INSIDE
        found.append((cv2.dilate(person.astype(np.uint8), disc) > 0) & ~person)
    return np.stack(found) if found else np.zeros((0, *mattes.shape[1:]), dtype=bool)


def backward_flow(
    previous: UInt8[np.ndarray, "H W 3"], picture: UInt8[np.ndarray, "H W 3"]
) -> tuple[Float32[np.ndarray, "H W 2"], Bool[np.ndarray, "H W"]]:
    """Flow (x, y) in pixels from `picture` to the same point in `previous`, and where forward flow leads back.

    Dense inverse search (Kroeger et al., ECCV 2016); the check is that of Sundaram et al. (ECCV 2010, equation 5).
    """
    before, now = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (previous, picture))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    backward = np.asarray(search.calc(now, before, np.zeros((*now.shape, 2), np.float32)), dtype=np.float32)
    forward = np.asarray(search.calc(before, now, np.zeros((*now.shape, 2), np.float32)), dtype=np.float32)
    returning = warped(forward, backward)
    error = np.square(backward + returning).sum(axis=-1)
    lengths = np.square(backward).sum(axis=-1) + np.square(returning).sum(axis=-1)
    rows, columns = error.shape
    y, x = np.mgrid[:rows, :columns]
    there_x, there_y = x + backward[..., 0], y + backward[..., 1]
    inside = (there_x >= 0) & (there_x <= columns - 1) & (there_y >= 0) & (there_y <= rows - 1)
    return backward, np.asarray(inside & (error < CYCLE_SHARE * lengths + CYCLE_PX2))


def warp_error(pictures: UInt8[np.ndarray, "N H W 3"], moving: UInt8[np.ndarray, "N H W 3"]) -> float:
    """Mean |y_t - y_t-1 at p + flow| over the pixels with a valid flow (Lai et al., ECCV 2018); NaN without any.

    The flow is that of `moving`: the real frames of the same moments, or the pictures themselves where there are none.
    """
    total = count = 0.0
    for number in range(1, len(pictures)):
        flow, valid = backward_flow(moving[number - 1], moving[number])
        change = np.abs(pictures[number].astype(np.float32) - warped(pictures[number - 1].astype(np.float32), flow))
        total += float(change[valid].sum())
        count += 3 * int(valid.sum())
    return total / count / WHITE if count else float("nan")


def warped(values: Float32[np.ndarray, "H W C"], flow: Float32[np.ndarray, "H W 2"]) -> Float32[np.ndarray, "H W C"]:
    """The values at p + flow(p), bilinear; the border is continued outwards."""
    rows, columns = flow.shape[:2]
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    there = (x + flow[..., 0], y + flow[..., 1])
    found = cv2.remap(values, *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, dtype=np.float32)
