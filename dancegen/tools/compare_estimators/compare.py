"""A video -> the poses of two estimators and their agreement.

In each frame the two best matching people are compared, one per estimator; if one estimator detects no person, the
largest person of the other is used. Distances are in torso lengths of the first estimator's person
(metrics/pose_accuracy.py).

Axes used in shapes:
    T frames    J joints, as in skeleton.COCO18    P people
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64

from dancegen.estimators.base import Estimator, People, Picture, VideoPart
from dancegen.media.video import VideoInfo, frames
from dancegen.metrics.pose_accuracy import WITHIN_TORSOS, distances
from dancegen.skeleton import COCO18

ALIKE = 0.1  # of the body size: scale of the Gaussian that scores the match of a joint
FAR_TORSOS = 1.0  # upper limit of the distance; also used for a joint that only one estimator found

Tick = Callable[[int], object]  # called with the number of frames done


@dataclass(frozen=True)
class Agreement:
    """Two estimators on the same frames, joint by joint."""

    apart: Float64[np.ndarray, "T J"]
    """Distance in torso lengths; Inf where only the second lacks the joint, NaN where the first does."""
    seen: tuple[Bool[np.ndarray, "T J"], Bool[np.ndarray, "T J"]]
    seconds: tuple[float, float]
    """Time of each estimator, without decoding."""

    def numbers(self, joint: str | None = None) -> dict[str, float]:
        """Metrics of one joint or of all: fractions, and torso lengths. NaN without data."""
        which = slice(None) if joint is None else [COCO18.index(joint)]
        apart, one, other = self.apart[:, which], self.seen[0][:, which], self.seen[1][:, which]
        return {
            "both": _mean(one & other),
            "only_one": _mean(one & ~other),
            "only_other": _mean(~one & other),
            "neither": _mean(~one & ~other),
            "pck": _mean((apart <= WITHIN_TORSOS)[one]),
            "pck_of_both": _mean((apart <= WITHIN_TORSOS)[one & other]),
            "median_torsos": _median(apart[one & other]),
        }

    def found(self) -> tuple[float, float]:
        """Fraction of the frames in which each estimator detects a person."""
        one, other = (_mean(seen.any(axis=1)) for seen in self.seen)
        return one, other

    def rates(self) -> tuple[float, float]:
        """Frames per second of each estimator."""
        one, other = (len(self.apart) / seconds if seconds else float("nan") for seconds in self.seconds)
        return one, other

    def badness(self) -> Float64[np.ndarray, " T"]:
        """Disagreement per frame, 0 to 1: mean capped distance over joints found by either; 0 without joints."""
        one, other = self.seen
        bad = np.where(one & other, np.minimum(np.nan_to_num(self.apart, nan=FAR_TORSOS), FAR_TORSOS), FAR_TORSOS)
        either = one | other
        return np.where(either, bad, 0.0).sum(axis=1) / np.maximum(either.sum(axis=1), 1)


@dataclass(frozen=True)
class Compared:
    """The comparison of one video."""

    uri: str
    pairs: Float32[np.ndarray, "2 T J 3"]
    """The compared people, one per estimator."""
    agreement: Agreement


def compare(
    path: Path, uri: str, info: VideoInfo, fps: float, stop: int, each: Sequence[Estimator], tick: Tick
) -> Compared:
    """Compare both estimators on frames 0..stop-1. Raises BadMediaError when one of them fails."""
    part = VideoPart(uri, info, fps, 0, stop)
    timed = [_timed(estimator, part, path, tick) for estimator in each]
    aspect = info.width_px / info.height_px
    everyone = zip_longest(timed[0][0], timed[1][0], fillvalue=_nobody())
    paired = [best_pair(one, other, aspect) for one, other in everyone]
    pairs = np.array(paired, dtype=np.float32).reshape(-1, 2, len(COCO18), 3).swapaxes(0, 1)
    one, other = pairs
    apart = distances(other, one, aspect)
    return Compared(uri, pairs, Agreement(apart, (one[..., 2] > 0, other[..., 2] > 0), (timed[0][1], timed[1][1])))


def together(agreements: Sequence[Agreement]) -> Agreement:
    """The agreement over all videos."""
    ones, others = (np.concatenate([agreement.seen[side] for agreement in agreements]) for side in (0, 1))
    seconds = tuple(sum(agreement.seconds[side] for agreement in agreements) for side in (0, 1))
    apart = np.concatenate([agreement.apart for agreement in agreements])
    return Agreement(apart, (ones, others), (seconds[0], seconds[1]))


def worst_frames(videos: Sequence[Compared], fps: float, count: int) -> list[tuple[Compared, int, float]]:
    """Frames of worst agreement first: video, frame index and disagreement; at most one per second of a video."""
    each = [(video, frame, bad) for video in videos for frame, bad in enumerate(video.agreement.badness().tolist())]
    worst: dict[tuple[str, int], tuple[Compared, int, float]] = {}
    for video, frame, bad in sorted(each, key=lambda found: -found[2]):
        if len(worst) == count or bad == 0:
            break
        worst.setdefault((video.uri, int(frame / fps)), (video, frame, bad))
    return list(worst.values())


def best_pair(one: People, other: People, aspect: float) -> Float32[np.ndarray, "2 J 3"]:
    """The best matching people, one per estimator; all joints are missing where an estimator detects no person."""
    if not len(one) or not len(other):
        return np.stack([_largest(one, aspect), _largest(other, aspect)])
    scores = np.array([[_likeness(first, second, aspect) for second in other] for first in one])
    first, second = np.unravel_index(scores.argmax(), scores.shape)
    return np.stack([one[first], other[second]])


def _timed(estimator: Estimator, part: VideoPart, path: Path, tick: Tick) -> tuple[list[People], float]:
    """All people in each frame, and the time in seconds without decoding."""
    decoding = 0.0
    given = 0

    def pictures() -> Iterator[Picture]:
        nonlocal decoding, given
        decoder = frames(path, part.uri, part.fps, part.first, part.stop)
        while True:
            began = time.perf_counter()
            picture = next(decoder, None)
            decoding += time.perf_counter() - began
            if picture is None:
                return
            given += 1
            tick(1)
            yield picture

    began = time.perf_counter()
    people = estimator(part, pictures())
    took = time.perf_counter() - began - decoding
    tick(max(0, len(people) - given))  # an estimator that reads files consumes no frames
    return people, took


def _likeness(one: np.ndarray, other: np.ndarray, aspect: float) -> float:
    """Soft count of the joints at the same position."""
    away = np.linalg.norm((one[:, :2] - other[:, :2]) * (aspect, 1.0), axis=1)
    near = np.exp(-((away / (ALIKE * max(_size(one, aspect), _size(other, aspect)))) ** 2))
    return float(np.nansum(near))


def _size(person: np.ndarray, aspect: float) -> float:
    seen = person[person[:, 2] > 0, :2] * (aspect, 1.0)
    return max(float(np.ptp(seen, axis=0).max()), 1e-6) if len(seen) else 1e-6


def _largest(people: People, aspect: float) -> Float32[np.ndarray, "J 3"]:
    if not len(people):
        return np.tile(np.array([np.nan, np.nan, 0.0], dtype=np.float32), (len(COCO18), 1))
    return max(people, key=lambda person: _size(person, aspect))


def _nobody() -> People:
    return np.zeros((0, len(COCO18), 3), dtype=np.float32)


def _mean(values: Any) -> float:
    return float(np.mean(values)) if values.size else float("nan")


def _median(values: Float[Any, "..."]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")
