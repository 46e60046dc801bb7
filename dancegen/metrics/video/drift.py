"""Drift of a long video: sharpness and colour of the person over time.

A generator that receives its own previous picture may lose sharpness, or move in colour, within seconds.

Axes used in shapes:
    N frames    H rows    W columns
"""

import cv2
import numpy as np
from jaxtyping import Float, Float64, UInt8

from dancegen.metrics.video.similarity import MATTE_INSIDE, WHITE

EARLY_S, LATE_S = (1.0, 5.0), (55.0, 60.0)


def sharpness(pictures: UInt8[np.ndarray, "N H W 3"], mattes: UInt8[np.ndarray, "N H W"]) -> Float64[np.ndarray, " N"]:
    """Variance of the Laplacian of the luminance inside the matte of each frame; NaN for an empty matte."""
    found = []
    for picture, matte in zip(pictures, mattes, strict=True):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        inside = cv2.Laplacian(grey, cv2.CV_64F)[matte >= MATTE_INSIDE]
        found.append(float(inside.var()) if inside.size else np.nan)
    return np.array(found, dtype=np.float64)


def mean_colour(
    pictures: UInt8[np.ndarray, "N H W 3"], mattes: UInt8[np.ndarray, "N H W"]
) -> Float64[np.ndarray, "N 3"]:
    """Mean RGB inside the matte of each frame, as shares of white; NaN for an empty matte."""
    found = [
        picture[matte >= MATTE_INSIDE].mean(axis=0) if (matte >= MATTE_INSIDE).any() else np.full(3, np.nan)
        for picture, matte in zip(pictures, mattes, strict=True)
    ]
    return np.array(found, dtype=np.float64).reshape(-1, 3) / WHITE


def slope(values: Float[np.ndarray, " N"], fps: float) -> float:
    """Least squares slope of the values, in units per second. NaN for fewer than two known values."""
    known = np.isfinite(values)
    if known.sum() < 2:
        return float("nan")
    times = np.arange(len(values))[known] / fps
    times = times - times.mean()
    return float((times * values[known]).sum() / (times**2).sum())


def late_ratio(
    values: Float[np.ndarray, " N"],
    fps: float,
    early_s: tuple[float, float] = EARLY_S,
    late_s: tuple[float, float] = LATE_S,
) -> float:
    """Mean over the late seconds divided by the mean over the early ones; NaN for a video that ends before."""
    early, late = (_between(values, fps, *span) for span in (early_s, late_s))
    return float(late.mean() / early.mean()) if early.size and late.size and early.mean() else float("nan")


def _between(values: Float[np.ndarray, " N"], fps: float, start_s: float, stop_s: float) -> Float[np.ndarray, " M"]:
    if len(values) < round(stop_s * fps):
        return values[:0]
    span = values[round(start_s * fps) : round(stop_s * fps)]
    return span[np.isfinite(span)]
