"""Footprints -> trajectories of both ankles: a foot is stationary, steps and lands on a beat, or leaps with the other.

Axes used in shapes:
    T times, in increasing order
"""

from dataclasses import dataclass

import numpy as np

from dancegen.corpus.body.curves import Curve, min_jerk

LONGEST_STEP = 0.9
"""Maximum duration of a step, in beats."""
SHORTEST_STEP = 0.22
SAME_PLACE = 1e-3
LIFT = 0.34
"""Height of a step as a fraction of its length."""
LOWEST_LIFT, HIGHEST_LIFT = 0.02, 0.15
LEAP_M = 0.9
"""Metres of a leg length, for the duration of a flight."""
GRAVITY_M_S2 = 9.81
SOFT_FLIGHT = 1.6
"""Duration of a leap relative to that of the ballistic flight: the smooth bump begins and ends slowly."""
LONGEST_LEAP = 0.95
"""Maximum duration of a leap, in beats."""


@dataclass(frozen=True)
class Footprint:
    """Target position of a foot on the floor at a beat, in leg lengths."""

    beat: float
    side: str
    x: float
    z: float
    lift: float = 0.0
    """Height of the step that leads here; 0 for that of its length."""
    leap: float = 0.0
    """Height of the jump of both feet that lands here; 0 for a step."""


@dataclass(frozen=True)
class Step:
    """A step of a foot from one position to another."""

    start: float
    end: float
    dx: float
    dz: float
    lift: float
    leaps: bool = False


@dataclass(frozen=True)
class FootPath:
    """Trajectory of a foot, in leg lengths."""

    x: Curve
    z: Curve
    lift: Curve
    stepping: Curve
    """0 while the foot is stationary, 1 in the middle of a step."""
    leap: Curve
    """Height of the body in a leap, part of `lift`."""


def steps(
    footprints: list[Footprint], home: dict[str, tuple[float, float]], lift: float, beat_s: float
) -> dict[str, list[Step]]:
    """The steps between footprints. If both feet have to move at once, they leap or move one after the other."""
    place = dict(home)
    free = {side: -np.inf for side in home}
    result: dict[str, list[Step]] = {side: [] for side in home}
    beats = sorted({footprint.beat for footprint in footprints})
    for beat in beats:
        landing = [foot for foot in footprints if foot.beat == beat and foot.leap > 0]
        for foot in landing:
            length = min(_flight_beats(foot.leap, beat_s), LONGEST_LEAP, beat - max(free.values()))
            x, z = place[foot.side]
            result[foot.side].append(Step(beat - length, beat, foot.x - x, foot.z - z, foot.leap, leaps=True))
        for foot in landing:
            place[foot.side], free[foot.side] = (foot.x, foot.z), beat
        going = [foot for foot in footprints if foot.beat == beat and not foot.leap and _goes(foot, place)]
        # the longer step first; of two equal ones, that of the foot that was stationary for longer
        going.sort(key=lambda foot: (-round(_way(foot, place), 3), free[foot.side]))
        for turn, foot in enumerate(going):
            behind = 0.0 if turn == len(going) - 1 else 0.5 * min(1.0, (beat - max(free.values())))
            end = beat - behind
            start = max(end - LONGEST_STEP, min(max(free.values()), end - SHORTEST_STEP), free[foot.side])
            x, z = place[foot.side]
            height = max(lift * np.clip(LIFT * _way(foot, place), LOWEST_LIFT, HIGHEST_LIFT), foot.lift)
            result[foot.side].append(Step(start, end, foot.x - x, foot.z - z, float(height)))
            place[foot.side] = (foot.x, foot.z)
            free[foot.side] = end
    return result


def walk(steps_of_foot: list[Step], home: tuple[float, float], beats: Curve) -> FootPath:
    """The trajectory of a foot that starts at home and takes its steps."""
    x, z = np.full(len(beats), home[0]), np.full(len(beats), home[1])
    lift, stepping, leap = np.zeros(len(beats)), np.zeros(len(beats)), np.zeros(len(beats))
    for step in steps_of_foot:
        first, after = np.searchsorted(beats, [step.start, step.end])
        progress = (beats[first:after] - step.start) / (step.end - step.start)
        done = min_jerk(progress)
        bump = _bump(progress)
        x[first:after] += step.dx * done
        z[first:after] += step.dz * done
        x[after:] += step.dx
        z[after:] += step.dz
        lift[first:after] += step.lift * bump
        if step.leaps:
            leap[first:after] += step.lift * bump
        else:
            stepping[first:after] += bump
    return FootPath(x, z, lift, stepping, leap)


def _flight_beats(height: float, beat_s: float) -> float:
    """Duration of a leap to a height in leg lengths, from take-off to landing, in beats."""
    return SOFT_FLIGHT * float(np.sqrt(8 * LEAP_M * height / GRAVITY_M_S2)) / beat_s


def _goes(foot: Footprint, place: dict[str, tuple[float, float]]) -> bool:
    return foot.lift > 0 or _way(foot, place) > SAME_PLACE


def _way(foot: Footprint, place: dict[str, tuple[float, float]]) -> float:
    x, z = place[foot.side]
    return float(np.hypot(foot.x - x, foot.z - z))


def _bump(progress: Curve) -> Curve:
    """Smooth bump from 0 to 1 and back, with zero velocity and acceleration at both ends."""
    return 64.0 * progress**3 * (1.0 - progress) ** 3
