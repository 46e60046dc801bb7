"""Feet, which COCO joints lack: flat on the floor, on the ball with the heel raised, or hanging in the air.

A foot that stands keeps its direction until it is lifted, and the ball of a raised foot stays where it stood.

Axes used in shapes:
    T frames
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.ndimage import gaussian_filter1d

from dancegen.corpus.human.body import Body
from dancegen.corpus.human.rotations import Angles, Turns, Vectors, about, apply, between

SIDE_AXIS, UP = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
STANDS_BELOW_M = 0.03  # of the ankle above its height on the floor
STANDS_SLOWER_M_S = 0.25
ON_BALL_BELOW_M, IN_AIR_ABOVE_M = 0.12, 0.30
TOES_OUT = np.radians(8.0)
POINTED = np.radians(28.0)  # of a foot in the air, from a right angle with the shin
STEEPEST = np.radians(50.0)


@dataclass(frozen=True)
class Foot:
    """What a dance says of a foot."""

    ankle: Vectors
    heading: Vectors
    """Where the knee points."""
    fps: float
    side: float
    """1 for the left foot, -1 for the right one."""


@dataclass(frozen=True)
class Stand:
    """A foot's motion."""

    ankle: Float64[np.ndarray, "T 3"]
    """Where the ankle has to be: a raised foot turns about its ball."""
    flat: Float64[np.ndarray, "T 3 3"]
    """Rotation of a foot that is flat on the floor."""
    pitch: Float64[np.ndarray, " T"]
    """Angle of the heel's lift, in radians."""
    air: Float64[np.ndarray, " T"]
    """0 on the floor, 1 in the air."""

    def turn(self, shin: Turns) -> Turns:
        """Rotation of the foot."""
        floor = self.flat @ about(SIDE_AXIS, self.pitch)
        return _blend(floor, shin @ about(SIDE_AXIS, np.full(len(shin), POINTED)), self.air)

    def toes(self, shin: Turns) -> Turns:
        """Rotation of the toes, which stay flat on the floor."""
        return _blend(self.flat, shin @ about(SIDE_AXIS, np.full(len(shin), 1.2 * POINTED)), self.air)


def stand(foot: Foot, body: Body, mark: str) -> Stand:
    """The motion of a foot."""
    rest_ankle, rest_ball = body.head(f"foot.{mark}"), body.head(f"toe2-1.{mark}")
    ball = rest_ball - rest_ankle
    lift = np.maximum(foot.ankle[:, 1] - rest_ankle[1], 0.0)
    speed = np.linalg.norm(np.gradient(foot.ankle[:, [0, 2]], axis=0), axis=1) * foot.fps
    yaw = _held_yaw(foot, (lift < STANDS_BELOW_M) & (speed < STANDS_SLOWER_M_S))
    flat = about(UP, yaw - np.arctan2(ball[0], ball[2]))
    length, slope = np.hypot(ball[2], ball[1]), np.arctan2(-ball[1], ball[2])
    steep = np.arcsin(np.clip(np.sin(slope) + lift / length, -1, np.sin(STEEPEST + slope))) - slope
    glide = gaussian_filter1d(np.clip(speed / 1.5, 0, 1), 0.05 * foot.fps, mode="nearest")
    high = _smoothstep((lift - ON_BALL_BELOW_M) / (IN_AIR_ABOVE_M - ON_BALL_BELOW_M))
    air = gaussian_filter1d(high, 0.03 * foot.fps, mode="nearest")
    pitch = steep * (1 - 0.6 * glide)
    rolled = flat @ about(SIDE_AXIS, pitch)
    shift = (apply(flat, ball) - apply(rolled, ball)) * (1, 0, 1)
    return Stand(foot.ankle + (1 - air)[:, None] * shift, flat, pitch, air)


def _held_yaw(foot: Foot, stands: np.ndarray) -> Angles:
    """Direction of the toes, radians from the front to the left; constant while the foot stands."""
    heading = np.arctan2(foot.heading[:, 0], foot.heading[:, 2])
    numbers = gaussian_filter1d(np.exp(1j * heading), 0.06 * foot.fps, mode="nearest")
    yaw = np.unwrap(np.angle(numbers)) + foot.side * TOES_OUT
    if not stands.any():
        return yaw
    spans = np.cumsum(np.diff(stands, prepend=False) & stands) * stands
    count = int(spans.max())
    times = np.arange(len(yaw))
    corners, values = [], []
    for number in range(1, count + 1):
        span = times[spans == number]
        corners += [span[0], span[-1]] if len(span) > 1 else [span[0]]
        values += [yaw[span].mean()] * min(len(span), 2)
    held = np.interp(times, corners, values)
    return gaussian_filter1d(held, 0.02 * foot.fps, mode="nearest")


def _blend(start: Turns, end: Turns, share: Angles) -> Turns:
    """Rotations between two, by a share of each frame."""
    result = start.copy()
    for number in np.flatnonzero(share > 0):
        result[number] = between(start[number], end[number], float(share[number]))
    return result


def _smoothstep(values: Angles) -> Angles:
    values = np.clip(values, 0, 1)
    return values**2 * (3 - 2 * values)
