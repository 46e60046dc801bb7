"""Measures of segments -> scores with intervals over the segments, and differences between people.

Axes used in shapes:
    S segments    K clips    E features
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64

from dancegen.metrics.video.appearance import frechet_clips
from dancegen.metrics.video.intervals import Interval, difference_interval, mean_interval
from dancegen.steps.evaluate_renderer.measures import FRECHET

REAL = "real"
MIN_CLIP_SEGMENTS = 2
CLIP_RESAMPLES = 200  # at most: each takes a Frechet distance


class Row(NamedTuple):
    """One metric of one segment."""

    segment: str
    whose: str
    """Label of the person, or REAL."""
    metric: str
    total: float
    items: int


class Score(NamedTuple):
    """One metric over all segments."""

    metric: str
    whose: str
    interval: Interval
    difference: Interval | None
    """Difference from the first person; None for the first person, for real frames, and without common segments."""
    segments: int


def summarize(rows: Sequence[Row], people: Sequence[str], seed: int, resamples: int) -> list[Score]:
    """Each metric of each of the `people` and of the real frames, weighted by counts, with bootstrap intervals.

    Metrics that no segment has are left out. A difference is over the segments of both people, resampled together.
    """
    metrics, segments = list(dict.fromkeys(row.metric for row in rows)), sorted({row.segment for row in rows})
    found = []
    for metric in metrics:
        counted = {
            whose: _columns([row for row in rows if (row.metric, row.whose) == (metric, whose)], segments)
            for whose in (*people, REAL)
        }
        for whose, (totals, items) in counted.items():
            if not items.any():
                continue
            interval, difference = mean_interval(totals, items, seed, resamples), None
            if whose not in (people[0], REAL):
                difference = difference_interval((totals, items), counted[people[0]], seed, resamples)
            found.append(Score(metric, whose, interval, difference, int((items > 0).sum())))
    return found


def compare_clips(
    clips: Mapping[str, Sequence[Float[np.ndarray, "K E"]]], people: Sequence[str], seed: int, resamples: int
) -> list[Score]:
    """Frechet distance of the clips of each of the `people` from the real ones. `clips` has, by label, an array per
    segment. Fewer than MIN_CLIP_SEGMENTS segments give no score.
    """
    found = []
    for whose in people:
        ours, real = clips.get(whose, ()), clips.get(REAL, ())
        if min(len(ours), len(real)) >= MIN_CLIP_SEGMENTS:
            interval = frechet_clips(np.concatenate(real), np.concatenate(ours), seed, min(resamples, CLIP_RESAMPLES))
            found.append(Score(FRECHET, whose, interval, None, len(ours)))
    return found


def _columns(
    rows: Sequence[Row], segments: Sequence[str]
) -> tuple[Float64[np.ndarray, " S"], Float64[np.ndarray, " S"]]:
    """Totals and counts by segment; 0 for a segment without the metric."""
    known = {row.segment: row for row in rows}
    totals = [known[name].total if name in known else 0.0 for name in segments]
    items = [known[name].items if name in known else 0 for name in segments]
    return np.array(totals, dtype=np.float64), np.array(items, dtype=np.float64)
