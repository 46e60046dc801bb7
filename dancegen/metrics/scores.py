"""Table of scores of made dances against real ones, with confidence intervals and controls.

Every metric is reported for the made dances, for the real ones (two halves of their songs against each other, if the
metric compares two sets) and, if it depends on the music, for dances with other songs' music. Intervals are 95 %
bootstrap intervals over songs, resampled on both sides, because clips of one song are not independent. A Frechet
distance of fewer different dances is larger, so an interval is centred on the value. With a handful of songs an
interval is not reliable. Metrics of the published protocol (`published`) have names of their own.

Axes used in shapes:
    N dances    D features    K beats    M features of the cross-modal metric
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64, Int

from dancegen.metrics import beat
from dancegen.metrics.diversity import diversity, multimodality
from dancegen.metrics.frechet import frechet, standardized
from dancegen.metrics.joint_motion import JOINTS
from dancegen.metrics.kinetic import div_k2, fid_k2
from dancegen.metrics.motion_quality import freeze_share
from dancegen.metrics.moves import Moves
from dancegen.metrics.published import published_alignment, published_frechet
from dancegen.pose.kinematic_beats import NO_BEATS

TURNS = 16  # songs whose music is each dance's control
LOW, HIGH = 0.025, 0.975
Whose = Literal["made", "real", "shuffled", "real shuffled"]
Terms = dict[str, Float64[np.ndarray, "N 2"]]  # of metrics that are a ratio of sums


@dataclass(frozen=True)
class Music:
    """The reference for dances to one piece of music."""

    beats_s: Float64[np.ndarray, " K"]
    """Times of its beats in seconds."""
    reference: Float[np.ndarray, " M"] | None = None
    """psi of the real dance of the training song with the most similar music; None without a cross-modal metric."""


SILENCE = Music(NO_BEATS)  # no reference


@dataclass(frozen=True)
class Danced:
    """A set of dances; all of the same length N."""

    songs: list[str]
    clips: list[str]
    """Id of the music: several dances to one piece have the same."""
    moves: list[Moves]
    psi: list[Float[np.ndarray, " M"] | None]
    """Embedding of each dance by the cross-modal metric."""
    music: list[Music]
    embeddings: dict[str, Float[np.ndarray, "N D"]]
    """Embeddings of the dances by each extractor, by its name."""
    terms: Terms

    def __len__(self) -> int:
        return len(self.songs)

    @cached_property
    def of_song(self) -> dict[str, Int[np.ndarray, " M"]]:
        """The indices of each song's dances; the songs are in order."""
        names, of = np.unique(self.songs, return_inverse=True)
        rows = np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of))[:-1])
        return dict(zip(names.tolist(), rows, strict=True))

    def take(self, which: Int[np.ndarray, " M"]) -> "Danced":
        """The dances at these indices, which may repeat."""
        songs, clips, moves, psi, music = (
            [each[at] for at in which] for each in (self.songs, self.clips, self.moves, self.psi, self.music)
        )
        embeddings = {name: vectors[which] for name, vectors in self.embeddings.items()}
        terms = {name: each[which] for name, each in self.terms.items()}
        return Danced(songs, clips, moves, psi, music, embeddings, terms)


@dataclass(frozen=True)
class Metric:
    """One row of the table."""

    of: Callable[[Danced, Danced, int], float]
    """Value from real dances, made dances and a seed."""
    better: Literal["lower", "higher", "as real"]
    compares: bool = False
    """Whether it is a distance between two sets."""
    musical: bool = False
    """Whether it depends on the music and has shuffled songs as its control."""


@dataclass(frozen=True)
class Score:
    """One value of the table."""

    metric: str
    whose: Whose
    value: float
    low: float
    high: float
    n: int
    n_real: int


def danced(
    songs: Sequence[str],
    clips: Sequence[str],
    moves: Sequence[Moves],
    music: Sequence[Music],
    embeddings: dict[str, Float[np.ndarray, "N D"]],
    psi: Sequence[Float[np.ndarray, " M"] | None] | None = None,
) -> Danced:
    """A set of dances, with the terms of its metrics."""
    seen: list[np.ndarray | None] = [None] * len(songs) if psi is None else list(psi)
    terms = _terms(moves, seen, music)
    return Danced(list(songs), list(clips), list(moves), seen, list(music), embeddings, terms)


def metrics(extractors: Sequence[str], published: bool = False) -> dict[str, Metric]:
    """All metrics by name; some exist once per extractor. `published` adds those of the published protocol."""
    found: dict[str, Metric] = {}
    for name in extractors:
        if published:
            found[f"published_fid_{name}"] = Metric(_published_fid(name), "lower", compares=True)
        found |= {
            f"fid_{name}": Metric(_fid(name), "lower", compares=True),
            f"diversity_{name}": Metric(_diversity(name), "as real"),
            f"multimodality_{name}": Metric(_multimodality(name), "higher"),
        }
    return {
        **found,
        "fid_k2": Metric(_fid_k2, "lower", compares=True),
        "div_k2": Metric(_div_k2, "as real"),
        "multimodality_k2": Metric(_multimodality_k2, "higher"),
        "frechet_pose": Metric(_frechet_pose, "lower", compares=True),
        **{name: Metric(_ratio(name), better, musical=True) for name, better in MUSICAL.items() if name != PUBLISHED},
        **({PUBLISHED: Metric(_ratio(PUBLISHED), MUSICAL[PUBLISHED], musical=True)} if published else {}),
        "speed": Metric(_ratio("speed"), "as real"),
        **{name: Metric(_ratio(name), "as real") for name in JOINT_SPEEDS},
        "jerk": Metric(_ratio("jerk"), "as real"),
        "freeze_share": Metric(_freeze_share, "as real", compares=True),
        "foot_skate": Metric(_ratio("foot_skate"), "as real"),
        "slide_share": Metric(_ratio("slide_share"), "as real"),
    }


JOINT_SPEEDS = tuple(f"speed_{joint}" for joint in JOINTS)
PUBLISHED = "published_beat_alignment"
MUSICAL: dict[str, Literal["lower", "higher", "as real"]] = {
    "beat_alignment": "higher",  # over the dance's beats
    "beat_alignment_music": "higher",  # over the music's
    "beat_hit_rate": "higher",
    "beat_coverage": "as real",
    "cross_modal": "lower",
    PUBLISHED: "higher",
}


def score(real: Danced, made: Danced, seed: int, resamples: int) -> list[Score]:
    """The table of scores. The same dances and seed give the same values."""
    published = any(one.published_beats_s is not None for one in made.moves)
    known = metrics(sorted(real.embeddings), published)
    first, second = _halves(real) or (real, None)
    sides: list[tuple[Whose, Danced, Danced | None, Callable[[Metric], bool]]] = [
        ("made", real, made, lambda metric: True),
        ("real", real, real, lambda metric: not metric.compares),
        ("real", first, second, lambda metric: metric.compares),
        ("shuffled", real, _with_other_music(made), lambda metric: metric.musical),
        ("real shuffled", real, _with_other_music(real), lambda metric: metric.musical),
    ]
    found: list[Score] = []
    for whose, one, other, wanted in sides:
        if other is not None:
            chosen = {name: metric for name, metric in known.items() if wanted(metric)}
            found += _scored(chosen, whose, one, other, seed, resamples)
    order = list(known)
    return sorted((one for one in found if math.isfinite(one.value)), key=lambda one: order.index(one.metric))


def _scored(
    chosen: dict[str, Metric], whose: Whose, real: Danced, made: Danced, seed: int, resamples: int
) -> list[Score]:
    """Scores of some metrics. Their intervals are from the same resamples."""
    random = np.random.default_rng(seed)
    values = {name: _value(metric, real, made, seed) for name, metric in chosen.items()}
    drawn: dict[str, list[float]] = {name: [] for name, value in values.items() if math.isfinite(value)}
    for _ in range(resamples):
        sample = _anew(real, made, random)
        for name, found in drawn.items():
            found.append(_value(chosen[name], *sample, seed))
    return [
        Score(name, whose, value, *_interval(chosen[name], value, drawn.get(name, ())), len(made), len(real))
        for name, value in values.items()
    ]


def _interval(metric: Metric, value: float, drawn: Sequence[float]) -> tuple[float, float]:
    """The interval of a value from resamples, centred on it."""
    known = np.array([one for one in drawn if math.isfinite(one)])
    if not len(known):
        return math.nan, math.nan
    low, middle, high = np.quantile(known, [LOW, 0.5, HIGH]).tolist()
    least = 0.0 if metric.compares else -math.inf
    return max(least, value + low - middle), value + high - middle


def _value(metric: Metric, real: Danced, made: Danced, seed: int) -> float:
    """Value of the metric; NaN if there are too few dances."""
    try:
        return metric.of(real, made, seed)
    except ValueError:
        return math.nan


def _anew(real: Danced, made: Danced, random: np.random.Generator) -> tuple[Danced, Danced]:
    """Bootstrap sample of the songs, with all their dances; the same songs on both sides if both have the same."""
    songs, others = list(real.of_song), list(made.of_song)
    drawn = random.integers(0, len(songs), len(songs))
    drawn_others = drawn if songs == others else random.integers(0, len(others), len(others))
    return _of_songs(real, [songs[at] for at in drawn]), _of_songs(made, [others[at] for at in drawn_others])


def _of_songs(dances: Danced, songs: list[str]) -> Danced:
    """The dances to each of the songs, one song after the other."""
    return dances.take(np.concatenate([dances.of_song[song] for song in songs]))


def _halves(real: Danced) -> tuple[Danced, Danced] | None:
    """The dances to two halves of the songs; None if there are too few songs."""
    order = sorted(set(real.songs), key=lambda song: hashlib.sha256(song.encode()).hexdigest())
    if len(order) < 2:
        return None
    first = np.isin(real.songs, order[: len(order) // 2])
    return real.take(np.flatnonzero(first)), real.take(np.flatnonzero(~first))


def _terms(moves: Sequence[Moves], psi: Sequence[np.ndarray | None], music: Sequence[Music]) -> Terms:
    """Numerator and denominator of each dance, for the metrics that are sums over sums."""
    found = _musical_terms(moves, psi, music)
    numbers = {name: [getattr(one, name) for one in moves] for name in ("speed", "jerk", "foot_skate", "slide_share")}
    numbers |= {name: [one.joint_speeds[at] for one in moves] for at, name in enumerate(JOINT_SPEEDS)}
    for name, each in numbers.items():
        values = np.array(each, dtype=np.float64)
        known = np.isfinite(values)
        found[name] = np.stack([np.where(known, values, 0.0), known], axis=1)
    return found


def _musical_terms(moves: Sequence[Moves], psi: Sequence[np.ndarray | None], music: Sequence[Music]) -> Terms:
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in MUSICAL}
    for one, seen, heard in zip(moves, psi, music, strict=True):
        for name, each in beat.terms(one.beats_s, heard.beats_s).items():
            rows[name].append(each)
        rows["cross_modal"].append(_cross_modal(seen, heard.reference))
        rows[PUBLISHED].append(_published(one, heard))
    return {name: np.array(each, dtype=np.float64).reshape(-1, 2) for name, each in rows.items()}


def _cross_modal(seen: np.ndarray | None, reference: np.ndarray | None) -> tuple[float, float]:
    """|psi(P_u) - psi(P_v)| of one dance (Ren et al., 2020), and its count of 1; zeros if one is missing."""
    if seen is None or reference is None:
        return 0.0, 0.0
    return float(np.linalg.norm(np.asarray(seen, np.float64) - np.asarray(reference, np.float64))), 1.0


def _published(one: Moves, heard: Music) -> tuple[float, float]:
    """The Beat Alignment Score of one dance by the published protocol, and its count of 1; zeros if it is unknown."""
    if one.published_beats_s is None or not len(heard.beats_s):
        return 0.0, 0.0
    return published_alignment(one.published_beats_s, heard.beats_s), 1.0


def _with_other_music(dances: Danced) -> Danced | None:
    """The same dances with the music of other songs, summed over several rotations; None if there is one song."""
    if len(set(dances.songs)) < 2:
        return None
    by_song = sorted(range(len(dances)), key=lambda at: dances.songs[at])
    ordered = dances.take(np.array(by_song))
    turned: list[Terms] = []
    for turn in sorted({round(each) for each in np.linspace(1, len(ordered) - 1, min(TURNS, len(ordered) - 1))}):
        music = ordered.music[turn:] + ordered.music[:turn]
        songs = ordered.songs[turn:] + ordered.songs[:turn]
        other = [
            heard if song != own else SILENCE for heard, song, own in zip(music, songs, ordered.songs, strict=True)
        ]
        turned.append(_musical_terms(ordered.moves, ordered.psi, other))
    sums = {name: np.sum([each[name] for each in turned], axis=0) for name in MUSICAL}
    return replace(ordered, terms=sums)


def _ratio(name: str) -> Callable[[Danced, Danced, int], float]:
    def of(real: Danced, made: Danced, seed: int) -> float:
        above, below = made.terms[name].sum(axis=0)
        return float(above / below) if below else math.nan

    return of


def _fid(extractor: str) -> Callable[[Danced, Danced, int], float]:
    return lambda real, made, seed: frechet(real.embeddings[extractor], made.embeddings[extractor])


def _published_fid(extractor: str) -> Callable[[Danced, Danced, int], float]:
    return lambda real, made, seed: published_frechet(real.embeddings[extractor], made.embeddings[extractor])


def _diversity(extractor: str) -> Callable[[Danced, Danced, int], float]:
    return lambda real, made, seed: diversity(made.embeddings[extractor], seed)


def _multimodality(extractor: str) -> Callable[[Danced, Danced, int], float]:
    return lambda real, made, seed: multimodality(made.embeddings[extractor], made.clips)


def _kinetic(dances: Danced) -> Float64[np.ndarray, "N D"]:
    return np.stack([one.kinetic for one in dances.moves])


def _fid_k2(real: Danced, made: Danced, seed: int) -> float:
    return fid_k2(_kinetic(real), _kinetic(made))


def _div_k2(real: Danced, made: Danced, seed: int) -> float:
    return div_k2(_kinetic(made), _kinetic(real))


def _multimodality_k2(real: Danced, made: Danced, seed: int) -> float:
    return multimodality(standardized(_kinetic(made), _kinetic(real)), made.clips)


def _frechet_pose(real: Danced, made: Danced, seed: int) -> float:
    theirs, ours = (np.concatenate([one.poses for one in dances.moves]) for dances in (real, made))
    return frechet(standardized(theirs, theirs), standardized(ours, theirs))


def _freeze_share(real: Danced, made: Danced, seed: int) -> float:
    theirs, ours = (np.concatenate([one.window_speeds for one in dances.moves]) for dances in (real, made))
    return freeze_share(ours, theirs) if len(theirs) else math.nan
