"""Sequence of moves -> keyframes of every channel of the body, and footprints."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from dancegen.corpus.body.curves import Key
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.body.footwork import Footprint
from dancegen.corpus.body.kinematics import SIDES
from dancegen.corpus.choreography.energy import energized, level_of
from dancegen.corpus.choreography.moves import BARS, COUNTS, FOOTPRINTS, NEUTRAL, Move, Pose
from dancegen.corpus.choreography.repertoire import programme
from dancegen.corpus.structure import KINDS, SongStructure

EASE = {"kpop": "hit", "ballet": "flow", "popping": "pop", "house": "groove", "krump": "hit", "hiphop": "hit"}
JOINING = {**EASE, "kpop": "groove", "krump": "groove", "hiphop": "groove"}
"""Easings of the styles, and those of the transition into a move."""
ARM_DRAG = {"ballet": 0.12}
"""Delay of the forearm after the upper arm, in beats."""
FULL_TURN = 360.0


@dataclass
class Score:
    """Keyframes by channel, and footprints, both in temporal order."""

    channels: dict[str, list[Key]]
    footprints: list[Footprint] = field(default_factory=list)


def moves_of(structure: SongStructure, dancer: Dancer, seed: int) -> Iterator[tuple[int, int, Move]]:
    """The moves of a dance: first bar, available bars, and the move in this dancer's version.

    Every section of a kind has the same moves, as music repeats; each dancer has other ones, and the section's level of
    energy scales them.
    """
    neutral = NEUTRAL[structure.category]
    for section in structure.sections:
        for bar in range(0, section.bars, BARS):
            first_bar = section.first_bar + bar
            slot = structure.phrase_bar(first_bar) // BARS
            key = [seed, structure.seed, dancer.seed, KINDS.index(section.kind), slot]
            move = programme(structure.category, section.kind, slot, np.random.default_rng(key))
            if dancer.left_handed and section.kind == "verse":
                move = move.mirrored()
            level = level_of(structure, first_bar)
            yield first_bar, min(BARS, section.bars - bar), energized(move, neutral, level, structure.bpm)


def write_score(structure: SongStructure, dancer: Dancer, seed: int) -> Score:
    """The keyframes of a song's dance by one dancer; it starts and ends in the neutral pose."""
    return score_of(moves_of(structure, dancer, seed), structure, dancer)


def score_of(moves: Iterable[tuple[int, int, Move]], structure: SongStructure, dancer: Dancer) -> Score:
    """The keyframes of moves, each with its first bar and available bars; from the neutral pose and back to it."""
    category = structure.category
    neutral = NEUTRAL[category]
    score = Score({name: [] for name in neutral if _is_channel(name)})
    turned, last_turn = 0.0, 0.0
    for first_bar, bars, move in moves:
        for moment in move.moments:
            if moment.count - 1 >= bars * COUNTS / BARS:
                continue
            opens = moment.count == 1
            pose = {**neutral, **moment.pose} if opens else moment.pose
            last_turn = pose.get("turn", last_turn)
            ease = moment.ease or (JOINING if opens else EASE)[category]
            beat = first_bar * structure.beats_per_bar + count_to_beat(moment.count, structure.beats_per_bar)
            _write(score, beat, {**pose, "turn": last_turn}, turned, ease, category, dancer)
        # the turn is accumulated: the next move starts from it
        turned += FULL_TURN * round(last_turn / FULL_TURN)
        last_turn -= FULL_TURN * round(last_turn / FULL_TURN)
    end = float(structure.bars * structure.beats_per_bar)
    _write(score, end, neutral, turned, JOINING[category], category, dancer)
    return score


def count_to_beat(count: float, beats_per_bar: int) -> float:
    """Beats from the start of a move to one of its eight counts; three-beat bars have three beats for four counts."""
    bar, rest = divmod(count - 1, COUNTS / BARS)
    waltz = np.interp(rest, [0, 1, 2, 3, 4], [0, 1, 2, 2.5, 3])
    return float(bar * beats_per_bar + (waltz if beats_per_bar == 3 else rest))


def on_floor(x: float, z: float, side: str, dancer: Dancer, turn: float = 0.0) -> tuple[float, float]:
    """A footprint of a body turned by `turn` degrees, relative to the centre of the stage; in leg lengths."""
    angle = np.radians(turn)
    aside, ahead = SIDES[side] * x * dancer.stride, z * dancer.stride
    return float(aside * np.cos(angle) + ahead * np.sin(angle)), float(ahead * np.cos(angle) - aside * np.sin(angle))


def _write(score: Score, beat: float, pose: Pose, turned: float, ease: str, category: str, dancer: Dancer) -> None:
    for name, value in pose.items():
        part = name.partition("_")[2]
        if not _is_channel(name):
            continue
        late = ARM_DRAG.get(category, 0.0) if part in ("bend", "spin") else 0.0
        value = _styled(name, value, NEUTRAL[category], dancer) + (turned if name == "turn" else 0.0)
        score.channels[name].append(Key(beat + late, value, "lift" if part == "air" else ease))
    for side in SIDES:
        if f"{side}_x" in pose:
            place = on_floor(pose[f"{side}_x"], pose.get(f"{side}_z", 0.0), side, dancer, pose["turn"])
            lift, leap = pose.get(f"{side}_lift", 0.0), pose.get("leap", 0.0)
            score.footprints.append(Footprint(beat, side, *place, lift, leap))


def _is_channel(name: str) -> bool:
    """Whether a value of a pose is a channel, not part of a footprint."""
    return name not in FOOTPRINTS and name.partition("_")[2] not in FOOTPRINTS


def _styled(name: str, value: float, neutral: Pose, dancer: Dancer) -> float:
    """A value of the choreography, scaled by the dancer's style."""
    part = name.partition("_")[2]
    if name in ("bounce", "rock", "sway"):
        return value * dancer.bounce
    if part in ("raise", "shrug") or name in ("lean", "twist", "hips", "slide", "push"):
        return neutral[name] + dancer.amplitude * (value - neutral[name])
    return value
