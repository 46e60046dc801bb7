"""HTML page of the scores of people's generated frames, with the comparison videos. It works offline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dancegen.pages.template import template
from dancegen.steps.evaluate_renderer.people import NETWORK_METRICS, Rated
from dancegen.steps.evaluate_renderer.pictures import PANELS
from dancegen.steps.evaluate_renderer.scores import REAL, Score
from dancegen.steps.evaluate_renderer.settings import EvaluateRendererConfig

FEW_SEGMENTS = 10
ABOUT: dict[str, tuple[Literal["lower", "higher", "as real"], str]] = {
    "psnr": ("higher", "peak signal-to-noise ratio of the whole frame, in dB; a clean plate alone makes it high"),
    "psnr_box": ("higher", "the same in the box around the person"),
    "ssim": ("higher", "structural similarity of the whole frame"),
    "ssim_box": ("higher", "the same in the box around the person"),
    "gmsd": (
        "lower",
        "deviation of the gradients' similarity in the whole frame: a perceptual distance without a network",
    ),
    "gmsd_box": ("lower", "the same in the box around the person"),
    "perceptual_box": ("lower", "distance in the features of a classifier, in the box around the person"),
    "flicker_background": (
        "as real",
        "change from frame to frame outside the person, as a share of white; 0 with a plate",
    ),
    "flicker_ring": ("as real", "the same within 10 pixels of the person"),
    "warp_error": (
        "as real",
        "change from frame to frame along the optical flow of the real frames, as a share of white",
    ),
    "sharpness": ("as real", "variance of the Laplacian inside the person"),
    "sharpness_ratio": (
        "as real",
        "drift: sharpness in seconds 55 to 60 of one long video, each frame from the one before, divided by that in "
        "seconds 1 to 5",
    ),
    "sharpness_slope": ("as real", "drift: change of the sharpness per second of that video, divided by its mean"),
    "colour_slope": (
        "as real",
        "drift: largest change of a colour's mean per second of that video, as a share of white",
    ),
    "pck_0.1": ("higher", "share of the driving joints found within 0.1 torsos by the pose estimator"),
    "pck_0.2": ("higher", "share of the driving joints found within 0.2 torsos by the pose estimator"),
    "detected": ("higher", "share of the frames in which the pose estimator found somebody"),
    "frechet_clips": (
        "lower",
        "Frechet distance of the features of clips of 16 frames from those of the real clips; not the Frechet Video "
        "Distance, and too large with fewer than 200 clips",
    ),
    "likeness": ("as real", "cosine of the person's features with those of the most similar frame of the footage"),
}


@dataclass(frozen=True)
class Report:
    """What was scored."""

    config: EvaluateRendererConfig
    people: Sequence[Rated]
    scores: Sequence[Score]
    segments: int
    frames: int
    notes: Sequence[str]


@dataclass(frozen=True)
class Shown:
    """A segment on the page; the files are relative to it."""

    whose: str
    segment: str
    video: str
    stills: str


def page(report: Report, shown: Sequence[Shown]) -> str:
    """The page, with videos of the `shown` segments."""
    labels = [one.label for one in report.people]
    found = {(score.metric, score.whose): score for score in report.scores}
    lines = [
        _line(name, {whose: found[name, whose] for whose in (REAL, *labels) if (name, whose) in found}, report.people)
        for name in ABOUT
        if any((name, label) in found for label in labels)
    ]
    return template("page.html", "dancegen.steps.evaluate_renderer").render(
        title=f"{report.people[0].about['name']}: generated against real frames",
        report=report,
        config=report.config,
        labels=labels,
        real=REAL,
        lines=lines,
        few=FEW_SEGMENTS,
        shown=shown,
        panels=PANELS,
        biased=any(line["biased"] for line in lines),
    )


def _line(name: str, scores: dict[str, Score], people: Sequence[Rated]) -> dict[str, Any]:
    better, about = ABOUT[name]
    differences = {whose: score.difference for whose, score in scores.items() if score.difference is not None}
    return {
        "name": name,
        "better": better,
        "about": about,
        "scores": scores,
        "differences": differences,
        "certain": {whose for whose, one in differences.items() if one.low > 0 or one.high < 0},
        "biased": {one.label for one in people if one.biased and name in NETWORK_METRICS},
    }
