"""Krump moves: stomps, chest pops, arm swings and jabs from a deep stance."""

from dancegen.corpus.choreography.legwork import FRONT_KICK, KNEE_OUT, KNEE_UP, left_to, right_to
from dancegen.corpus.choreography.moves import GUARD, arm, at, both, left, library, move, right

SWING_UP = arm(150, 26, 30, 20)
SWING_DOWN = arm(38, 52, 24, 70)
SWING_BACK = arm(58, -38, 50, 80)
JAB = arm(88, 52, 6, 50)
JAB_SIDE = arm(94, 4, 6, 60)
LOADED = arm(62, -22, 118, 40)
OVER_HEAD = arm(150, 40, 62, 12)
OPENED = arm(104, -14, 36, 40)
TO_FLOOR = arm(30, 78, 20, 90)

ARMS = library(
    move(
        "arm_swings",
        at(1, right(SWING_DOWN), left(LOADED), push=12, bow=10, twist=-14, lean=-9),
        at(2, right(SWING_UP), left(SWING_BACK), push=-8, bow=-6, twist=14, lean=8),
        at(3, left(SWING_DOWN), right(LOADED), push=12, bow=10, twist=14, lean=9),
        at(4, left(SWING_UP), right(SWING_BACK), push=-8, bow=-6, twist=-14, lean=-8),
        at(5, both(SWING_UP), push=10, bow=-8, twist=0, lean=6),
        at(6, both(SWING_DOWN), push=-8, bow=22, nod=12, lean=-6),
        at(7, both(OPENED), push=14, bow=-8, nod=-10, lean=6),
        at(8, both(GUARD), push=0, bow=4, nod=0, lean=0),
    ),
    move(
        "jabs",
        at(1, right(JAB), left(LOADED), twist=18, lean=-6, push=8),
        at(2, left(JAB), right(LOADED), twist=-18, lean=6, push=-4),
        at(3, right(JAB_SIDE), left(LOADED), twist=10, lean=-9, look=-16, push=8),
        at(4, left(JAB_SIDE), right(LOADED), twist=-10, lean=9, look=16, push=-4),
        at(5, both(OVER_HEAD), twist=0, lean=5, bow=-6, look=0),
        at(6, both(TO_FLOOR), lean=-5, bow=26, nod=12),
        at(7, both(LOADED), push=14, bow=-8, nod=-8, lean=5),
        at(8, both(JAB), push=-4, bow=8, nod=0, lean=0),
    ),
    move(
        "chest_pops",
        at(1, both(OPENED), push=15, bow=-10, lean=6, nod=-6),
        at(2, both(SWING_DOWN), push=-10, bow=14, lean=-6, nod=6),
        at(3, both(LOADED), push=15, bow=-8, lean=-8),
        at(4, both(TO_FLOOR), push=-10, bow=18, lean=6),
        at(5, right(OVER_HEAD), left(OPENED), push=15, bow=-8, lean=8, twist=-12),
        at(6, left(OVER_HEAD), right(OPENED), push=-8, bow=4, lean=-8, twist=12),
        at(7, both(SWING_UP), push=14, bow=-10, lean=0, twist=0, nod=-10),
        at(8, both(GUARD), push=0, bow=10, nod=4),
    ),
    move(
        "get_off",
        at(1, right(SWING_UP), left(GUARD), lean=10, twist=-12),
        at(2, right(TO_FLOOR), left(SWING_BACK), lean=-6, twist=16, bow=16),
        at(3, left(SWING_UP), right(GUARD), lean=-10, twist=12, bow=-4),
        at(4, left(TO_FLOOR), right(SWING_BACK), lean=6, twist=-16, bow=16),
        at(5, both(OVER_HEAD), lean=9, twist=0, bow=-6),
        at(6, both(SWING_DOWN), lean=-9, bow=18),
        at(7, right(JAB), left(SWING_UP), lean=8, bow=0, twist=10),
        at(8, both(LOADED), lean=0, twist=0, bow=6),
    ),
)

LEGS = library(
    move(
        "stomps",
        at(1, left_to(0.4, 0.12, 0.36), shift=0.08, drop=0.18, left_knee=28),
        at(2, right_to(0.4, 0.12, 0.36), shift=-0.08, drop=0.18, right_knee=28),
        at(3, left_to(0.2, 0.0, 0.36), shift=0.06, drop=0.08),
        at(4, right_to(0.46, 0.0, 0.36), shift=-0.1, drop=0.2),
        at(5, left_to(0.46, 0.0, 0.36), shift=0.1, drop=0.22),
        at(6, drop=0.06, shift=-0.06, left_heel=0.06),
        at(7, left_to(0.3, 0.24, 0.36), left_heel=0.0, shift=0.08, drop=0.2),
        at(8, left_to(0.2, 0.0, 0.2), right_to(0.2, 0.0, 0.2), shift=0.0, drop=0.06),
    ),
    move(
        "stomp_turn",
        at(1, left_to(0.34, 0.1, 0.34), shift=0.08, drop=0.18, whip=30.0),
        at(2, right_to(0.3, 0.0, 0.34), turn=90, shift=-0.06, drop=0.14),
        at(3, left_to(0.3, 0.0, 0.34), turn=200, shift=0.06, drop=0.14),
        at(4, right_to(0.36, 0.0, 0.34), left_to(0.3), turn=360, shift=-0.06, drop=0.2),
        at(5, left(KNEE_UP), shift=-0.06, drop=0.04),
        at(6, left_to(0.46, 0.1), shift=0.1, drop=0.24),
        at(7, right(KNEE_OUT), shift=0.08, drop=0.05),
        at(8, right_to(0.2), left_to(0.2), shift=0.0, drop=0.06),
    ),
    move(
        "kick_stomp",
        at(1, right(FRONT_KICK), shift=0.05, fore=-0.03, drop=0.05),
        at(2, right_to(0.44, 0.14), shift=-0.1, fore=0.0, drop=0.22),
        at(3, left(KNEE_UP), shift=-0.06, drop=0.05),
        at(4, left_to(0.44, 0.14), shift=0.1, drop=0.22),
        at(5, left_to(0.3), right_to(0.3), leap=0.12, drop=0.2, shift=0.0),
        at(6, right_to(0.5, 0.0, 0.3), shift=-0.12, drop=0.26),
        at(7, left_to(0.1, 0.0, 0.3), shift=-0.1, drop=0.06),
        at(8, left_to(0.2), right_to(0.2), shift=0.0, drop=0.07),
    ),
)
