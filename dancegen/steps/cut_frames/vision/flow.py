"""Two consecutive frames -> backward optical flow and where it is valid, at a quarter of the size.

Axes used in shapes:
    H rows    W columns of the frames
"""

import cv2
import numpy as np
from jaxtyping import Float16, Float32, UInt8

SCALE = 4
MAX_ERROR_PX, MAX_ERROR_SHARE = 0.75, 0.05  # of the way there and back: a constant, and a share of its length
VALID_SHARE = 0.75  # of the pixels that become one


def backward_flow(
    previous: UInt8[np.ndarray, "H W 3"], picture: UInt8[np.ndarray, "H W 3"]
) -> tuple[Float16[np.ndarray, "2 H/4 W/4"], UInt8[np.ndarray, "H/4 W/4"]]:
    """Flow (x, y) in pixels of the frames, such that the content at p in `picture` is at p + flow in `previous`.

    The flow is by dense inverse search (Kroeger et al., ECCV 2016), averaged over 4x4 pixels. It is valid where the
    forward flow leads back.
    """
    before, now = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (previous, picture))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    backward = np.asarray(search.calc(now, before, np.zeros((*now.shape, 2), np.float32)))
    forward = np.asarray(search.calc(before, now, np.zeros((*now.shape, 2), np.float32)))
    valid = _agrees(backward, forward)
    size = (now.shape[1] // SCALE, now.shape[0] // SCALE)
    small = cv2.resize(backward, size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return small.transpose(2, 0, 1).astype(np.float16), (share >= VALID_SHARE).astype(np.uint8)


def _agrees(backward: Float32[np.ndarray, "H W 2"], forward: Float32[np.ndarray, "H W 2"]) -> np.ndarray:
    """Whether the way backward and then forward returns to its start, inside the picture."""
    rows, columns = backward.shape[:2]
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    there_x, there_y = x + backward[..., 0], y + backward[..., 1]
    returning = cv2.remap(forward, there_x, there_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    error = np.linalg.norm(backward + returning, axis=-1)
    inside = (there_x >= 0) & (there_x <= columns - 1) & (there_y >= 0) & (there_y <= rows - 1)
    return inside & (error < MAX_ERROR_PX + MAX_ERROR_SHARE * np.linalg.norm(backward, axis=-1))
