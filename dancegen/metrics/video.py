"""pictures of a video against true ones, or against each other -> how good they are

Axes used in shapes:
    N pictures    H rows    W columns
"""

import math

import cv2
import numpy as np
from jaxtyping import Bool, Float64, UInt8

WHITE = 255.0
SSIM_SIGMA_PX, SSIM_RADIUS_PX = 1.5, 5  # of the Gaussian window of 11 x 11 pixels
SSIM_C1, SSIM_C2 = (0.01 * WHITE) ** 2, (0.03 * WHITE) ** 2


def psnr(found: UInt8[np.ndarray, "H W 3"], true: UInt8[np.ndarray, "H W 3"]) -> float:
    """Peak signal-to-noise ratio in dB; infinite for the same picture."""
    error = float(np.mean(np.square(found.astype(np.float64) - true)))
    return math.inf if error == 0 else 10 * math.log10(WHITE**2 / error)


def ssim(found: UInt8[np.ndarray, "H W 3"], true: UInt8[np.ndarray, "H W 3"]) -> float:
    """Structural similarity (Wang et al., 2004) of the colours, each by itself: 1 for the same picture.

    The published window, a Gaussian of 1.5 pixels; where it would leave the picture there is no value. Raises
    ValueError for a picture that is smaller than the window.
    """
    if min(found.shape[:2]) <= 2 * SSIM_RADIUS_PX:
        raise ValueError(f"a picture of {found.shape[:2]} is smaller than the window of {2 * SSIM_RADIUS_PX + 1}")
    x, y = found.astype(np.float64), true.astype(np.float64)
    mean_x, mean_y = _smooth(x), _smooth(y)
    variance_x, variance_y = _smooth(x * x) - mean_x**2, _smooth(y * y) - mean_y**2
    together = _smooth(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + SSIM_C1) * (2 * together + SSIM_C2)
    likeness /= (mean_x**2 + mean_y**2 + SSIM_C1) * (variance_x + variance_y + SSIM_C2)
    return float(likeness.mean())


def flicker(pictures: UInt8[np.ndarray, "N H W 3"], still: Bool[np.ndarray, "H W"]) -> float:
    """Mean change from picture to picture where nothing moves, as a share of white; 0 for one picture.

    `still` is the background: pixels where nobody is in any picture. Raises ValueError when there are none.
    """
    if not still.any():
        raise ValueError("no pixel is background in all pictures")
    background = pictures[:, still].astype(np.float64)
    return float(np.abs(np.diff(background, axis=0)).mean()) / WHITE if len(pictures) > 1 else 0.0


def _smooth(values: Float64[np.ndarray, "H W 3"]) -> Float64[np.ndarray, "h w 3"]:
    """Means under the window, where it is inside the picture."""
    side, margin = 2 * SSIM_RADIUS_PX + 1, SSIM_RADIUS_PX
    blurred = cv2.GaussianBlur(values, (side, side), SSIM_SIGMA_PX)
    return np.asarray(blurred, dtype=np.float64)[margin:-margin, margin:-margin]
