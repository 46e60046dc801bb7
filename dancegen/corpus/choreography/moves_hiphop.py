"""Hip-hop moves: party steps with a deep rock, crossing and swinging arms."""

from dancegen.corpus.choreography.legwork import (
    FRONT_KICK,
    HEEL_BACK,
    KNEE_LOW,
    KNEE_OUT,
    SIDE_FLICK,
    left_to,
    right_to,
)
from dancegen.corpus.choreography.moves import (
    CROSSED,
    DIAGONAL_DOWN,
    GUARD,
    HANGING,
    LEVEL,
    arm,
    at,
    both,
    left,
    library,
    move,
    right,
)

CIRCLE_LOW = arm(42, 66, 76, 40)
CIRCLE_OUT = arm(84, 30, 62, 50)
FLAG = arm(146, 16, 20, 20)
SHOULDER_BRUSH = arm(58, 64, 126, 70)
PULL = arm(46, -32, 104, 60)
REACH = arm(92, 70, 8, 50)
THROW = arm(120, 20, 14, 40)

ARMS = library(
    move(
        "cabbage_patch",
        at(1, both(CIRCLE_LOW), bow=12, lean=8, twist=-10),
        at(2, both(CIRCLE_OUT), bow=2, lean=-8, twist=10),
        at(3, both(REACH), bow=-4, lean=8, twist=-10),
        at(4, both(PULL), bow=10, lean=-8, twist=10),
        at(5, left(THROW), right(PULL), lean=-10, twist=14, bow=0),
        at(6, left(PULL), right(THROW), lean=10, twist=-14),
        at(7, both(CIRCLE_OUT), lean=-6, twist=0),
        at(8, both(GUARD), lean=0, bow=6),
    ),
    move(
        "brush",
        at(1, right(SHOULDER_BRUSH), left(DIAGONAL_DOWN), lean=8, look=14),
        at(2, right(LEVEL), left(HANGING), lean=-6, look=-10, twist=-12),
        at(3, left(SHOULDER_BRUSH), right(DIAGONAL_DOWN), lean=-8, look=-14, twist=0),
        at(4, left(LEVEL), right(HANGING), lean=6, look=10, twist=12),
        at(5, both(CROSSED), bow=12, lean=7, look=0, twist=0),
        at(6, both(FLAG), bow=-6, lean=-7),
        at(7, both(PULL), bow=10, lean=7),
        at(8, both(DIAGONAL_DOWN), bow=0, lean=0),
    ),
    move(
        "wave_flag",
        at(1, right(FLAG), left(PULL), lean=10, bow=4),
        at(2, right(CIRCLE_LOW), left(DIAGONAL_DOWN), lean=-8, bow=12),
        at(3, left(FLAG), right(PULL), lean=-10, bow=4),
        at(4, left(CIRCLE_LOW), right(DIAGONAL_DOWN), lean=8, bow=12),
        at(5, right(THROW), left(REACH), lean=8, twist=-14, bow=0),
        at(6, right(REACH), left(THROW), lean=-8, twist=14),
        at(7, both(FLAG), lean=6, twist=0, nod=-8),
        at(8, both(CIRCLE_LOW), lean=0, bow=10, nod=4),
    ),
    move(
        "wop",
        at(1, left(CIRCLE_OUT), right(HANGING), lean=12, hips=0, cock=8),
        at(2, left(HANGING), right(CIRCLE_OUT), lean=-12, cock=-8),
        at(3, left(REACH), right(PULL), lean=10, twist=-14, cock=0),
        at(4, left(PULL), right(REACH), lean=-10, twist=14),
        at(5, both(CIRCLE_OUT), lean=10, twist=0, bow=6),
        at(6, both(CROSSED), lean=-10, bow=12),
        at(7, both(THROW), lean=8, bow=-6, nod=-8),
        at(8, both(GUARD), lean=0, bow=6, nod=4),
    ),
)

LEGS = library(
    move(
        "reebok",
        at(1, left_to(0.46, 0.1, 0.16), shift=0.14, drop=0.1, hips=8),
        at(2, left_to(0.18, 0.0, 0.16), shift=-0.06, drop=0.03, hips=-4),
        at(3, right_to(0.46, 0.1, 0.16), shift=-0.14, drop=0.1, hips=-8),
        at(4, right_to(0.18, 0.0, 0.16), shift=0.06, drop=0.03, hips=4),
        at(5, left_to(0.4, -0.1, 0.2), right_to(0.4, 0.1, 0.1), shift=0.1, drop=0.2, hips=6),
        at(6, left_to(0.12, 0.0, 0.22), shift=-0.06, drop=0.04),
        at(7, left_to(0.5, 0.0, 0.2), shift=0.14, drop=0.14, hips=8),
        at(8, left_to(0.16, 0.0, 0.2), right_to(0.16), shift=0.0, drop=0.03, hips=0),
    ),
    move(
        "party_machine",
        at(1, right(KNEE_OUT), shift=0.06, drop=0.04),
        at(2, right_to(0.4, 0.0, 0.1), shift=-0.12, drop=0.14, hips=-6),
        at(3, left(KNEE_OUT), shift=-0.08, drop=0.04, hips=0),
        at(4, left_to(0.4, 0.0, 0.1), shift=0.12, drop=0.14, hips=6),
        at(5, right(SIDE_FLICK), shift=0.1, drop=0.05, hips=0),
        at(6, right_to(-0.12, 0.2), shift=0.0, drop=0.1),
        at(7, left_to(0.5, 0.0, 0.2), shift=0.12, drop=0.14),
        at(8, right_to(0.15), left_to(0.15, 0.0, 0.1), shift=0.0, drop=0.03),
    ),
    move(
        "roger_rabbit",
        at(1, left(HEEL_BACK), shift=-0.05, drop=0.04),
        at(2, left_to(-0.06, -0.24), shift=0.06, drop=0.1),
        at(3, right(HEEL_BACK), shift=0.05, drop=0.04),
        at(4, right_to(-0.06, -0.24), shift=-0.06, drop=0.1),
        at(5, left(KNEE_LOW), shift=-0.05, drop=0.04),
        at(6, left_to(0.44, 0.1), shift=0.12, drop=0.16, hips=6),
        at(7, right(FRONT_KICK), shift=0.08, drop=0.05, hips=0),
        at(8, right_to(0.15), left_to(0.15, 0.0, 0.1), shift=0.0, drop=0.03),
    ),
)
