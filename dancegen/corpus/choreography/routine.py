"""Songs -> dances of one dancer.

The moves are determined by the music: by category, unless another style is given, kind of section and bar of the phrase
(`repertoire`). The dancer's seed determines body and style. The dance is a function of continuous time: at another
frame rate it is the same dance.

Axes used in shapes:
    T times or frames    J joints, as in skeleton.COCO18
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64

from dancegen.corpus.body.curves import Curve, curve, pulse
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.body.footwork import FootPath, steps, walk
from dancegen.corpus.body.kinematics import (
    SIDES,
    STRETCH,
    ArmAngles,
    BodyMotion,
    LegMotion,
    joints_in_space,
    project,
)
from dancegen.corpus.choreography.moves import LENGTHS, NEUTRAL
from dancegen.corpus.choreography.score import Score, on_floor, write_score
from dancegen.corpus.structure import SongStructure

Moments = Float64[np.ndarray, "T"]

STEP_HEIGHT = {"kpop": 1.0, "ballet": 0.4, "popping": 1.0, "house": 0.9, "krump": 1.3, "hiphop": 1.1}
"""Height of the feet in steps; in ballet they slide."""
WHIP_RAISE = 0.45
"""Raise of an arm that swings from one pose to the next, in units of the flexion of its elbow."""
SHARPEST_BEND = 140.0
EARLY_REBOUND = 0.3
"""Beats by which bounce and whip turn before the middle between two beats: the body is never at rest off the beat."""
LENGTH_DEGREES = 280.0
"""Equivalent of a leg length in degrees, for the speed limit."""
BREATHS_HZ, DRIFT_HZ = 0.27, 0.19
TICK_RISE, TICK_FALL = 0.4, 0.6
"""Duration in beats of the contraction and release of muscles in popping."""
NOD_LAG = 0.1
"""Beats by which the head follows the bounce."""


def choreograph(
    structure: SongStructure, dancer: Dancer, fps: float, seed: int, style: str | None = None
) -> Float32[np.ndarray, "T J 2"]:
    """The dance of a whole song in torso lengths: x right, y down, from the mid-hip of the standing dancer.

    `style` is the category whose moves are danced; None is that of the song.
    """
    if style is not None:
        structure = replace(structure, category=style)
    seconds = np.arange(math.ceil(structure.seconds * fps)) / fps
    return project(dance_in_space(structure, dancer, seconds, seed), dancer).astype(np.float32)


def dance_in_space(
    structure: SongStructure, dancer: Dancer, seconds: Moments, seed: int
) -> Float64[np.ndarray, "T J 3"]:
    """3-D joints, as in `body.kinematics`, at times in increasing order."""
    return score_in_space(write_score(structure, dancer, seed), structure, dancer, seconds)


def score_in_space(
    score: Score, structure: SongStructure, dancer: Dancer, seconds: Moments
) -> Float64[np.ndarray, "T J 3"]:
    """3-D joints of the dance of a score, as in `body.kinematics`, at times in increasing order."""
    beats = (seconds - dancer.lag_s - structure.start_s) / structure.beat_s
    neutral = NEUTRAL[structure.category]
    values = {
        name: curve(keys, neutral[name], beats, structure.beat_s, _degrees(name))
        for name, keys in score.channels.items()
    }
    home = {side: on_floor(neutral[f"{side}_x"], 0.0, side, dancer) for side in SIDES}
    taken = steps(score.footprints, home, STEP_HEIGHT[structure.category], structure.beat_s)
    feet = {side: walk(taken[side], home[side], beats) for side in SIDES}
    return joints_in_space(_motion(values, feet, _groove(values, structure, dancer, beats, seconds), dancer), dancer)


@dataclass(frozen=True)
class Groove:
    """Periodic motion of a body that is added to the moves."""

    bounce: Curve
    """Lowering by knee flexion, maximal on the beat."""
    rock: Curve
    """Lowering by knee flexion on even beats, rising on odd ones."""
    nod: Curve
    sway: Curve
    """Pelvis to the left on even beats, to the right on odd ones."""
    tick: Curve
    """Muscle contraction, 1 on the beat."""
    whip: Curve
    """Flexion of the elbows, maximal between the beats, in degrees."""
    breath: Curve
    drift: Curve
    """Slow oscillation, -1 to 1."""


def _groove(
    values: dict[str, Curve], structure: SongStructure, dancer: Dancer, beats: Curve, seconds: Moments
) -> Groove:
    last_beat = structure.bars * structure.beats_per_bar
    playing = np.clip(np.minimum(beats + 1, last_beat + 1 - beats), 0, 1)
    playing = playing**2 * (3 - 2 * playing)
    rebound = beats + EARLY_REBOUND * (0.5 - 0.5 * np.cos(2 * np.pi * beats))
    return Groove(
        bounce=values["bounce"] * playing * (0.5 + 0.5 * np.cos(2 * np.pi * rebound)),
        rock=values["rock"] * playing * (0.5 + 0.5 * np.cos(np.pi * beats)),
        nod=values["bounce"] * playing * np.cos(2 * np.pi * (beats - NOD_LAG)),
        sway=values["sway"] * playing * np.cos(np.pi * beats),
        tick=values["tick"] * playing * pulse(beats, TICK_RISE, TICK_FALL),
        whip=values["whip"] * playing * np.sin(np.pi * rebound) ** 2,
        breath=np.sin(2 * np.pi * BREATHS_HZ * seconds + dancer.sway_phase),
        drift=np.sin(2 * np.pi * DRIFT_HZ * seconds + 2 * dancer.sway_phase),
    )


def _degrees(name: str) -> float:
    """Equivalent of a channel's unit in degrees, for the speed limit."""
    return LENGTH_DEGREES if name in LENGTHS else 1.0


def _motion(values: dict[str, Curve], feet: dict[str, FootPath], groove: Groove, dancer: Dancer) -> BodyMotion:
    """Moves and groove combined to the channels of kinematics."""
    return BodyMotion(
        pelvis=dancer.leg * _pelvis(values, feet, groove),
        turn=values["turn"],
        hip_roll=values["hips"] + 150.0 * groove.sway,
        twist=values["twist"] + 160.0 * groove.sway,
        lean=values["lean"] - 180.0 * groove.sway + 0.5 * groove.drift,
        slide=values["slide"],
        bow=values["bow"] - 3.0 * groove.tick,
        push=values["push"] + 4.0 * groove.tick,
        look=values["look"],
        nod=values["nod"] + 60.0 * groove.nod,
        cock=values["cock"] + 70.0 * groove.sway,
        arms={side: _arm(values, side, groove) for side in SIDES},
        legs={side: _leg(values, side, feet[side], dancer) for side in SIDES},
    )


def _pelvis(values: dict[str, Curve], feet: dict[str, FootPath], groove: Groove) -> Float64[np.ndarray, "T 3"]:
    """Position of the pelvis over the supporting feet, in leg lengths: a foot that steps or kicks carries no weight."""
    weights = {side: (1 - 0.93 * values[f"{side}_air"]) * (1 - 0.55 * foot.stepping) for side, foot in feet.items()}
    share = weights["left"] / (weights["left"] + weights["right"])
    angle = np.radians(values["turn"])
    aside, ahead = values["shift"] + groove.sway + 0.004 * groove.drift, values["fore"]
    height = STRETCH - values["drop"] - groove.bounce - groove.rock - 0.022 * groove.tick
    height = height + values["rise"] + values["hop"] + feet["left"].leap
    x = share * feet["left"].x + (1 - share) * feet["right"].x + aside * np.cos(angle) + ahead * np.sin(angle)
    z = share * feet["left"].z + (1 - share) * feet["right"].z + ahead * np.cos(angle) - aside * np.sin(angle)
    return np.stack([x, -height, z], axis=-1)


def _leg(values: dict[str, Curve], side: str, foot: FootPath, dancer: Dancer) -> LegMotion:
    air = values[f"{side}_air"]
    heel = (values[f"{side}_heel"] + values["rise"]) * (1 - air)
    up = foot.lift + np.maximum(heel + values["hop"], 0.0)
    return LegMotion(
        footprint=dancer.leg * np.stack([foot.x, -up, foot.z], axis=-1),
        air=air,
        raised=values[f"{side}_kick"],
        plane=values[f"{side}_kick_plane"],
        reach=dancer.leg * values[f"{side}_kick_reach"],
        knee_out=values[f"{side}_knee"],
    )


def _arm(values: dict[str, Curve], side: str, groove: Groove) -> ArmAngles:
    raised, bend = values[f"{side}_raise"], values[f"{side}_bend"] + 5.0 * groove.tick
    low = 0.7 + 0.3 * np.cos(np.radians(raised) / 2) ** 2  # a hand above the shoulder stays clear of the head
    bend = bend + groove.whip * low * np.clip(1 - bend / SHARPEST_BEND, 0.0, 1.0)
    raised = raised + WHIP_RAISE * groove.whip * np.cos(np.radians(raised))
    return ArmAngles(
        raised=raised + groove.breath + 130.0 * SIDES[side] * groove.sway,
        plane=values[f"{side}_plane"],
        # an elbow never bends backwards: smooth lower limit below 3 degrees
        bend=3.0 + 0.5 * (bend - 3.0 + np.sqrt((bend - 3.0) ** 2 + 16.0)),
        spin=values[f"{side}_spin"],
        shrug=values[f"{side}_shrug"] + 0.8 * groove.breath + 3.0 * groove.tick,
    )
