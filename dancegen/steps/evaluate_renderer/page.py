"""HTML page of the scores of a person's generated frames, with the comparison videos. It works offline."""

from collections.abc import Mapping, Sequence
from typing import Literal

from dancegen.pages.template import template
from dancegen.steps.evaluate_renderer.pictures import PANELS
from dancegen.steps.evaluate_renderer.stage import Score

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
    "pck_0.1": ("higher", "share of the driving joints found within 0.1 torsos by the pose estimator"),
    "pck_0.2": ("higher", "share of the driving joints found within 0.2 torsos by the pose estimator"),
    "detected": ("higher", "share of the frames in which the pose estimator found somebody"),
    "likeness": ("as real", "cosine of the person's features with those of the most similar frame of the footage"),
}


def page(
    title: str,
    scores: Sequence[Score],
    drift: Mapping[str, float],
    videos: Sequence[str],
    network: str | None,
    network_is_independent: bool,
) -> str:
    """The page.

    `drift` is that of `stage.score_drift`, empty without a long video. `videos` are names of comparison videos in the
    page's folder. `network` is the kind of the classifier, None without one.
    """
    found = {(score.metric, score.whose): score for score in scores}
    lines = [
        {
            "name": name,
            "better": better,
            "about": about,
            "generated": found.get((name, "generated")),
            "real": found.get((name, "real")),
            "biased": name in ("perceptual_box", "likeness") and not network_is_independent,
        }
        for name, (better, about) in ABOUT.items()
        if (name, "generated") in found
    ]
    return template("page.html", "dancegen.steps.evaluate_renderer").render(
        title=title,
        lines=lines,
        segments=max((score.segments for score in scores), default=0),
        few=FEW_SEGMENTS,
        drift=drift,
        videos=videos,
        panels=PANELS,
        network=network,
        biased=network is not None and not network_is_independent,
    )
