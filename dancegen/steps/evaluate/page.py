"""scores -> a page that says what each means, with its interval and its controls. It needs no network."""

from typing import Any

from dancegen.metrics.scores import Metric, Score, metrics
from dancegen.pages.template import template
from dancegen.steps.evaluate.settings import EvaluateConfig

WIDTH, PAD = 220, 6  # of the picture of a line's intervals
COLOURS = {"made": "#3572c6", "real": "#3a9a56", "shuffled": "#c8843a", "real shuffled": "#999999"}
ABOUT = {
    "fid": "Frechet distance between what the {network} network sees in made and in real dances",
    "diversity": "how far dances are from each other to the {network} network: 200 draws of 70 random pairs",
    "multimodality": "how far dances to the same music are from each other to the {network} network",
    "fid_k2": "Frechet distance of how much each joint moves (2-D kinetic features, in deviations of the real ones)",
    "div_k2": "how far dances are from each other in how much each joint moves",
    "frechet_pose": "Frechet distance of single poses",
    "beat_alignment": "how near the dance's beats are to the music's: 1 is on it, 0.61 is 50 ms off",
    "beat_alignment_music": "how near the music's beats are to the dance's",
    "beat_hit_rate": "share of the dance's beats within 70 ms of one of the music's",
    "beat_coverage": "beats of the dance for each of the music's",
    "cross_modal": "how far from how the training song that sounds most alike was danced: 0 is alike, 2 opposite",
    "speed": "mean speed of the joints, units a second (a torso is a quarter of a unit)",
    "jerk": "mean jerk of the joints: larger than real is tremble",
    "freeze_share": "share of seconds slower than the slowest twentieth of the real ones",
    "foot_skate": "speed of feet that are on the floor, torsos a second",
}


def page(config: EvaluateConfig, scores: list[Score], songs: int, shown: bool) -> str:
    """The page; `songs` is how many there are, and `shown` whether pictures lie beside it."""
    known = metrics(sorted({one.metric.removeprefix("fid_") for one in scores} & {"perceptual", "heldout"}))
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
    """Where the values and their intervals are in the picture of a line."""
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
