"""Quality of video frames, against true frames or against each other.

Axes used in shapes:
    N frames    H rows    W columns
"""

import math

import cv2
import numpy as np
from jaxtyping import Bool, Float64, UInt8

WHITE = 255.0
SSIM_SIGMA_PX, SSIM_RADIUS_PX = 1.5, 5  # of the Gaussian window of 11 x 11 pixels
SSIM_C1, SSIM_C2 = (0.01 * WHITE) ** 2, (0.03 * WHITE) ** 2


def psnr(found: UInt8[np.ndarray, "H W 3"], true: UInt8[np.ndarray, "H W 3"]) -> float:
    """Peak signal-to-noise ratio in dB; infinite for identical frames."""
    error = float(np.mean(np.square(found.astype(np.float64) - true)))
    return math.inf if error == 0 else 10 * math.log10(WHITE**2 / error)


def ssim(found: UInt8[np.ndarray, "H W 3"], true: UInt8[np.ndarray, "H W 3"]) -> float:
    """Structural similarity (Wang et al., 2004) per colour channel: 1 for identical frames.

    The window is the published one, a Gaussian of 1.5 pixels; positions where it leaves the frame have no value. Raises
    ValueError for a frame that is smaller than the window.
    """
    if min(found.shape[:2]) <= 2 * SSIM_RADIUS_PX:
        raise ValueError(f"a frame of {found.shape[:2]} is smaller than the window of {2 * SSIM_RADIUS_PX + 1}")
    x, y = found.astype(np.float64), true.astype(np.float64)
    mean_x, mean_y = _smooth(x), _smooth(y)
    variance_x, variance_y = _smooth(x * x) - mean_x**2, _smooth(y * y) - mean_y**2
    together = _smooth(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + SSIM_C1) * (2 * together + SSIM_C2)
    likeness /= (mean_x**2 + mean_y**2 + SSIM_C1) * (variance_x + variance_y + SSIM_C2)
    return float(likeness.mean())


def flicker(pictures: UInt8[np.ndarray, "N H W 3"], still: Bool[np.ndarray, "H W"]) -> float:
    """Mean change from frame to frame where nothing moves, as a share of white; 0 for one frame.

    `still` is the background: pixels without a person in any frame. Raises ValueError if there are none.
    """
    if not still.any():
        raise ValueError("no pixel is background in all frames")
    background = pictures[:, still].astype(np.float64)
    return float(np.abs(np.diff(background, axis=0)).mean()) / WHITE if len(pictures) > 1 else 0.0


def _smooth(values: Float64[np.ndarray, "H W 3"]) -> Float64[np.ndarray, "h w 3"]:
    """Weighted means under the window, where it is inside the frame."""
    side, margin = 2 * SSIM_RADIUS_PX + 1, SSIM_RADIUS_PX
    blurred = cv2.GaussianBlur(values, (side, side), SSIM_SIGMA_PX)
    return np.asarray(blurred, dtype=np.float64)[margin:-margin, margin:-margin]
