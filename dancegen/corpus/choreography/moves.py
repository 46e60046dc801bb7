"""Notation of dance moves: keyframes of the body, by count.

A move is two bars of eight counts. `at(1, ...)` is the keyframe that is *reached* on count 1.
Channels that a keyframe does not mention keep their values; at count 1 they return to the style's neutral pose.
Lengths are in leg lengths, angles in degrees; `left_x` and `right_x` increase outwards from the middle, so a
mirrored move swaps left and right and negates the channels in LATERAL.
"""

from collections.abc import Mapping
from dataclasses import dataclass

COUNTS = 8.0
BARS = 2
"""Bars of a move."""

Pose = Mapping[str, float]

LATERAL = ("shift", "sway", "turn", "hips", "twist", "lean", "slide", "look", "cock")
"""Channels that are negated by mirroring: all are positive to the dancer's left."""

LENGTHS = ("shift", "fore", "drop", "bounce", "rock", "sway", "hop", "rise", "left_heel", "right_heel")
"""Channels in leg lengths instead of degrees."""
FOOTPRINTS = ("x", "z", "lift", "leap")
"""Parts of footprints, which are no channels."""

BODY: Pose = {
    "shift": 0.0,  # pelvis to the left of the middle of the supporting feet
    "fore": 0.0,  # and in front of it
    "drop": 0.02,  # lowering by knee flexion
    "bounce": 0.0,  # additional lowering on each beat
    "hop": 0.0,  # height of both feet above the floor
    "leap": 0.0,  # height of the jump that lands both feet on their footprints at this count
    "rise": 0.0,  # on the toes: height of the standing feet's heels above it
    "sway": 0.0,  # additional shift of the pelvis, to the left on even beats and to the right on odd ones
    "rock": 0.0,  # lowering on even beats, and rising on odd ones
    "tick": 0.0,  # muscles that contract on each beat, 1 = as poppers do
    "whip": 0.0,  # additional flexion of the elbows between the beats: arms swing into their poses
    "turn": 0.0,  # of the whole body
    "hips": 0.0,  # left hip down
    "twist": 0.0,  # of the chest against the hips
    "lean": 0.0,  # of the chest to the side
    "slide": 0.0,  # of the chest to the side, upright
    "bow": 0.0,  # of the chest to the front
    "push": 0.0,  # of the chest to the front, upright
    "look": 0.0,
    "nod": 0.0,
    "cock": 0.0,  # head to the shoulder
}
LIMB: Pose = {
    "raise": 10.0,
    "plane": 15.0,
    "bend": 22.0,
    "spin": 80.0,
    "shrug": 0.0,
    "x": 0.15,
    "z": 0.0,
    "lift": 0.0,  # height of the step to the footprint, if it is higher than usual
    "heel": 0.0,
    "air": 0.0,  # 1: the foot is not on the floor, but at the kick's position
    "kick": 20.0,  # like raise and plane of an arm
    "kick_plane": 10.0,
    "kick_reach": 0.9,
    "knee": 18.0,  # outward rotation
}


def limbs(**values: float) -> Pose:
    """The same channels for both sides."""
    return {f"{side}_{name}": value for side in ("left", "right") for name, value in values.items()}


STANDING: Pose = {**BODY, **limbs(**LIMB)}

NEUTRAL: dict[str, Pose] = {
    "kpop": {**STANDING, "bounce": 0.012, "rock": 0.06, "sway": 0.042, "whip": 98.0, **limbs(knee=34.0)},
    "ballet": {
        **STANDING,
        "drop": 0.003,
        "rock": 0.04,
        "sway": 0.02,
        "whip": 10.0,
        **limbs(knee=42.0, x=0.075, plane=35.0, bend=30.0, spin=105.0),
    },
    "popping": {
        **STANDING,
        "drop": 0.045,
        "rock": 0.035,
        "tick": 1.0,
        "sway": 0.03,
        "whip": 68.0,
        **limbs(x=0.2, knee=34.0),
    },
    "house": {
        **STANDING,
        "drop": 0.04,
        "bounce": 0.02,
        "rock": 0.05,
        "sway": 0.03,
        "whip": 80.0,
        **limbs(x=0.17, knee=36.0),
    },
    "krump": {
        **STANDING,
        "drop": 0.05,
        "bounce": 0.01,
        "rock": 0.06,
        "sway": 0.03,
        "whip": 94.0,
        **limbs(x=0.2, knee=44.0),
    },
    "hiphop": {
        **STANDING,
        "drop": 0.04,
        "bounce": 0.01,
        "rock": 0.06,
        "sway": 0.035,
        "whip": 106.0,
        **limbs(x=0.17, knee=42.0),
    },
}


@dataclass(frozen=True)
class Moment:
    """A keyframe of a move: the pose that is reached on a count."""

    count: float
    pose: Pose
    ease: str
    """Name in curves.EASES; "" for the default of the style."""


@dataclass(frozen=True)
class Move:
    """A dance move of two bars."""

    name: str
    moments: tuple[Moment, ...]

    def mirrored(self) -> "Move":
        """The mirrored move."""
        moments = tuple(Moment(moment.count, mirror(moment.pose), moment.ease) for moment in self.moments)
        return Move(self.name, moments)

    def faced(self, degrees: float) -> "Move":
        """The move of a body that faces this direction, to the dancer's left, instead of the camera."""
        turned = [
            {"turn": 0.0, **moment.pose} if not place else moment.pose for place, moment in enumerate(self.moments)
        ]
        poses = [{**pose, "turn": pose["turn"] + degrees} if "turn" in pose else pose for pose in turned]
        return Move(
            self.name, tuple(Moment(m.count, pose, m.ease) for m, pose in zip(self.moments, poses, strict=True))
        )


def mirror(pose: Pose) -> Pose:
    """The mirrored pose."""
    swap = {"left": "right", "right": "left"}
    result: dict[str, float] = {}
    for channel, value in pose.items():
        side, _, rest = channel.partition("_")
        result[f"{swap[side]}_{rest}" if side in swap else channel] = -value if channel in LATERAL else value
    return result


def at(count: float, *parts: Pose, ease: str = "", **channels: float) -> Moment:
    """A keyframe from parts and single channels; later ones override earlier ones."""
    pose: dict[str, float] = {}
    for part in parts:
        pose.update(part)
    return Moment(count, {**pose, **channels}, ease)


def library(*moves: Move) -> dict[str, Move]:
    """Moves by name."""
    return {move.name: move for move in moves}


def move(name: str, *moments: Moment) -> Move:
    """A move from its keyframes, in order."""
    return Move(name, moments)


def combined(name: str, arms: Move, legs: Move) -> Move:
    """The arms and trunk of one move over the legs and pelvis of another; each keeps its easing, but for count 1.

    The arms hold still while the legs turn the body.
    """
    below = {channel for moment in legs.moments for channel in moment.pose}
    turning = {moment.count for moment in legs.moments[1:] if "turn" in moment.pose}
    above = [
        Moment(
            moment.count,
            {channel: value for channel, value in moment.pose.items() if not _of_leg(channel) and channel not in below},
            moment.ease,
        )
        for moment in arms.moments
        if moment.count not in turning
    ]
    first = Moment(1, {**above[0].pose, **legs.moments[0].pose}, above[0].ease)
    return Move(name, (first, *sorted((*legs.moments[1:], *above[1:]), key=lambda moment: moment.count)))


def _of_leg(channel: str) -> bool:
    """Whether a channel moves the legs, or the pelvis by bending them."""
    part = channel.partition("_")[2]
    legs = (*FOOTPRINTS, "heel", "air", "kick", "kick_plane", "kick_reach", "knee")
    return part in legs or channel in ("shift", "fore", "drop", "hop", "leap", "rise", "turn")


def arm(raised: float, plane: float, bend: float, spin: float, shrug: float = 0.0) -> Pose:
    """An arm pose without side, for `left`, `right` and `both`."""
    return {"raise": raised, "plane": plane, "bend": bend, "spin": spin, "shrug": shrug}


def left(limb: Pose) -> Pose:
    """A limb pose for the left side."""
    return {f"left_{name}": value for name, value in limb.items()}


def right(limb: Pose) -> Pose:
    """A limb pose for the right side."""
    return {f"right_{name}": value for name, value in limb.items()}


def both(limb: Pose) -> Pose:
    """A limb pose for both sides."""
    return {**left(limb), **right(limb)}


def foot(x: float, z: float = 0.0, lift: float = 0.0) -> Pose:
    """A footprint: distance outwards and to the front. With a lift the foot also steps where it stands."""
    return {"x": x, "z": z, "lift": lift, "air": 0.0}


def kick(raised: float, plane: float, reach: float, knee: float = 18.0) -> Pose:
    """A leg in the air."""
    return {"air": 1.0, "kick": raised, "kick_plane": plane, "kick_reach": reach, "knee": knee}


# Arms that several styles use.
HANGING = arm(10, 15, 22, 80)
ON_HIP = arm(48, -18, 98, 152)
UP_V = arm(146, 5, 8, 10)
LEVEL = arm(90, 5, 8, 60)
GOAL_POST = arm(90, 5, 90, 8)
SCARECROW = arm(88, 5, 88, 172)
GUARD = arm(38, 35, 118, 55)
"""Fist in front of the chest."""
CROSSED = arm(50, 62, 112, 85)
"""Hand at the other shoulder."""
BEHIND_HEAD = arm(128, -8, 128, 12)
DIAGONAL_DOWN = arm(42, 8, 6, 60)
"""Straight, away from the hip."""
ACROSS_DOWN = arm(42, 118, 12, 90)
"""Straight, in front of the other hip."""
