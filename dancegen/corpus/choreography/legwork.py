"""Patterns of the legs over eight counts: steps, weight changes, kicks, knee lifts, leaps, turns and changes of level.

A pattern has only channels of legs and pelvis, so that it goes with the arms of any move (`repertoire`). It starts and
ends near the neutral stance.
"""

from dancegen.corpus.choreography.moves import Pose, at, foot, kick, left, library, move, right

KNEE_UP = kick(48, 66, 0.66, 26)
KNEE_OUT = kick(52, 30, 0.62, 55)
KNEE_LOW = kick(34, 60, 0.78, 30)
HIGH_KICK = kick(84, 68, 0.965, 4)
FRONT_KICK = kick(62, 60, 0.97, 10)
SIDE_KICK = kick(58, 6, 0.965, 30)
SIDE_FLICK = kick(36, 12, 0.95, 24)
HEEL_BACK = kick(38, -62, 0.62, 20)
STEP = foot(0.15)
LEAP = 0.11


def left_to(x: float, z: float = 0.0, lift: float = 0.0) -> Pose:
    """A footprint of the left foot."""
    return left(foot(x, z, lift))


def right_to(x: float, z: float = 0.0, lift: float = 0.0) -> Pose:
    """A footprint of the right foot."""
    return right(foot(x, z, lift))


CALM = library(
    move(
        "rock_weight",
        at(1, left_to(0.24), right_to(0.24), shift=0.13, hips=9, drop=0.03, right_heel=0.05),
        at(2, shift=-0.13, hips=-9, drop=0.03, right_heel=0.0, left_heel=0.05),
        at(3, shift=0.13, hips=9, right_heel=0.05, left_heel=0.0),
        at(4, shift=-0.13, hips=-9, right_heel=0.0, left_heel=0.05),
        at(5, left_to(0.34, 0.12, 0.08), shift=0.15, hips=10, drop=0.08, left_heel=0.0, right_heel=0.05),
        at(6, left_to(0.2, 0.0, 0.08), shift=-0.1, hips=-8, drop=0.03, right_heel=0.0),
        at(7, right_to(0.34, 0.12, 0.08), shift=-0.15, hips=-10, drop=0.08, left_heel=0.05),
        at(8, right_to(0.15, 0.0, 0.08), shift=0.0, hips=0, drop=0.02, left_heel=0.0),
    ),
    move(
        "tap_out",
        at(1, left_to(0.46, 0.04, 0.06), shift=-0.1, hips=-7, drop=0.06),
        at(2, left_to(0.15, 0.0, 0.08), shift=0.06, hips=4, drop=0.02),
        at(3, right_to(0.46, 0.04, 0.06), shift=0.1, hips=7, drop=0.06),
        at(4, right_to(0.15, 0.0, 0.08), shift=-0.06, hips=-4, drop=0.02),
        at(5, left_to(0.14, 0.36, 0.1), shift=-0.1, fore=-0.05, drop=0.06),
        at(6, left_to(0.15, 0.0, 0.1), shift=0.06, fore=0.0, drop=0.02),
        at(7, right_to(0.14, 0.36, 0.1), shift=0.1, fore=-0.05, drop=0.06),
        at(8, right_to(0.15, 0.0, 0.1), shift=0.0, fore=0.0, drop=0.02),
    ),
    move(
        "walk_in_place",
        at(1, left_to(0.17, 0.0, 0.16), shift=0.1, hips=7),
        at(2, right_to(0.17, 0.0, 0.16), shift=-0.1, hips=-7),
        at(3, left_to(0.2, 0.16, 0.16), shift=0.1, hips=7),
        at(4, right_to(0.2, 0.16, 0.16), shift=-0.1, hips=-7),
        at(5, left_to(0.28, 0.0, 0.14), shift=0.12, hips=8, drop=0.06),
        at(6, right_to(0.28, 0.0, 0.14), shift=-0.12, hips=-8, drop=0.06),
        at(7, left_to(0.17, 0.0, 0.16), shift=0.08, hips=6, drop=0.02),
        at(8, right_to(0.15, 0.0, 0.16), shift=0.0, hips=0),
    ),
)

STEPS = library(
    move(
        "two_step",
        at(1, left_to(0.52, 0.0, 0.1), shift=0.12, hips=6, drop=0.05),
        at(2, right_to(-0.16, 0.0, 0.14), shift=0.0, drop=0.02),
        at(3, right_to(0.52, 0.0, 0.1), shift=-0.12, hips=-6, drop=0.05),
        at(4, left_to(-0.16, 0.0, 0.14), shift=0.0, drop=0.02),
        at(5, left_to(0.56, 0.1, 0.12), shift=0.12, hips=6, drop=0.06),
        at(6, right_to(-0.14, 0.12, 0.16), shift=0.0, drop=0.02),
        at(7, right_to(0.5, -0.06, 0.12), shift=-0.12, hips=-6, drop=0.06),
        at(8, left_to(0.0, 0.0, 0.14), shift=0.0, hips=0, drop=0.02),
    ),
    move(
        "march",
        at(1, left_to(0.2, 0.0, 0.3), shift=0.08),
        at(2, right_to(0.2, 0.0, 0.3), shift=-0.08),
        at(3, left_to(0.38, 0.12, 0.24), shift=0.1, drop=0.07),
        at(4, right_to(0.38, 0.12, 0.24), shift=-0.1, drop=0.07),
        at(5, left_to(0.12, 0.0, 0.3), shift=0.06, drop=0.02),
        at(6, right_to(0.12, 0.0, 0.3), shift=-0.06),
        at(7, left_to(0.34, -0.12, 0.24), shift=0.1, drop=0.07),
        at(8, right_to(0.15, 0.0, 0.26), shift=0.0, drop=0.02),
    ),
    move(
        "grapevine",
        at(1, left_to(0.48, 0.0, 0.1), shift=0.06, drop=0.05),
        at(2, right_to(-0.24, -0.2, 0.14), shift=0.04, drop=0.07),
        at(3, left_to(0.9, 0.0, 0.1), shift=0.08, drop=0.05),
        at(4, right_to(-0.6, 0.02, 0.2), shift=0.0, drop=0.02),
        at(5, right_to(-0.2, 0.0, 0.1), shift=-0.06, drop=0.05),
        at(6, left_to(0.06, -0.2, 0.14), shift=-0.04, drop=0.07),
        at(7, right_to(0.3, 0.0, 0.1), shift=-0.08, drop=0.05),
        at(8, left_to(0.1, 0.0, 0.2), shift=0.0, drop=0.02),
    ),
    move(
        "walk_forward",
        at(1, left_to(0.14, 0.38, 0.14), shift=0.08, hips=6),
        at(2, right_to(0.14, 0.76, 0.16), shift=-0.08, hips=-6),
        at(3, left_to(0.36, 0.8, 0.14), shift=0.12, hips=8, drop=0.07),
        at(4, right_to(0.36, 0.8, 0.2), shift=-0.12, hips=-8, drop=0.07),
        at(5, left_to(0.14, 0.4, 0.14), shift=0.08, hips=6, drop=0.02),
        at(6, right_to(0.14, 0.04, 0.16), shift=-0.08, hips=-6),
        at(7, left_to(0.36, 0.0, 0.14), shift=0.12, hips=8, drop=0.07),
        at(8, right_to(0.15, 0.0, 0.2), shift=0.0, hips=0, drop=0.02),
    ),
    move(
        "cross_points",
        at(1, left_to(-0.12, 0.24, 0.2), shift=0.02, drop=0.05),
        at(2, right_to(0.48, 0.0, 0.16), shift=-0.12, hips=-7, drop=0.04),
        at(3, right_to(-0.12, 0.24, 0.2), shift=-0.02, drop=0.05),
        at(4, left_to(0.48, 0.0, 0.16), shift=0.12, hips=7, drop=0.04),
        at(5, left_to(-0.12, -0.2, 0.2), shift=0.02, drop=0.06),
        at(6, right_to(0.48, 0.0, 0.16), shift=-0.12, hips=-7, drop=0.04),
        at(7, right_to(-0.1, -0.2, 0.2), shift=-0.02, drop=0.06),
        at(8, left_to(0.16, 0.0, 0.2), shift=0.0, hips=0, drop=0.02),
    ),
    move(
        "squat_bounce",
        at(1, left_to(0.4, 0.0, 0.1), right_to(0.4, 0.0, 0.1), drop=0.24, shift=0.06),
        at(2, drop=0.06, shift=-0.1, hips=-7, left_heel=0.06),
        at(3, drop=0.26, shift=0.06, hips=0, left_heel=0.0),
        at(4, drop=0.06, shift=0.1, hips=7, right_heel=0.06),
        at(5, left_to(0.2, 0.0, 0.16), drop=0.14, shift=-0.04, hips=0, right_heel=0.0),
        at(6, left_to(0.44, 0.0, 0.16), drop=0.26, shift=0.08),
        at(7, right_to(0.2, 0.0, 0.16), drop=0.1, shift=0.04),
        at(8, left_to(0.15, 0.0, 0.16), drop=0.02, shift=0.0),
    ),
)

FULL = library(
    move(
        "kick_ball_change",
        at(1, right(FRONT_KICK), shift=0.05, fore=-0.03, drop=0.03),
        at(1.75, right_to(0.15, -0.12), fore=0.0),
        at(2, left_to(0.46, 0.0, 0.14), shift=0.1, hips=6, drop=0.07),
        at(3, left(FRONT_KICK), shift=-0.05, hips=0, fore=-0.03, drop=0.03),
        at(3.75, left_to(0.15, -0.12), fore=0.0),
        at(4, right_to(0.46, 0.0, 0.14), shift=-0.1, hips=-6, drop=0.07),
        at(5, right(SIDE_KICK), shift=0.06, hips=0, drop=0.03),
        at(6, right_to(0.2, 0.0, 0.1), shift=-0.06, drop=0.08),
        at(7, left(SIDE_KICK), shift=-0.06, drop=0.03),
        at(8, left_to(0.15), shift=0.0, drop=0.04),
    ),
    move(
        "charleston",
        at(1, left_to(0.12, 0.3, 0.16), shift=0.04, drop=0.06),
        at(2, right(FRONT_KICK), shift=0.03, drop=0.02),
        at(3, right_to(0.14, -0.1, 0.1), shift=-0.04, drop=0.06),
        at(4, left(HEEL_BACK), shift=-0.03, drop=0.03),
        at(5, left_to(0.12, 0.34, 0.16), shift=0.04, drop=0.08),
        at(6, right(HIGH_KICK), shift=0.03, drop=0.02),
        at(7, right_to(0.14, -0.1, 0.1), shift=-0.04, drop=0.08),
        at(8, left_to(0.15, 0.0, 0.2), shift=0.0, drop=0.02),
    ),
    move(
        "running_man",
        at(1, left_to(0.12, 0.24, 0.32), right_to(0.14, -0.24), drop=0.06),
        at(2, right_to(0.12, 0.24, 0.32), left_to(0.14, -0.24), drop=0.06),
        at(3, left_to(0.12, 0.24, 0.32), right_to(0.14, -0.24), drop=0.06),
        at(4, right_to(0.12, 0.24, 0.32), left_to(0.14, -0.24), drop=0.06),
        at(5, left_to(0.4, 0.0, 0.3), shift=0.1, drop=0.1),
        at(6, right_to(0.4, 0.0, 0.3), shift=-0.1, drop=0.1),
        at(7, left_to(0.12, 0.2, 0.32), shift=0.04, drop=0.05),
        at(8, right_to(0.15, 0.0, 0.3), left_to(0.15), shift=0.0, drop=0.03),
    ),
    move(
        "jumping_jack",
        at(1, left_to(0.44), right_to(0.44), leap=LEAP, drop=0.12),
        at(2, left_to(0.1), right_to(0.1), leap=LEAP, drop=0.06),
        at(3, left_to(-0.1, 0.1), right_to(-0.1, -0.1), leap=LEAP, drop=0.07),
        at(4, left_to(0.4), right_to(0.4), leap=LEAP, drop=0.14),
        at(5, drop=0.26, shift=0.1, hips=5),
        at(6, right_to(0.12, 0.0, 0.24), drop=0.06, shift=0.08),
        at(7, right_to(0.44, 0.0, 0.24), drop=0.2, shift=-0.12, hips=-5),
        at(8, left_to(0.15), right_to(0.15), leap=0.07, drop=0.04, shift=0.0, hips=0),
    ),
    move(
        "knee_drive",
        at(1, right(KNEE_UP), shift=0.05, drop=0.02),
        at(2, right_to(0.36, 0.0, 0.1), shift=-0.1, drop=0.1),
        at(3, left(KNEE_UP), shift=-0.05, drop=0.02),
        at(4, left_to(0.36, 0.0, 0.1), shift=0.1, drop=0.1),
        at(5, right(KNEE_OUT), shift=0.06, drop=0.03),
        at(6, right_to(-0.1, 0.22, 0.1), shift=0.0, drop=0.1),
        at(7, left(KNEE_OUT), shift=-0.02, drop=0.03),
        at(8, left_to(0.15), right_to(0.15), shift=0.0, drop=0.04),
    ),
    move(
        "side_lunges",
        at(1, left_to(0.56, 0.0, 0.12), shift=0.1, drop=0.2, left_knee=40, hips=4),
        at(2, left_to(0.14, 0.0, 0.2), shift=0.0, drop=0.04, left_knee=18, hips=0),
        at(3, right_to(0.56, 0.0, 0.12), shift=-0.1, drop=0.2, right_knee=40, hips=-4),
        at(4, right_to(0.14, 0.0, 0.2), shift=0.0, drop=0.04, right_knee=18, hips=0),
        at(5, left_to(0.14, 0.56, 0.16), fore=0.06, drop=0.2),
        at(6, left_to(0.16, 0.0, 0.24), fore=0.0, drop=0.04, shift=-0.06),
        at(7, right(SIDE_FLICK), shift=0.07, drop=0.04),
        at(8, right_to(0.15), shift=0.0, drop=0.05),
    ),
    move(
        "chase_turn",
        at(1, left_to(0.3, 0.0, 0.16), turn=30, shift=0.06, drop=0.05, whip=24.0),
        at(2, right_to(0.18, 0.0, 0.16), turn=120, shift=-0.04, drop=0.03),
        at(3, left_to(0.18, 0.0, 0.16), turn=240, shift=0.04, drop=0.03),
        at(4, right_to(0.36, 0.0, 0.16), left_to(0.36), turn=360, shift=-0.06, drop=0.1),
        at(5, left(KNEE_UP), shift=-0.07, drop=0.03),
        at(6, left_to(0.4, 0.0, 0.1), shift=0.1, drop=0.12),
        at(7, right(SIDE_FLICK), shift=0.08, drop=0.04),
        at(8, right_to(0.15), left_to(0.15), shift=0.0, drop=0.03),
    ),
)

WILD = library(
    move(
        "leap_turn",
        at(1, left_to(0.3, 0.0, 0.2), drop=0.12, shift=0.04, whip=24.0),
        at(2, left_to(0.24), right_to(0.24), leap=0.16, turn=180, drop=0.14, shift=0.0),
        at(3, left_to(0.24), right_to(0.24), leap=0.16, turn=360, drop=0.16),
        at(4, right(FRONT_KICK), shift=0.05, drop=0.03),
        at(5, right_to(0.44, 0.0, 0.1), shift=-0.12, drop=0.16),
        at(6, left_to(0.12), right_to(0.12), leap=0.13, drop=0.05, shift=0.0),
        at(7, left_to(0.46), right_to(0.46), leap=0.13, drop=0.2),
        at(8, left_to(0.15), right_to(0.15), leap=0.1, drop=0.05),
    ),
    move(
        "kneel",
        at(1, right_to(0.18, -0.5, 0.14), left_to(0.2, 0.12), drop=0.3, right_knee=6),
        at(2, drop=0.46, right_heel=0.1, fore=0.02, rock=0.0, bounce=0.0),
        at(3, drop=0.46, shift=0.05, hips=5),
        at(4, drop=0.46, shift=-0.05, hips=-5),
        at(5, drop=0.3, right_heel=0.06, shift=0.03, hips=0),
        at(6, right_to(0.3, 0.0, 0.24), left_to(0.3), right_heel=0.0, drop=0.16, fore=0.0, shift=0.0),
        at(7, left_to(0.42), right_to(0.42), leap=0.15, drop=0.16),
        at(8, left_to(0.15), right_to(0.15), leap=0.1, drop=0.04),
    ),
    move(
        "to_the_floor",
        at(1, left_to(0.34, 0.0, 0.16), right_to(0.34, 0.0, 0.16), drop=0.26),
        at(2, drop=0.54, rock=0.0, bounce=0.0, left_knee=34, right_knee=34, left_heel=0.09, right_heel=0.09, fore=0.04),
        at(3, left_to(0.62, 0.16, 0.06), drop=0.56, left_heel=0.0, shift=-0.12, fore=-0.04),
        at(4, left_to(0.3, 0.0, 0.06), drop=0.56, left_heel=0.09, shift=0.0, fore=0.04),
        at(5, right_to(0.62, 0.16, 0.06), drop=0.56, right_heel=0.0, shift=0.12, fore=-0.04),
        at(6, right_to(0.3, 0.0, 0.06), drop=0.5, right_heel=0.09, shift=0.0, fore=0.02),
        at(7, left_to(0.4), right_to(0.4), leap=0.16, drop=0.14, left_heel=0.0, right_heel=0.0, fore=0.0),
        at(8, left_to(0.15), right_to(0.15), leap=0.1, drop=0.04),
    ),
    move(
        "kick_hops",
        at(1, right(HIGH_KICK), left_heel=0.06, shift=0.03, fore=-0.04, drop=0.02),
        at(2, right_to(0.36, 0.0, 0.1), left_heel=0.0, shift=-0.1, fore=0.0, drop=0.14),
        at(3, left(HIGH_KICK), right_heel=0.06, shift=-0.08, fore=-0.04, drop=0.02),
        at(4, left_to(0.36, 0.0, 0.1), right_heel=0.0, shift=0.1, fore=0.0, drop=0.14),
        at(5, left_to(0.1), right_to(0.1), leap=0.15, shift=0.0, drop=0.06),
        at(6, left_to(0.5, 0.1), right_to(0.5, -0.1), leap=0.15, drop=0.2),
        at(7, right(KNEE_UP), shift=0.06, drop=0.03),
        at(8, left_to(0.15), right_to(0.15), shift=0.0, drop=0.05),
    ),
)
