"""Frames of a segment -> its measures: of generated frames against the real ones, and of either alone.

Axes used in shapes:
    N frames    H rows    W columns    J joints    M frames of the footage    D features
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, UInt8

from dancegen.estimators.base import Estimator
from dancegen.metrics.video import appearance
from dancegen.metrics.video.drift import late_ratio, mean_colour, sharpness, slope
from dancegen.metrics.video.pose_consistency import pose_consistency
from dancegen.metrics.video.similarity import gmsd, matte_box, psnr, ssim
from dancegen.metrics.video.stability import background, masked_change, ring, warp_error
from dancegen.renderer.classifiers.base import ImageFeatures

Frames = UInt8[np.ndarray, "N H W 3"]


@dataclass(frozen=True)
class Segment:
    """Consecutive held-out frames."""

    name: str
    fps: float
    real: Frames
    joints: Float32[np.ndarray, "N J 3"]
    """Joints that drive the generator, as fractions of the picture."""
    mattes: UInt8[np.ndarray, "N H W"]
    """255 where the person is in the real frame."""


@dataclass(frozen=True)
class Judges:
    """Networks of the metrics. None leaves their metrics out."""

    estimator: Estimator | None = None
    features: ImageFeatures | None = None
    """Of another kind than that of the training loss (`appearance.is_independent`)."""
    footage: Float[np.ndarray, "M D"] | None = None
    """`appearance.pooled` of frames that the generator was trained on, for the likeness."""


class Measure(NamedTuple):
    """One metric of one segment: a sum over `items` frames, pairs of frames, or joints."""

    metric: str
    total: float
    items: int


def measure_generated(segment: Segment, generated: Frames, judges: Judges) -> list[Measure]:
    """All metrics of the frames generated from the segment's joints.

    Metrics of the box around the matte end in `_box`.
    """
    return [*_against_real(segment, generated, judges.features), *_alone(segment, generated, judges)]


def measure_real(segment: Segment, judges: Judges) -> list[Measure]:
    """The metrics that need no true frame, of the real frames: the floor or ceiling of the generated ones."""
    return _alone(segment, segment.real, judges)


def _against_real(segment: Segment, generated: Frames, features: ImageFeatures | None) -> list[Measure]:
    """Metrics of pairs of a generated and a real frame."""
    metrics: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"psnr": psnr, "ssim": ssim, "gmsd": gmsd}
    boxes = [matte_box(matte) for matte in segment.mattes]
    whole = list(zip(generated, segment.real, strict=True))
    boxed = [(made[box], real[box]) for (made, real), box in zip(whole, boxes, strict=True) if box is not None]
    found = []
    for name, metric in metrics.items():
        for ending, pairs in (("", whole), ("_box", boxed)):
            found.append(_sum(name + ending, np.array([metric(made, real) for made, real in pairs])))
    if features is not None:
        distances = [appearance.perceptual_distances(features, made[None], real[None])[0] for made, real in boxed]
        found.append(_sum("perceptual_box", np.array(distances)))
    return found


def _alone(segment: Segment, pictures: Frames, judges: Judges) -> list[Measure]:
    """Metrics of frames without a true frame."""
    pairs = len(pictures) - 1
    found = [
        _mean("flicker_background", masked_change(pictures, background(segment.mattes)), pairs),
        _mean("flicker_ring", masked_change(pictures, ring(segment.mattes)), pairs),
        _mean("warp_error", warp_error(pictures, segment.real), pairs),
        _sum("sharpness", sharpness(pictures, segment.mattes)),
        *(_mean(name, value, 1) for name, value in drift(pictures, segment.mattes, segment.fps).items()),
    ]
    if judges.estimator is not None:
        poses = pose_consistency(judges.estimator, segment.name, pictures, segment.joints, segment.fps)
        found += [
            Measure("pck_0.1", poses.within[0], poses.joints),
            Measure("pck_0.2", poses.within[1], poses.joints),
            Measure("detected", poses.detected, poses.frames),
        ]
    if judges.features is not None and judges.footage is not None:
        vectors = pooled_boxes(judges.features, pictures, segment.mattes)
        if len(vectors):
            found.append(_mean("likeness", appearance.likeness(vectors, judges.footage), len(vectors)))
    return found


def drift(pictures: Frames, mattes: UInt8[np.ndarray, "N H W"], fps: float) -> dict[str, float]:
    """Drift of one video.

    sharpness_ratio   mean sharpness of the person in seconds 55 to 60, divided by that in seconds 1 to 5; NaN for a
                      shorter video
    sharpness_slope   change of the sharpness per second, divided by its mean
    colour_slope      largest change of a colour's mean per second, as a share of white
    """
    sharp, colours = sharpness(pictures, mattes), mean_colour(pictures, mattes)
    mean = float(np.nanmean(sharp)) if np.isfinite(sharp).any() else math.nan
    return {
        "sharpness_ratio": late_ratio(sharp, fps),
        "sharpness_slope": slope(sharp, fps) / mean if mean else math.nan,
        "colour_slope": max((slope(channel, fps) for channel in colours.T), key=abs),
    }


def pooled_boxes(
    features: ImageFeatures, pictures: Frames, mattes: UInt8[np.ndarray, "N H W"]
) -> Float[np.ndarray, "M D"]:
    """`appearance.pooled` of the box around the person in each frame. Frames without a person are left out."""
    boxes = [(picture, matte_box(matte)) for picture, matte in zip(pictures, mattes, strict=True)]
    vectors = [appearance.pooled(features, picture[box][None]) for picture, box in boxes if box is not None]
    return np.concatenate(vectors) if vectors else np.zeros((0, 0))


def _sum(metric: str, values: np.ndarray) -> Measure:
    """Sum over frames; without those that have no finite value, as PSNR of identical frames."""
    values = values[np.isfinite(values)]
    return Measure(metric, float(values.sum()), len(values))


def _mean(metric: str, mean: float, items: int) -> Measure:
    return Measure(metric, mean * items, items) if math.isfinite(mean) else Measure(metric, 0.0, 0)
