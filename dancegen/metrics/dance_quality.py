"""The table of a dance model's quality: joints, beat, artefacts, variety and form, with the bars that it must reach.

A model's dances are compared with the corpus's dances and with the ranges of real dancers (`real_dances`). Bars that
are relative to the corpus are shares of its value.

Axes used in shapes:
    T poses    J joints    W windows of one second    K kinematic beats    D kinetic features
    M dances    E embedding
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

import numpy as np
from jaxtyping import Float, Float64

from dancegen.metrics import beat, motion_quality
from dancegen.metrics import real_dances as real
from dancegen.metrics.diversity import multimodality
from dancegen.metrics.frechet import standardized
from dancegen.metrics.joint_motion import JOINTS, at_rate, body_height, joint_motion
from dancegen.metrics.kinetic import kinetic_features
from dancegen.metrics.real_dances import Range
from dancegen.metrics.repetition import PhraseSimilarity, loop_share
from dancegen.pose.kinematic_beats import kinematic_beats

TOLERANCE = 0.2
"""Of the speed of joints, against real dancers and against the corpus."""
HIT_RATE, CONTROL = 0.6, 0.2
SHARE_OF_CORPUS = 0.5
"""Of the corpus's multimodality, recognition of styles above chance, similarity of repeated phrases, and loudness
correlation."""
RETAINED = 0.9


@dataclass(frozen=True)
class Measures:
    """Measures of one dance, at `joint_motion.RATE` except for the beats."""

    speeds: dict[str, float]
    """Of each pair of joints, in body heights per second."""
    window_speeds: Float64[np.ndarray, " W"]
    """Mean speed of all joints, in body heights per second."""
    jerk: float
    """Body heights per second^3."""
    foot_skate: float
    slide_share: float
    stretched_share: float
    loop_share: float
    beats_s: Float64[np.ndarray, " K"]
    kinetic: Float64[np.ndarray, " D"]
    """Kinetic features of the dance in body heights."""


@dataclass(frozen=True)
class Dances:
    """Measures of a set of dances, several to each song. NaN is left out of all means."""

    songs: list[str]
    """Name of the song of each dance."""
    measures: list[Measures]
    music: list[Float64[np.ndarray, " _"]]
    """Beats of the music of each dance, in seconds."""
    embeddings: dict[str, Float[np.ndarray, "M E"]] = field(default_factory=dict)
    """Embeddings of the M dances, by the name of the network."""
    style_accuracy: float = math.nan
    """`diversity.style_accuracy` of their styles, by a classifier of other dances of the corpus; NaN if unknown."""
    styles: int = 0
    """Number of styles that are told apart."""
    retained: list[float] = field(default_factory=list)
    """`dynamics.retained_speed` of long dances."""
    loudness: list[float] = field(default_factory=list)
    """`dynamics.loudness_correlation` of long dances."""
    phrases: list[PhraseSimilarity] = field(default_factory=list)
    """Of long dances."""


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    name: str
    model: float
    corpus: float = math.nan
    real: Range | None = None
    """Of real dancers; None if unknown."""
    bar: Range | None = None
    """Lowest and highest value that passes; None for a line that is only shown."""

    @property
    def passed(self) -> bool:
        """Whether the model's value is within the bar. NaN is not."""
        return self.bar is None or self.bar.low <= self.model <= self.bar.high


def measure(pose: Float[np.ndarray, "T J 2"], fps: float, phrase_s: float) -> Measures:
    """Measures of a dance in square units; `phrase_s` is the duration of eight bars of its music."""
    poses, rate = at_rate(pose, fps)
    poses = poses / body_height(poses)
    return Measures(
        speeds={joint: motion.speed for joint, motion in joint_motion(pose, fps).items()},
        window_speeds=motion_quality.window_speeds(poses, rate),
        jerk=motion_quality.mean_change(poses, rate, 3),
        foot_skate=motion_quality.foot_skate(poses, rate),
        slide_share=motion_quality.slide_share(poses),
        stretched_share=motion_quality.stretched_share(poses),
        loop_share=loop_share(poses, rate, phrase_s),
        beats_s=kinematic_beats(pose, fps),
        kinetic=kinetic_features(poses, rate),
    )


def table(model: Dances, corpus: Dances, same_songs: bool) -> list[Line]:
    """All lines. With `same_songs`, the model's joints are also held to the corpus's speed."""
    return [
        *_joints(model, corpus, same_songs),
        *_beats(model, corpus),
        *_artefacts(model, corpus),
        *_variety(model, corpus),
        *_form(model, corpus),
    ]


def _joints(model: Dances, corpus: Dances, same_songs: bool) -> list[Line]:
    mine, theirs = _speeds(model), _speeds(corpus)
    lines = [
        Line(
            f"speed of {joint} (body heights/s)",
            mine[joint],
            theirs[joint],
            real.SPEED[joint],
            Range((1 - TOLERANCE) * real.SPEED[joint].low, (1 + TOLERANCE) * real.SPEED[joint].high),
        )
        for joint in JOINTS
    ]
    if not same_songs:
        return lines
    slowest = min(mine[joint] / theirs[joint] for joint in JOINTS)
    return [*lines, Line("least speed of a joint / the corpus's", slowest, 1.0, bar=Range(1 - TOLERANCE, math.inf))]


def _beats(model: Dances, corpus: Dances) -> list[Line]:
    (own, half, other), theirs = hit_rates(model), hit_rates(corpus)
    return [
        Line("beat hit rate (within 70 ms)", own, theirs[0], bar=Range(HIT_RATE, 1.0)),
        Line("the same, half a beat later", half, theirs[1], bar=Range(0.0, CONTROL)),
        Line("the same, beats of other songs", other, theirs[2]),
    ]


def _artefacts(model: Dances, corpus: Dances) -> list[Line]:
    lines = [
        Line("freeze share", _frozen(model), _frozen(corpus), real.FREEZE_SHARE, Range(0.0, real.FREEZE_SHARE.high)),
    ]
    for label, name, known, low in (
        ("jerk (body heights/s^3)", "jerk", real.JERK, real.JERK.low),
        ("foot skate (torsos/s)", "foot_skate", real.FOOT_SKATE, 0.0),
        ("share of the ankles' path on the floor", "slide_share", real.SLIDE_SHARE, 0.0),
        ("share of poses with a stretched bone", "stretched_share", real.STRETCHED_SHARE, 0.0),
        ("share in loops shorter than a phrase", "loop_share", real.LOOP_SHARE, 0.0),
    ):
        mine, theirs = (_mean([getattr(one, name) for one in side.measures]) for side in (model, corpus))
        lines.append(Line(label, mine, theirs, known, Range(low, known.high)))
    return lines


def _variety(model: Dances, corpus: Dances) -> list[Line]:
    kinetic = [np.stack([one.kinetic for one in side.measures]) for side in (model, corpus)]
    features = {"k2": [standardized(each, kinetic[1]) for each in kinetic]}
    features |= {name: [model.embeddings[name], corpus.embeddings[name]] for name in corpus.embeddings}
    lines = []
    for name, each in features.items():
        mine, theirs = (multimodality(one, side.songs) for one, side in zip(each, (model, corpus), strict=True))
        lines.append(Line(f"multimodality, {name}", mine, theirs, bar=_share_of(theirs)))
    if not model.styles:
        return lines
    chance = 1 / model.styles
    least = chance + SHARE_OF_CORPUS * (corpus.style_accuracy - chance)
    name = f"styles recognised (chance {chance:.2f})"
    return [*lines, Line(name, model.style_accuracy, corpus.style_accuracy, bar=_at_least(least))]


def _form(model: Dances, corpus: Dances) -> list[Line]:
    (mine, other), (theirs, their_other) = _similarity(model), _similarity(corpus)
    lift, loudness = theirs - their_other, _mean(corpus.loudness)
    return [
        Line("speed retained over a long song", _mean(model.retained), _mean(corpus.retained), bar=_at_least(RETAINED)),
        Line("similarity of repeated phrases", mine, theirs),
        Line("similarity of other phrases", other, their_other),
        Line("repeated less other phrases", mine - other, lift, bar=_share_of(lift)),
        Line("speed against loudness (correlation)", _mean(model.loudness), loudness, bar=_share_of(loudness)),
    ]


def _similarity(dances: Dances) -> PhraseSimilarity:
    return PhraseSimilarity(
        _mean([one.repeated for one in dances.phrases]), _mean([one.other for one in dances.phrases])
    )


def hit_rates(dances: Dances) -> tuple[float, float, float]:
    """Beat hit rate over all beats: with the music's beats, half a beat later, and with the beats of other songs."""
    mine = [one.beats_s for one in dances.measures]
    later = [beat.half_a_beat_later(beats) for beats in dances.music]
    others = [
        (rests, beats)
        for at, rests in enumerate(mine)
        for number, beats in enumerate(dances.music)
        if number != at and not np.array_equal(beats, dances.music[at])
    ]
    return _rate(list(zip(mine, dances.music, strict=True))), _rate(list(zip(mine, later, strict=True))), _rate(others)


def _rate(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    terms = [beat.terms(rests, beats)["beat_hit_rate"] for rests, beats in pairs]
    hits, count = (sum(values) for values in zip(*terms, strict=True)) if terms else (0.0, 0)
    return hits / count if count else math.nan


def _speeds(dances: Dances) -> dict[str, float]:
    """Median speed of each pair of joints."""
    return {joint: median(one.speeds[joint] for one in dances.measures) for joint in JOINTS}


def _frozen(dances: Dances) -> float:
    return _mean(np.concatenate([one.window_speeds for one in dances.measures]) <= real.SLOW)


def _share_of(corpus: float) -> Range:
    return _at_least(SHARE_OF_CORPUS * corpus)


def _at_least(low: float) -> Range:
    return Range(low, math.inf)


def _mean(values: Sequence[float] | np.ndarray) -> float:
    known = [float(value) for value in values if math.isfinite(value)]
    return fmean(known) if known else math.nan
