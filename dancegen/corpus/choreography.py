"""Songs -> dances: which move when, and how one body dances it.

What is danced follows from what is heard: category, kind of section and bar of the phrase name the move.
The song's seed chooses where a slot has alternatives, the dancer's seed gives the body and the style.
"""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, Float64

from dancegen.corpus.body import SIDES, STRETCH, ArmAngles, BodyMotion, LegMotion, joints_in_space, project
from dancegen.corpus.curves import Curve, Key, curve, pulse
from dancegen.corpus.dancers import Dancer
from dancegen.corpus.footwork import Footprint, steps, walk
from dancegen.corpus.moves import BARS, COUNTS, LENGTHS, NEUTRAL, Move, Pose
from dancegen.corpus.repertoire import MOVES, programme
from dancegen.corpus.structure import SongStructure

EASE = {"kpop": "hit", "ballet": "flow", "popping": "pop"}
JOINING = {"kpop": "groove", "ballet": "flow", "popping": "pop"}
LIFT = {"kpop": 1.0, "ballet": 0.25, "popping": 0.8}
"""How high the feet go in steps; dancers of ballet slide them."""
ARM_DRAG = {"kpop": 0.0, "ballet": 0.16, "popping": 0.0}
"""Beats by which the forearm comes after the upper arm."""
FEET = ("x", "z")
LENGTH_DEGREES = 280.0
"""Degrees that a leg length counts for when speeds are limited."""
UNLIMITED = ("left_air", "right_air", "tick")


def choreograph(structure: SongStructure, dancer: Dancer, fps: float, seed: int) -> Float32[np.ndarray, "T J 2"]:
    """The dance of a whole song in body units: x right, y down, from the mid-hip of the standing dancer."""
    seconds = np.arange(math.ceil(structure.seconds * fps)) / fps
    return project(dance_in_space(structure, dancer, seconds, seed), dancer).astype(np.float32)


def dance_in_space(
    structure: SongStructure, dancer: Dancer, seconds: Float64[np.ndarray, "T"], seed: int
) -> Float64[np.ndarray, "T J 3"]:
    """Joints in space at any moments, in growing order: the dance is a function of time."""
    channels, footprints = _score(structure, dancer, seed)
    beats = (seconds - dancer.lag_s - structure.start_s) / structure.beat_s
    neutral = NEUTRAL[structure.category]
    values = {
        name: curve(channels.get(name, []), neutral[name], beats, structure.beat_s, _degrees(name)) for name in neutral
    }
    return joints_in_space(_motion(values, footprints, structure, dancer, beats, seconds), dancer)


def moves_of(structure: SongStructure, dancer: Dancer, seed: int) -> Iterator[tuple[int, int, Move]]:
    """The moves of a dance: first bar, bars it has room for, and the move as this dancer does it."""
    rng = np.random.default_rng([seed, structure.seed])
    for section in structure.sections:
        choice = int(rng.integers(2**31))
        for bar in range(0, section.bars, BARS):
            name, mirrored = programme(
                structure.category, section.kind, structure.phrase_bar(section.first_bar + bar), choice
            )
            move = MOVES[structure.category][name]
            if mirrored != (dancer.left_handed and section.kind == "verse"):
                move = move.mirrored()
            yield section.first_bar + bar, min(BARS, section.bars - bar), move


def _score(structure: SongStructure, dancer: Dancer, seed: int) -> tuple[dict[str, list[Key]], list[Footprint]]:
    """What every channel has to reach by which beat, and where the feet have to be."""
    category = structure.category
    neutral = NEUTRAL[category]
    channels: dict[str, list[Key]] = {name: [] for name in neutral}
    footprints: list[Footprint] = []
    turns = 0.0

    def write(beat: float, pose: Pose, ease: str) -> None:
        for name, value in pose.items():
            side, _, part = name.partition("_")
            if part not in FEET:
                late = ARM_DRAG[category] if part in ("bend", "spin") else 0.0
                channels[name].append(
                    Key(beat + late, _styled(name, value, neutral, dancer) + turns * (name == "turn"), ease)
                )
        for side in SIDES:
            if f"{side}_x" in pose:
                spot = _on_floor(
                    pose[f"{side}_x"], pose.get(f"{side}_z", 0.0), side, dancer, pose.get("turn", last_turn)
                )
                footprints.append(Footprint(beat, side, *spot))

    last_turn = 0.0
    for first_bar, bars, move in moves_of(structure, dancer, seed):
        first_beat = first_bar * structure.beats_per_bar
        for moment in move.moments:
            if moment.count - 1 < bars * COUNTS / BARS:
                opening = moment.count == 1
                pose = {**neutral, **moment.pose} if opening else moment.pose
                ease = moment.ease or (JOINING if opening else EASE)[category]
                last_turn = pose.get("turn", last_turn)
                write(first_beat + count_to_beat(moment.count, structure.beats_per_bar), pose, ease)
        turns += 360.0 * round(last_turn / 360.0)
        last_turn = 0.0
    write(float(structure.bars * structure.beats_per_bar), neutral, JOINING[category])
    return channels, footprints


def count_to_beat(count: float, beats_per_bar: int) -> float:
    """Beats from the start of a move to one of its eight counts; a waltz has three beats for four counts."""
    bar, rest = divmod(count - 1, COUNTS / BARS)
    waltz = np.interp(rest, [0, 1, 2, 3, 4], [0, 1, 2, 2.5, 3])
    return float(bar * beats_per_bar + (waltz if beats_per_bar == 3 else rest))


def _styled(name: str, value: float, neutral: Pose, dancer: Dancer) -> float:
    """A value of the choreography as this dancer does it."""
    part = name.partition("_")[2]
    if name == "bounce":
        return value * dancer.bounce
    if part in ("raise", "shrug") or name in ("lean", "twist", "hips", "slide", "push"):
        return neutral[name] + dancer.amplitude * (value - neutral[name])
    return value


def _on_floor(x: float, z: float, side: str, dancer: Dancer, turn: float) -> tuple[float, float]:
    """A footprint as seen from the middle of the stage, in leg lengths."""
    angle = np.radians(turn)
    right_x, front = SIDES[side] * x * dancer.stride, z * dancer.stride
    return (
        float(right_x * np.cos(angle) + front * np.sin(angle)),
        float(front * np.cos(angle) - right_x * np.sin(angle)),
    )


def _degrees(name: str) -> float:
    return 1.0 if name in UNLIMITED or name not in LENGTHS else LENGTH_DEGREES


def _motion(
    values: dict[str, Curve],
    footprints: list[Footprint],
    structure: SongStructure,
    dancer: Dancer,
    beats: Curve,
    seconds: Curve,
) -> BodyMotion:
    """The channels as a body understands them, with what a body adds: bounce, breath and balance."""
    category, leg = structure.category, dancer.leg
    neutral = NEUTRAL[category]
    home = {side: _on_floor(neutral[f"{side}_x"], 0.0, side, dancer, 0.0) for side in SIDES}
    taken = steps(footprints, home, LIFT[category])
    feet = {side: walk(taken[side], home[side], beats) for side in SIDES}
    inside = np.clip(np.minimum(beats + 1, structure.bars * structure.beats_per_bar + 1 - beats), 0, 1)
    tick = values["tick"] * inside * pulse(beats, rise=0.16, fall=0.35)
    drop = values["drop"] + values["bounce"] * inside * (0.5 + 0.5 * np.cos(2 * np.pi * beats)) + 0.012 * tick
    breath = np.sin(2 * np.pi * 0.27 * seconds + dancer.sway_phase)
    drift = np.sin(2 * np.pi * 0.19 * seconds + 2 * dancer.sway_phase)

    legs: dict[str, LegMotion] = {}
    weights: dict[str, Curve] = {}
    for side, foot in feet.items():
        air = np.clip(values[f"{side}_air"], 0.0, 1.0)
        up = foot.lift + (values[f"{side}_heel"] + values["rise"]) * (1 - air) + values["hop"]
        legs[side] = LegMotion(
            footprint=leg * np.stack([foot.x, -np.maximum(up, 0.0), foot.z], axis=-1),
            free=1 - (1 - air) * (1 - 0.3 * foot.stepping),
            air=air,
            raised=values[f"{side}_kick"],
            plane=values[f"{side}_kick_plane"],
            reach=leg * values[f"{side}_kick_reach"],
            knee_out=values[f"{side}_knee"],
        )
        weights[side] = (1 - 0.93 * air) * (1 - 0.55 * foot.stepping)
    share = weights["left"] / (weights["left"] + weights["right"])
    angle = np.radians(values["turn"])
    aside, ahead = values["shift"] + 0.004 * drift, values["fore"]
    middle_x = share * feet["left"].x + (1 - share) * feet["right"].x
    middle_z = share * feet["left"].z + (1 - share) * feet["right"].z
    height = STRETCH - drop + values["rise"] + values["hop"]
    pelvis = leg * np.stack(
        [
            middle_x + aside * np.cos(angle) + ahead * np.sin(angle),
            -height,
            middle_z + ahead * np.cos(angle) - aside * np.sin(angle),
        ],
        axis=-1,
    )
    return BodyMotion(
        pelvis=pelvis,
        turn=values["turn"],
        hip_roll=values["hips"],
        twist=values["twist"],
        lean=values["lean"] + 0.5 * drift,
        slide=values["slide"],
        bow=values["bow"] - 3.0 * tick,
        push=values["push"] + 4.0 * tick,
        look=values["look"],
        nod=values["nod"] + 60.0 * values["bounce"] * inside * np.cos(2 * np.pi * (beats - 0.1)),
        cock=values["cock"],
        arms={side: _arm_angles(values, side, tick, breath) for side in SIDES},
        legs=legs,
    )


def _arm_angles(values: dict[str, Curve], side: str, tick: Curve, breath: Curve) -> ArmAngles:
    bend = values[f"{side}_bend"] + 5.0 * tick
    return ArmAngles(
        raised=values[f"{side}_raise"] + 1.0 * breath,
        plane=values[f"{side}_plane"],
        bend=3.0 + 0.5 * (bend - 3.0 + np.sqrt((bend - 3.0) ** 2 + 16.0)),
        spin=values[f"{side}_spin"],
        shrug=values[f"{side}_shrug"] + 0.8 * breath + 3.0 * tick,
    )
