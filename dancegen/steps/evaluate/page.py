"""HTML page that explains each score, with its interval and its controls. It works offline."""

from typing import Any

from dancegen.metrics.joint_motion import JOINTS
from dancegen.metrics.scores import Metric, Score, metrics
from dancegen.pages.template import template
from dancegen.steps.evaluate.settings import EvaluateConfig

WIDTH, PAD = 220, 6  # of the interval plot in a row
COLOURS = {"made": "#3572c6", "real": "#3a9a56", "shuffled": "#c8843a", "real shuffled": "#999999"}
ABOUT = {
    "fid": "Frechet distance between the {network} network's embeddings of made and of real dances",
    "diversity": "mean distance between dances in the {network} network's embedding: 200 samples of 70 random pairs",
    "multimodality": "mean distance between dances to the same music in the {network} network's embedding",
    "fid_k2": "Frechet distance of 2-D kinetic features of the joints, in standard deviations of the real ones",
    "div_k2": "mean distance between dances in 2-D kinetic features",
    "multimodality_k2": "mean distance between dances to the same music in 2-D kinetic features",
    "frechet_pose": "Frechet distance of single poses",
    "beat_alignment": "closeness of the dance's beats to the music's: 1 is on the beat, 0.61 is 50 ms off",
    "beat_alignment_music": "closeness of the music's beats to the dance's",
    "beat_hit_rate": "share of the dance's beats within 70 ms of a beat of the music",
    "beat_coverage": "beats of the dance per beat of the music",
    "published_fid": "the same as fid, by the published protocol: covariances without shrinkage",
    "published_beat_alignment": "closeness of the music's beats to the dance's, by the published protocol of AIST++",
    "cross_modal": "distance from the real dance of the training song with the nearest music: 0 same, 2 opposite",
    "speed": "mean speed of the joints, in units per second (a torso is a quarter of a unit)",
    **{f"speed_{joint}": f"mean speed of the {joint}, in body heights per second" for joint in JOINTS},
    "jerk": "mean jerk of the joints: values above real indicate jitter",
    "freeze_share": "share of seconds slower than the slowest twentieth of the real ones",
    "foot_skate": "speed of feet that are on the floor, in torsos per second",
    "slide_share": "share of the ankles' path that is made on the floor: above real, feet slide or tremble",
}


def page(config: EvaluateConfig, scores: list[Score], songs: int, shown: bool) -> str:
    """The page; `songs` is the number of songs, `shown` whether the side-by-side files exist in its folder."""
    known = metrics(
        sorted({one.metric.removeprefix("fid_") for one in scores} & {"perceptual", "heldout"}), published=True
    )
    lines = [
        _line(name, metric, [one for one in scores if one.metric == name])
        for name, metric in known.items()
        if any(one.metric == name for one in scores)
    ]
    made = next(one for one in scores if one.whose == "made")
    return template("page.html", "dancegen.steps.evaluate").render(
        title=f"Dances of {config.dances or config.checkpoint or 'the shipped model'}",
        config=config,
        n=made.n,
        n_real=made.n_real,
        songs=songs,
        lines=lines,
        colours=COLOURS,
        shown=shown,
    )


def _line(name: str, metric: Metric, scores: list[Score]) -> dict[str, Any]:
    kind, _, network = name.rpartition("_")
    about = ABOUT.get(name) or ABOUT[kind].format(network=network)
    return {
        "name": name,
        "better": metric.better,
        "about": about,
        "flatters": network == "perceptual",
        "scores": {one.whose: one for one in scores},
        "marks": _marks(scores),
        "width": WIDTH,
    }


def _marks(scores: list[Score]) -> list[dict[str, Any]]:
    """Positions of the values and their intervals in a row's plot."""
    ends = [end for one in scores for end in (one.value, one.low, one.high) if end == end]
    low, high = min(ends), max(ends)
    unit = (WIDTH - 2 * PAD) / ((high - low) or 1.0)
    return [
        {
            "colour": COLOURS[one.whose],
            "y": 7 + 9 * row,
            **{end: round(PAD + (getattr(one, end) - low) * unit, 1) for end in ("value", "low", "high")},
        }
        for row, one in enumerate(scores)
    ]
