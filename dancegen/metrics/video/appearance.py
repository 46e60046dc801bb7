"""Appearance in the features of a classifier: distance to the real frame, likeness, and the distribution of clips.

The classifier must be another network than that of the training loss (`is_independent`): a generator is trained to be
close in the features of its loss.

Axes used in shapes:
    N, M frames    K, L clips    H rows    W columns    D features
"""

import numpy as np
import torch
from jaxtyping import Float, Float64, UInt8

from dancegen.metrics.frechet import frechet
from dancegen.metrics.video.intervals import Interval
from dancegen.renderer.classifiers.base import ImageFeatures
from dancegen.renderer.image_features import perceptual_distance
from dancegen.renderer.perceptual_settings import PerceptualConfig

CLIP_FRAMES = 16
SMALLEST_AXIS = 1e-9  # of the longest axis of the features


def is_independent(metric: PerceptualConfig, loss: PerceptualConfig) -> bool:
    """Whether the metric's network is another one than the loss's."""
    return metric.kind not in ("none", loss.kind)


def perceptual_distances(
    features: ImageFeatures, found: UInt8[np.ndarray, "N H W 3"], true: UInt8[np.ndarray, "N H W 3"]
) -> Float64[np.ndarray, " N"]:
    """The perceptual distance of each frame from the true one."""
    pairs = zip(found, true, strict=True)
    with torch.no_grad():
        distances = [
            float(perceptual_distance(features, *(_tensor(each, features) for each in pair))) for pair in pairs
        ]
    return np.array(distances, dtype=np.float64)


def pooled(features: ImageFeatures, pictures: UInt8[np.ndarray, "N H W 3"]) -> Float64[np.ndarray, "N D"]:
    """The deepest feature map of each frame, averaged over its pixels."""
    with torch.no_grad():
        found = [
            features(_tensor(picture, features))[-1].mean(dim=(2, 3))[0].double().cpu().numpy() for picture in pictures
        ]
    return np.stack(found)


def likeness(found: Float[np.ndarray, "N D"], footage: Float[np.ndarray, "M D"]) -> float:
    """Mean cosine of each frame's features with those of the most similar frame of the footage; at most 1.

    Features are centred on the footage's mean: most of an uncentred feature is common to all pictures. Held-out real
    frames give the value to compare with.
    """
    centre = footage.mean(axis=0)
    ours, theirs = (_normed(np.asarray(each - centre, dtype=np.float64)) for each in (found, footage))
    return float((ours @ theirs.T).max(axis=1).mean())


def clip_features(frames: Float[np.ndarray, "N D"], length: int = CLIP_FRAMES) -> Float64[np.ndarray, "K E"]:
    """One vector of 2 D per clip of consecutive frames of a segment: mean over time, and mean absolute change a frame.

    Frames after the last whole clip are left out.
    """
    count = len(frames) // length
    clips = np.asarray(frames[: count * length], dtype=np.float64).reshape(count, length, frames.shape[1])
    return np.concatenate([clips.mean(axis=1), np.abs(np.diff(clips, axis=1)).mean(axis=1)], axis=1)


def frechet_clips(
    real: Float[np.ndarray, "K E"], found: Float[np.ndarray, "L E"], seed: int, resamples: int
) -> Interval:
    """Frechet distance of two sets of clips, and its 95 % bootstrap interval over the clips of both.

    It is not the Frechet Video Distance: the features are those of single pictures. An interval is centred on the
    value, as a sample with repetitions has a larger distance. With fewer than 200 clips of each it is biased upwards.
    Raises ValueError for fewer than two clips.
    """
    if min(len(real), len(found)) < 2:
        raise ValueError(f"at least two clips of each are needed, and there are {len(real)} and {len(found)}")
    real, found = np.split(_in_their_span(np.concatenate([real, found])), [len(real)])
    value, random = frechet(real, found), np.random.default_rng(seed)
    drawn = [
        frechet(*(each[random.integers(0, len(each), len(each))] for each in (real, found))) for _ in range(resamples)
    ]
    low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975]).tolist()
    return Interval(value, max(0.0, value + low - middle), value + high - middle)


def _in_their_span(rows: Float[np.ndarray, "N E"]) -> Float64[np.ndarray, "N _"]:
    """Coordinates of the rows in an orthonormal basis of their differences: distances are kept, and columns are few."""
    centred = np.asarray(rows - rows.mean(axis=0), dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    kept = max(1, int((sizes > sizes[0] * SMALLEST_AXIS).sum()))
    return left[:, :kept] * sizes[:kept]


def _normed(rows: Float64[np.ndarray, "N D"]) -> Float64[np.ndarray, "N D"]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _tensor(picture: UInt8[np.ndarray, "H W 3"], features: ImageFeatures) -> torch.Tensor:
    """The picture as input of the network, on its device."""
    device = next((parameter.device for parameter in features.parameters()), None)
    pixels = torch.from_numpy(np.ascontiguousarray(picture)).to(device)
    return pixels.permute(2, 0, 1)[None].float() / 127.5 - 1
