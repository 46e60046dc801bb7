"""Similarity of a frame to the true frame.

Axes used in shapes:
    H rows    W columns    h, w rows and columns of a reduced frame    L rows or columns
"""

import math

import cv2
import numpy as np
from jaxtyping import Float64, Int, UInt8

WHITE = 255.0
SSIM_SIGMA_PX, SSIM_RADIUS_PX = 1.5, 5  # of the Gaussian window of 11 x 11 pixels
GMSD_C = 170.0  # for grey levels of 0 to 255
PREWITT = np.array([[1, 0, -1]] * 3) / 3
LEAST_BOX_PX = 16  # room for the window of SSIM, and for the four halvings of VGG19
MATTE_INSIDE = 128  # of 255: from here on a pixel belongs to the person
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


def gmsd(found: UInt8[np.ndarray, "H W 3"], true: UInt8[np.ndarray, "H W 3"]) -> float:
    """Gradient magnitude similarity deviation (Xue et al., IEEE TIP 2014): 0 for identical frames, larger is worse.

    A perceptual distance without a network: the standard deviation over the frame of the similarity of the gradients
    of the luminance at half resolution.
    """
    ours, theirs = _gradient(found), _gradient(true)
    similarity = (2 * ours * theirs + GMSD_C) / (ours**2 + theirs**2 + GMSD_C)
    return float(similarity.std())


def matte_box(matte: UInt8[np.ndarray, "H W"], least_px: int = LEAST_BOX_PX) -> tuple[slice, slice] | None:
    """Rows and columns of the smallest box around the matte, at least `least_px` each way; None for an empty matte."""
    inside = matte >= MATTE_INSIDE
    if not inside.any():
        return None
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    return _span(rows, matte.shape[0], least_px), _span(columns, matte.shape[1], least_px)


def _span(inside: Int[np.ndarray, " L"], size: int, least_px: int) -> slice:
    first, stop = int(inside[0]), int(inside[-1]) + 1
    length = max(least_px, stop - first)
    first = max(0, min(first - (length - (stop - first)) // 2, size - length))
    return slice(first, min(first + length, size))


def _gradient(frame: UInt8[np.ndarray, "H W 3"]) -> Float64[np.ndarray, "h w"]:
    """Magnitude of the Prewitt gradient of the luminance at half resolution."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.float64)
    across, down = (cv2.filter2D(half, -1, kernel) for kernel in (PREWITT, PREWITT.T))
    return np.asarray(np.hypot(across, down), dtype=np.float64)


def _smooth(values: Float64[np.ndarray, "H W 3"]) -> Float64[np.ndarray, "h w 3"]:
    """Weighted means under the window, where it is inside the frame."""
    side, margin = 2 * SSIM_RADIUS_PX + 1, SSIM_RADIUS_PX
    blurred = cv2.GaussianBlur(values, (side, side), SSIM_SIGMA_PX)
    return np.asarray(blurred, dtype=np.float64)[margin:-margin, margin:-margin]
