"""Lively moves, in the notation of the corpus: high kicks, knee lifts, lunges, hops, turns, and arms everywhere.

They cover poses that dancers of any style reach, so that a renderer that is trained on them has seen those poses.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dancegen.corpus.choreography.legwork import (
    FRONT_KICK,
    HEEL_BACK,
    HIGH_KICK,
    KNEE_OUT,
    KNEE_UP,
    SIDE_KICK,
    STEP,
)
from dancegen.corpus.choreography.moves import (
    BARS,
    BEHIND_HEAD,
    CROSSED,
    DIAGONAL_DOWN,
    GOAL_POST,
    GUARD,
    HANGING,
    LEVEL,
    ON_HIP,
    UP_V,
    Move,
    Pose,
    arm,
    at,
    both,
    foot,
    left,
    library,
    move,
    right,
)
from dancegen.corpus.choreography.moves_kpop import MOVES as KPOP_MOVES
from dancegen.corpus.structure import SongStructure

UP = arm(168, 20, 8, 20)
FRONT = arm(88, 84, 8, 40)
PUNCH_UP = arm(158, 60, 10, 10)
BACK_DOWN = arm(34, -40, 14, 80)
SWEEP = arm(112, -20, 20, 60)
TO_HEAD = arm(104, 34, 118, 14)
SHOULDER, HEAD = np.array([0.36, 0.0, 0.0]), np.array([0.0, 0.42, 0.06])
UPPER_ARM, FOREARM = 0.58, 0.62  # to the middle of the hand
WIDE = foot(0.42)

MOVES = library(
    move(
        "high_kicks",
        at(1, both(GUARD), both(STEP), drop=0.05),
        at(2, right(HIGH_KICK), left(FRONT), right(BACK_DOWN), lean=3, bow=-6),
        at(3, right(STEP), both(GUARD), lean=0, bow=4, drop=0.05),
        at(4, left(HIGH_KICK), right(FRONT), left(BACK_DOWN), lean=-3, bow=-6),
        at(5, left(STEP), both(GUARD), lean=0, bow=4, drop=0.05),
        at(6, right(SIDE_KICK), both(LEVEL), lean=14, drop=0.02),
        at(7, right(WIDE), both(DIAGONAL_DOWN), lean=0, drop=0.1),
        at(8, right(STEP), both(HANGING), drop=0.02),
    ),
    move(
        "knee_lifts",
        at(1, right(KNEE_UP), both(UP), bow=-4),
        at(2, right(STEP), both(GOAL_POST), bow=4, drop=0.06),
        at(3, left(KNEE_UP), both(UP), bow=-4, drop=0.02),
        at(4, left(STEP), both(GOAL_POST), bow=4, drop=0.06),
        at(5, right(KNEE_OUT), left(PUNCH_UP), right(ON_HIP), lean=5, drop=0.02),
        at(6, right(foot(0.24)), both(GUARD), lean=0, drop=0.06),
        at(7, left(KNEE_OUT), right(PUNCH_UP), left(ON_HIP), lean=-5, drop=0.02),
        at(8, left(STEP), both(HANGING), lean=0),
    ),
    move(
        "lunges",
        at(1, right(foot(0.62)), left(UP_V), right(LEVEL), shift=-0.14, drop=0.2, lean=-8, right_knee=45),
        at(2, both(CROSSED), shift=-0.02, drop=0.1, lean=0),
        at(3, right(STEP), both(GUARD), shift=0, drop=0.03, right_knee=18),
        at(4, left(foot(0.62)), right(UP_V), left(LEVEL), shift=0.14, drop=0.2, lean=8, left_knee=45),
        at(5, left(STEP), both(GUARD), shift=0, drop=0.03, lean=0, left_knee=18),
        at(6, right(foot(0.14, 0.55)), both(FRONT), fore=0.08, drop=0.2, bow=8, right_knee=4),
        at(7, both(UP), bow=-6),
        at(8, right(STEP), both(HANGING), fore=0, drop=0.02, bow=0, right_knee=18),
    ),
    move(
        "hops",
        at(1, both(foot(0.13)), both(arm(30, 60, 80, 40)), drop=0.12, bow=10),
        at(1.7, both(UP_V), hop=0.09, drop=0.0, bow=-2),
        at(2.3, both(foot(0.13)), hop=0.0, drop=0.1, bow=6),
        at(3, both(GUARD), drop=0.12, bow=8),
        at(3.7, both(LEVEL), hop=0.1, drop=0.0, bow=0),
        at(4.3, hop=0.0, drop=0.1, bow=6),
        at(5, right(HEEL_BACK), left(UP_V), right(SWEEP), drop=0.04, bow=0),
        at(6, right(STEP), both(GUARD), drop=0.06),
        at(7, left(HEEL_BACK), right(UP_V), left(SWEEP), drop=0.04),
        at(8, left(STEP), both(HANGING), drop=0.03),
    ),
    move(
        "spins",
        at(1, right(foot(0.05, 0.2)), left(LEVEL), right(CROSSED), turn=-20, twist=-16),
        at(2, left(foot(0.18)), both(CROSSED), turn=90, twist=6),
        at(3, right(foot(0.18)), both(GUARD), turn=225, twist=0),
        at(4, left(foot(0.18)), right(STEP), both(UP), turn=360, drop=0.01),
        at(5, both(foot(0.3)), both(LEVEL), drop=0.1),
        at(6, both(BEHIND_HEAD), lean=12, shift=-0.06, drop=0.04),
        at(7, lean=-12, shift=0.06),
        at(8, both(STEP), both(HANGING), lean=0, shift=0),
    ),
    move(
        "half_turns",
        at(1, both(GUARD), left(foot(0.2, 0.12)), turn=-8, twist=-10),
        at(2, left(foot(0.16)), right(foot(0.16)), right(SWEEP), left(FRONT), turn=85, twist=0),
        at(3, both(TO_HEAD), drop=0.08),
        at(4, left(foot(0.16)), right(foot(0.16)), both(UP_V), turn=180, drop=0.02),
        at(5, left(UP), right(ON_HIP), lean=-6, drop=0.06),
        at(6, left(foot(0.16)), right(foot(0.16)), both(LEVEL), turn=270, lean=0, drop=0.02),
        at(7, left(DIAGONAL_DOWN), right(FRONT), drop=0.06),
        at(8, left(STEP), right(STEP), both(HANGING), turn=360, drop=0.02),
    ),
    move(
        "windmills",
        at(1, both(foot(0.34)), left(UP), right(DIAGONAL_DOWN), lean=-10, drop=0.06),
        at(2, left(SWEEP), right(arm(100, 60, 10, 40)), lean=0, twist=14),
        at(3, left(BACK_DOWN), right(UP), lean=10, twist=0, shift=0.06),
        at(4, left(FRONT), right(SWEEP), lean=0, twist=-14, shift=0),
        at(5, both(FRONT), bow=28, drop=0.1, nod=8),
        at(6, both(arm(60, 96, 10, 90)), bow=44, drop=0.14, nod=10),
        at(7, both(UP), bow=-10, drop=0.03, nod=-8),
        at(8, both(STEP), both(HANGING), bow=0, nod=0),
    ),
)


def lively_moves(structure: SongStructure, seed: int) -> Iterator[tuple[int, int, Move]]:
    """Moves for every two bars of a song: lively ones, improvised ones and K-pop's, in turn, mirrored at random."""
    rng = np.random.default_rng([23, seed, structure.seed])
    named = _shuffled(list(MOVES.values()), rng)
    kpop = _shuffled(list(KPOP_MOVES.values()), rng)
    for turn, bar in enumerate(range(0, structure.bars, BARS)):
        chosen = (next(named), improvised(rng), next(named), next(kpop))[turn % 4] if turn else next(kpop)
        chosen = chosen.mirrored() if rng.random() < 0.5 else chosen
        yield bar, min(BARS, structure.bars - bar), _without_whip(chosen)


def _without_whip(move: Move) -> Move:
    """The move with arms that go straight from pose to pose: whipped hands could pass through the head."""
    first, *rest = move.moments
    return Move(move.name, (replace(first, pose={**first.pose, "whip": 0.0}), *rest))


def improvised(rng: np.random.Generator) -> Move:
    """Arms anywhere on every count, over steps, sways, and now and then a leg in the air."""
    moments = []
    lifted = ""
    for count in range(1, 9):
        arms = {**left(_any_arm(rng)), **right(_any_arm(rng))} if count < 8 else both(HANGING)
        legs: dict[str, float] = {}
        if lifted:
            legs, lifted = _sided(lifted, STEP), ""
        elif count % 2 == 0 and count < 8 and rng.random() < 0.55:
            lifted = str(rng.choice(["left", "right"]))
            legs = _sided(lifted, (KNEE_UP, KNEE_OUT, FRONT_KICK, SIDE_KICK, HEEL_BACK)[rng.integers(5)])
        elif rng.random() < 0.5:
            legs = _sided(str(rng.choice(["left", "right"])), foot(rng.uniform(0.1, 0.4), rng.uniform(-0.15, 0.2)))
        moments.append(at(count, arms, legs, _any_trunk(rng) if count < 8 else _STILL))
    return move("improvised", *moments)


_STILL = {"shift": 0.0, "lean": 0.0, "twist": 0.0, "bow": 0.0, "look": 0.0, "drop": 0.02}


def _any_arm(rng: np.random.Generator) -> Pose:
    """An arm anywhere beside head and trunk."""
    while True:
        raised, plane, bend = rng.uniform(5, 172), rng.uniform(-35, 110), 135 * rng.beta(1, 1.6)
        spin = rng.uniform(0, 175)
        if is_free(raised, plane, bend, spin):
            return arm(raised, plane, bend, spin)


def is_free(raised: float, plane: float, bend: float, spin: float) -> bool:
    """Whether the wrist of a left arm is outside head and trunk, in torso lengths."""
    raised, plane, bend, spin = np.radians([raised, plane, bend, spin])
    outwards, down = np.array([np.cos(plane), 0.0, np.sin(plane)]), np.array([0.0, -1.0, 0.0])
    upper = np.cos(raised) * down + np.sin(raised) * outwards
    above = np.cos(raised) * outwards - np.sin(raised) * down
    side = np.cos(spin) * above + np.sin(spin) * np.array([-np.sin(plane), 0.0, np.cos(plane)])
    wrist = SHOULDER + UPPER_ARM * upper + FOREARM * (np.cos(bend) * upper + np.sin(bend) * side)
    in_trunk = wrist[1] < 0.1 and np.hypot(wrist[0] / 0.5, wrist[2] / 0.34) < 1
    return bool(np.linalg.norm(wrist - HEAD) > 0.42 and not in_trunk)


def _any_trunk(rng: np.random.Generator) -> Pose:
    return {
        "shift": rng.uniform(-0.06, 0.06),
        "lean": rng.uniform(-12, 12),
        "twist": rng.uniform(-22, 22),
        "bow": rng.uniform(-8, 16),
        "look": rng.uniform(-25, 25),
        "drop": rng.uniform(0.0, 0.12),
    }


def _sided(side: str, limb: Pose) -> dict[str, float]:
    return {f"{side}_{name}": value for name, value in limb.items()}


def _shuffled(moves: list[Move], rng: np.random.Generator) -> Iterator[Move]:
    """The moves in random order, again and again."""
    while True:
        for position in rng.permutation(len(moves)):
            yield moves[position]
