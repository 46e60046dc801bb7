"""Two consecutive frames -> backward optical flow and where it is valid, at a quarter of the size.

Axes used in shapes:
    H rows    W columns of the frames
"""

import cv2
import numpy as np
from jaxtyping import Float16, UInt8

from dancegen.metrics.video.stability import backward_flow

SCALE = 4
VALID_SHARE = 0.75  # of the pixels that become one


def small_flow(
    previous: UInt8[np.ndarray, "H W 3"], picture: UInt8[np.ndarray, "H W 3"]
) -> tuple[Float16[np.ndarray, "2 H/4 W/4"], UInt8[np.ndarray, "H/4 W/4"]]:
    """Flow (x, y) in pixels of the frames, such that the content at p in `picture` is at p + flow in `previous`.

    It is averaged over 4x4 pixels, and valid where the flow of most of them leads back (see `backward_flow`).
    """
    backward, valid = backward_flow(previous, picture)
    size = (valid.shape[1] // SCALE, valid.shape[0] // SCALE)
    small = cv2.resize(backward, size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return small.transpose(2, 0, 1).astype(np.float16), (share >= VALID_SHARE).astype(np.uint8)
