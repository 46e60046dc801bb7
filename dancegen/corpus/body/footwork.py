"""Footprints -> trajectories of both ankles: a foot is stationary, or takes a step that lands on a beat.

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
LIFT = 0.22
"""Height of a step as a fraction of its length."""
LOWEST_LIFT, HIGHEST_LIFT = 0.02, 0.075


@dataclass(frozen=True)
class Footprint:
    """Target position of a foot on the floor at a beat, in leg lengths."""

    beat: float
    side: str
    x: float
    z: float


@dataclass(frozen=True)
class Step:
    """A step of a foot from one position to another."""

    start: float
    end: float
    dx: float
    dz: float
    lift: float


@dataclass(frozen=True)
class FootPath:
    """Trajectory of a foot, in leg lengths."""

    x: Curve
    z: Curve
    lift: Curve
    stepping: Curve
    """0 while the foot is stationary, 1 in the middle of a step."""


def steps(footprints: list[Footprint], home: dict[str, tuple[float, float]], lift: float) -> dict[str, list[Step]]:
    """The steps between footprints. If both feet have to move at once, they move one after the other."""
    place = dict(home)
    free = {side: -np.inf for side in home}
    result: dict[str, list[Step]] = {side: [] for side in home}
    beats = sorted({footprint.beat for footprint in footprints})
    for beat in beats:
        going = [foot for foot in footprints if foot.beat == beat and _way(foot, place) > SAME_PLACE]
        # the longer step first; of two equal ones, that of the foot that was stationary for longer
        going.sort(key=lambda foot: (-round(_way(foot, place), 3), free[foot.side]))
        for turn, foot in enumerate(going):
            behind = 0.0 if turn == len(going) - 1 else 0.5 * min(1.0, (beat - max(free.values())))
            end = beat - behind
            start = max(end - LONGEST_STEP, min(max(free.values()), end - SHORTEST_STEP), free[foot.side])
            x, z = place[foot.side]
            height = lift * np.clip(LIFT * _way(foot, place), LOWEST_LIFT, HIGHEST_LIFT)
            result[foot.side].append(Step(start, end, foot.x - x, foot.z - z, float(height)))
            place[foot.side] = (foot.x, foot.z)
            free[foot.side] = end
    return result


def walk(steps_of_foot: list[Step], home: tuple[float, float], beats: Curve) -> FootPath:
    """The trajectory of a foot that starts at home and takes its steps."""
    x, z = np.full(len(beats), home[0]), np.full(len(beats), home[1])
    lift, stepping = np.zeros(len(beats)), np.zeros(len(beats))
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
        stepping[first:after] += bump
    return FootPath(x, z, lift, stepping)


def _way(foot: Footprint, place: dict[str, tuple[float, float]]) -> float:
    x, z = place[foot.side]
    return float(np.hypot(foot.x - x, foot.z - z))


def _bump(progress: Curve) -> Curve:
    """Smooth bump from 0 to 1 and back, with zero velocity and acceleration at both ends."""
    return 64.0 * progress**3 * (1.0 - progress) ** 3
