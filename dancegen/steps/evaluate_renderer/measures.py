"""Frames of a segment -> its measures: of generated frames against the real ones, and of either alone.

Axes used in shapes:
    N frames    H rows    W columns    J joints    M frames of the footage    D features
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8

from dancegen import schema
from dancegen.estimators.base import Estimator
from dancegen.metrics.video import appearance
from dancegen.metrics.video.drift import late_ratio, mean_colour, sharpness, slope
from dancegen.metrics.video.pose_consistency import pose_consistency
from dancegen.metrics.video.similarity import gmsd, matte_box, psnr, ssim
from dancegen.metrics.video.stability import background, masked_change, ring, warp_error
from dancegen.renderer.classifiers.base import ImageFeatures

FRECHET = "frechet_clips"

Frame = UInt8[np.ndarray, "H W 3"]
Matte = UInt8[np.ndarray, "H W"]
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
    clips: bytes | None = None
    """Of FRECHET, which is no sum: float32 (items, E), the features of the clips of the segment."""


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
    ]
    if judges.estimator is not None:
        poses = pose_consistency(judges.estimator, segment.name, pictures, segment.joints, segment.fps)
        found += [
            Measure("pck_0.1", poses.within[0], poses.joints),
            Measure("pck_0.2", poses.within[1], poses.joints),
            Measure("detected", poses.detected, poses.frames),
        ]
    if judges.features is not None:
        vectors = pooled_boxes(judges.features, pictures, segment.mattes)
        if len(vectors) and judges.footage is not None:
            found.append(_mean("likeness", appearance.likeness(vectors, judges.footage), len(vectors)))
        if len(vectors) == len(pictures) >= appearance.CLIP_FRAMES:  # a clip is of consecutive frames
            clips = appearance.clip_features(vectors)
            found.append(Measure(FRECHET, 0.0, len(clips), schema.to_bytes(clips, "float32")))
    return found


def measure_drift(pictures: Iterable[Frame], mattes: Iterable[Matte], fps: float) -> list[Measure]:
    """Drift of one long video, of which only one frame is kept in memory at a time.

    sharpness_ratio   mean sharpness of the person in seconds 55 to 60, divided by that in seconds 1 to 5; without items
                      for a shorter video
    sharpness_slope   change of the sharpness per second, divided by its mean
    colour_slope      largest change of a colour's mean per second, as a share of white
    """
    pairs = ((picture[None], matte[None]) for picture, matte in zip(pictures, mattes, strict=True))
    sharp, colours = zip(*((sharpness(*pair)[0], mean_colour(*pair)[0]) for pair in pairs), strict=True)
    values = np.array(sharp)
    mean = float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
    found = {
        "sharpness_ratio": late_ratio(values, fps),
        "sharpness_slope": slope(values, fps) / mean if mean else math.nan,
        "colour_slope": max((slope(channel, fps) for channel in np.array(colours).T), key=abs),
    }
    return [_mean(name, value, 1) for name, value in found.items()]


def back_and_forth(frames: int, count: int) -> Int64[np.ndarray, " N"]:
    """Indices of `count` frames of a video that is played forwards, backwards, and so on without a cut."""
    last = max(frames - 1, 1)
    return np.abs((np.arange(count) + last) % (2 * last) - last).clip(max=frames - 1)


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
