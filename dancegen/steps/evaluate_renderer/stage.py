"""Real and generated frames of segments -> scores with intervals, beside the same scores of the real frames.

Axes used in shapes:
    N frames    H rows    W columns    J joints    M frames of the footage    D features
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, UInt8

from dancegen.estimators.base import Estimator
from dancegen.metrics.video import appearance
from dancegen.metrics.video.drift import late_ratio, mean_colour, sharpness, slope
from dancegen.metrics.video.intervals import Interval, mean_interval
from dancegen.metrics.video.pose_consistency import pose_consistency
from dancegen.metrics.video.similarity import gmsd, matte_box, psnr, ssim
from dancegen.metrics.video.stability import background, masked_change, ring, warp_error
from dancegen.renderer.classifiers.base import ImageFeatures

Whose = Literal["generated", "real"]


@dataclass(frozen=True)
class Segment:
    """Consecutive held-out frames, and the frames generated from their joints."""

    name: str
    fps: float
    real: UInt8[np.ndarray, "N H W 3"]
    generated: UInt8[np.ndarray, "N H W 3"]
    joints: Float32[np.ndarray, "N J 3"]
    """Joints that drove the generator, as fractions of the picture."""
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


class Row(NamedTuple):
    """One metric of one segment: a sum over `items` frames, pairs of frames, or joints."""

    segment: str
    metric: str
    whose: Whose
    total: float
    items: int


class Score(NamedTuple):
    """One metric over all segments."""

    metric: str
    whose: Whose
    interval: Interval
    segments: int


def score_segments(segments: Sequence[Segment], judges: Judges) -> list[Row]:
    """The rows of all segments.

    Metrics that need no true frame are also of the real frames, which are their floor or ceiling. Those that need a
    person are of the box around the matte where their name ends in `_box`.
    """
    rows: list[Row] = []
    for segment in segments:
        rows += _against_real(segment, judges.features)
        rows += _alone(segment, "generated", segment.generated, judges)
        rows += _alone(segment, "real", segment.real, judges)
    return rows


def summarize(rows: Sequence[Row], seed: int, resamples: int) -> list[Score]:
    """Each metric over all segments, weighted by counts, with its bootstrap interval over segments."""
    found = []
    for metric, whose in dict.fromkeys((row.metric, row.whose) for row in rows):
        own = [row for row in rows if (row.metric, row.whose) == (metric, whose)]
        sums, counts = (
            np.array(each, dtype=np.float64) for each in zip(*((row.total, row.items) for row in own), strict=True)
        )
        found.append(Score(metric, own[0].whose, mean_interval(sums, counts, seed, resamples), int((counts > 0).sum())))
    return found


def score_drift(
    pictures: UInt8[np.ndarray, "N H W 3"], mattes: UInt8[np.ndarray, "N H W"], fps: float
) -> dict[str, float]:
    """Drift of one long video, of at least 60 s for the ratio.

    sharpness_ratio   mean sharpness of the person in seconds 55 to 60, divided by that in seconds 1 to 5
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


def _against_real(segment: Segment, features: ImageFeatures | None) -> list[Row]:
    """Metrics of pairs of a generated and a real frame."""
    measures: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"psnr": psnr, "ssim": ssim, "gmsd": gmsd}
    boxes = [matte_box(matte) for matte in segment.mattes]
    whole = list(zip(segment.generated, segment.real, strict=True))
    boxed = [(made[box], real[box]) for (made, real), box in zip(whole, boxes, strict=True) if box is not None]
    rows = []
    for name, measure in measures.items():
        for ending, pairs in (("", whole), ("_box", boxed)):
            values = np.array([measure(made, real) for made, real in pairs])
            values = values[np.isfinite(values)]  # PSNR is infinite for identical frames
            rows.append(Row(segment.name, name + ending, "generated", float(values.sum()), len(values)))
    if features is not None:
        total = sum(float(appearance.perceptual_distances(features, a[None], b[None])[0]) for a, b in boxed)
        rows.append(Row(segment.name, "perceptual_box", "generated", total, len(boxed)))
    return rows


def _alone(segment: Segment, whose: Whose, pictures: np.ndarray, judges: Judges) -> list[Row]:
    """Metrics of frames without a true frame."""
    rows: list[Row] = []

    def add(metric: str, total: float, items: int) -> None:
        rows.append(Row(segment.name, metric, whose, total, items) if items else Row(segment.name, metric, whose, 0, 0))

    def add_mean(metric: str, mean: float, items: int) -> None:
        add(metric, mean * items, items if math.isfinite(mean) else 0)

    pairs = len(pictures) - 1
    add_mean("flicker_background", masked_change(pictures, background(segment.mattes)), pairs)
    add_mean("flicker_ring", masked_change(pictures, ring(segment.mattes)), pairs)
    add_mean("warp_error", warp_error(pictures, segment.real), pairs)
    sharp = sharpness(pictures, segment.mattes)
    sharp = sharp[np.isfinite(sharp)]
    add("sharpness", float(sharp.sum()), len(sharp))
    if judges.estimator is not None:
        poses = pose_consistency(judges.estimator, segment.name, pictures, segment.joints, segment.fps)
        add("pck_0.1", poses.within[0], poses.joints)
        add("pck_0.2", poses.within[1], poses.joints)
        add("detected", poses.detected, poses.frames)
    if judges.features is not None and judges.footage is not None:
        boxes = [(picture, matte_box(matte)) for picture, matte in zip(pictures, segment.mattes, strict=True)]
        vectors = [appearance.pooled(judges.features, picture[box][None]) for picture, box in boxes if box is not None]
        if vectors:
            add_mean("likeness", appearance.likeness(np.concatenate(vectors), judges.footage), len(vectors))
    return rows
