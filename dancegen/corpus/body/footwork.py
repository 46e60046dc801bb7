"""From footprints to the paths of two ankles: a foot stands exactly still, or takes a step that lands on a beat.

Axes used in shapes:
    T moments, in growing order
"""

from dataclasses import dataclass

import numpy as np

from dancegen.corpus.body.curves import Curve, min_jerk

LONGEST_STEP = 0.9
"""Beats that a step takes when there is time."""
SHORTEST_STEP = 0.22
SAME_PLACE = 1e-3
LIFT = 0.22
"""Height of a step as a share of its length."""
LOWEST_LIFT, HIGHEST_LIFT = 0.02, 0.075


@dataclass(frozen=True)
class Footprint:
    """A place on the floor that a foot has taken by a beat, in leg lengths."""

    beat: float
    side: str
    x: float
    z: float


@dataclass(frozen=True)
class Step:
    """A foot that goes from one place to another."""

    start: float
    end: float
    dx: float
    dz: float
    lift: float


@dataclass(frozen=True)
class FootPath:
    """A foot over time, in leg lengths."""

    x: Curve
    z: Curve
    lift: Curve
    stepping: Curve
    """0 while it stands, 1 in the middle of a step."""


def steps(footprints: list[Footprint], home: dict[str, tuple[float, float]], lift: float) -> dict[str, list[Step]]:
    """The steps between footprints. Where both feet have to go at once, they go one after the other."""
    place = dict(home)
    free = {side: -np.inf for side in home}
    result: dict[str, list[Step]] = {side: [] for side in home}
    beats = sorted({footprint.beat for footprint in footprints})
    for beat in beats:
        going = [foot for foot in footprints if foot.beat == beat and _way(foot, place) > SAME_PLACE]
        # the longer way first; of two equal ones, that of the foot which has stood for longer
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
    """The path of a foot that starts at home and takes its steps."""
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
    """0 to 1 and back, without a jolt at either end."""
    return 64.0 * progress**3 * (1.0 - progress) ** 3
