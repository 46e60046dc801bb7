"""Keyframe interpolation as a sum of reaches: every change of a value is one smooth movement that ends on a beat.

A reach from one keyframe to the next is a minimum-jerk movement, with optional anticipation before it and overshoot
after it. Reaches may overlap, which smooths the transitions of flowing dances. The sum has continuous velocity and
acceleration for any keyframes, so moves join without discontinuity.

Axes used in shapes:
    T times, in increasing order
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

Curve = Float64[np.ndarray, "T"]

PEAK_RATE = 1.875  # peak speed of a minimum-jerk movement relative to its mean speed


@dataclass(frozen=True)
class Ease:
    """Easing between keyframes. Times are in beats."""

    lead: float
    """Maximum duration of a reach; the value is constant until then."""
    top_speed: float
    """Degrees per second; a long reach starts earlier instead of being faster."""
    anticipation: float = 0.0
    """Counter-movement at the start, as a fraction of the distance."""
    overshoot: float = 0.0
    settle: float = 0.3
    early: float = 0.0
    """Arrival before the beat: the stop is perceived as the hit, and the overshoot settles across the beat."""
    overlap: float = 1.0
    """Maximum duration relative to the interval between keyframes: above 1 a reach starts before the last one ends."""


EASES = {
    "groove": Ease(lead=1.0, top_speed=420.0, overshoot=0.03, settle=0.4, early=0.12),
    "hit": Ease(lead=1.0, top_speed=480.0, anticipation=0.03, overshoot=0.05, settle=0.4, early=0.12),
    "pop": Ease(lead=0.8, top_speed=520.0, overshoot=0.07, settle=0.5, early=0.06),
    "wave": Ease(lead=1.0, top_speed=300.0, overlap=1.5),
    "lift": Ease(lead=1.0, top_speed=420.0),
    "step": Ease(lead=1.0, top_speed=420.0, early=0.08),
    "flow": Ease(lead=1.1, top_speed=260.0, early=0.05),
}


@dataclass(frozen=True)
class Key:
    """A keyframe: a value to be reached at a beat."""

    beat: float
    value: float
    ease: str


def min_jerk(progress: Curve) -> Curve:
    """Minimum-jerk easing from 0 to 1: zero velocity and acceleration at both ends."""
    u = np.clip(progress, 0.0, 1.0)
    return u**3 * (10.0 - 15.0 * u + 6.0 * u**2)


def pulse(beats: Curve, rise: float, fall: float) -> Curve:
    """A pulse that peaks at 1 on every beat, and is 0 from `fall` beats after it to `rise` beats before the next."""
    phase = np.mod(beats, 1.0)
    return np.maximum(min_jerk(1.0 - phase / fall), min_jerk(1.0 - (1.0 - phase) / rise))


def curve(keys: list[Key], start: float, beats: Curve, beat_s: float, degrees: float = 1.0) -> Curve:
    """The values, at `beats`, of a channel that rests at `start` and then reaches its keyframes in turn.

    `degrees` is the equivalent of one unit of the channel in degrees, for the speed limit.
    """
    values = np.full(len(beats), start)
    steps = np.zeros(len(beats) + 1)
    last_beat, last_value = -np.inf, start
    for key in keys:
        change = key.value - last_value
        if change:
            ease = EASES[key.ease]
            length = reach_length(ease, key.beat - last_beat, abs(change) * degrees, beat_s)
            arrival = key.beat - ease.early
            first, after = np.searchsorted(beats, [arrival - length, arrival + ease.settle])
            values[first:after] += change * _reach(beats[first:after] - arrival, length, ease)
            steps[after] += change
        last_beat, last_value = key.beat, key.value
    return values + np.cumsum(steps[:-1])


def reach_length(ease: Ease, gap: float, way: float, beat_s: float) -> float:
    """Duration in beats of a reach over `way` degrees."""
    needed = way * PEAK_RATE / (ease.top_speed * beat_s)
    wanted = min(ease.lead, gap * ease.overlap) if ease.overlap > 1.0 else min(ease.lead, gap)
    return max(wanted, min(needed, gap * max(ease.overlap, 1.3)))


def _reach(since: Curve, length: float, ease: Ease) -> Curve:
    """Completed fraction of a reach, `since` beats after the arrival."""
    turn = 0.3 * length if ease.anticipation else 0.0
    done = (1.0 + ease.anticipation + ease.overshoot) * min_jerk((since + length - turn) / (length - turn))
    if ease.anticipation:
        done = done - ease.anticipation * min_jerk((since + length) / turn)
    return done - ease.overshoot * min_jerk(since / ease.settle)
