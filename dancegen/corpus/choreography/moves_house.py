"""House moves: loose swinging arms, a torso that jacks on every beat, fast footwork close to the floor."""

from dancegen.corpus.choreography.legwork import FRONT_KICK, HEEL_BACK, KNEE_LOW, SIDE_FLICK, left_to, right_to
from dancegen.corpus.choreography.moves import HANGING, LEVEL, arm, at, both, left, library, move, right

LOOSE_FRONT = arm(52, 74, 62, 30)
LOOSE_BACK = arm(40, -44, 34, 80)
OPEN = arm(76, -6, 24, 50)
OPEN_HIGH = arm(122, -4, 30, 30)
LOW_CROSS = arm(34, 92, 40, 90)
PADDLE = arm(66, 56, 84, 70)
LOFT = arm(104, 34, 40, 60)

ARMS = library(
    move(
        "jack",
        at(1, left(LOOSE_FRONT), right(LOOSE_BACK), push=9, bow=10, twist=-14, lean=7),
        at(2, left(OPEN), right(LOOSE_FRONT), push=-7, bow=-6, twist=10, lean=-5),
        at(3, left(LOOSE_BACK), right(LOFT), push=9, bow=10, twist=14, lean=-7),
        at(4, left(LOOSE_FRONT), right(OPEN), push=-7, bow=-6, twist=-10, lean=5),
        at(5, both(OPEN_HIGH), push=9, bow=4, twist=0, lean=6),
        at(6, both(LOW_CROSS), push=-7, bow=14, lean=-6, nod=8),
        at(7, both(OPEN), push=8, bow=0, lean=6, nod=0),
        at(8, both(HANGING), push=0, lean=0),
    ),
    move(
        "swing",
        at(1, left(OPEN), right(LOW_CROSS), twist=16, lean=8, look=12),
        at(2, left(LOW_CROSS), right(OPEN), twist=-16, lean=-8, look=-12),
        at(3, left(OPEN_HIGH), right(LOOSE_BACK), twist=14, lean=9),
        at(4, left(LOOSE_BACK), right(OPEN_HIGH), twist=-14, lean=-9),
        at(5, both(LOFT), twist=0, lean=6, bow=-4, look=0),
        at(6, both(LOOSE_BACK), lean=-4, bow=14),
        at(7, left(LEVEL), right(PADDLE), lean=7, bow=0),
        at(8, left(PADDLE), right(LEVEL), lean=-6),
    ),
    move(
        "paddle",
        at(1, both(PADDLE), twist=-12, lean=6, bow=6),
        at(2, left(OPEN), right(PADDLE), twist=12, lean=-6),
        at(3, left(PADDLE), right(OPEN), twist=-12, lean=6),
        at(4, both(LOW_CROSS), twist=0, lean=-5, bow=14),
        at(5, both(OPEN_HIGH), lean=7, bow=-4, nod=-6),
        at(6, both(PADDLE), lean=-7, bow=6, nod=0),
        at(7, left(LOOSE_FRONT), right(OPEN_HIGH), twist=10, lean=6),
        at(8, both(HANGING), twist=0, lean=0, bow=0),
    ),
    move(
        "loft",
        at(1, left(LOFT), right(LOOSE_BACK), lean=-10, twist=8),
        at(2, left(OPEN), right(LOOSE_FRONT), lean=6, twist=-8),
        at(3, right(LOFT), left(LOOSE_BACK), lean=10, twist=-8),
        at(4, right(OPEN), left(LOOSE_FRONT), lean=-6, twist=8),
        at(5, both(LOFT), lean=0, twist=0, bow=12),
        at(6, both(OPEN), lean=8, bow=-2),
        at(7, both(LOOSE_FRONT), lean=-8, bow=12),
        at(8, both(LOOSE_BACK), lean=0, bow=4),
    ),
)

LEGS = library(
    move(
        "pas_de_bourree",
        at(1, left_to(-0.14, -0.2, 0.12), drop=0.07),
        at(1.5, right_to(0.36, -0.05, 0.08)),
        at(2, left_to(0.34, 0.14, 0.14), shift=0.1, hips=7, drop=0.05),
        at(3, right_to(-0.14, -0.2, 0.12), shift=-0.02, hips=0, drop=0.07),
        at(3.5, left_to(0.36, -0.05, 0.08)),
        at(4, right_to(0.34, 0.14, 0.14), shift=-0.1, hips=-7, drop=0.05),
        at(5, left(KNEE_LOW), shift=-0.05, hips=0),
        at(6, left_to(0.4, 0.16, 0.1), shift=0.1, drop=0.1),
        at(7, right(SIDE_FLICK), shift=0.06, drop=0.04),
        at(8, right_to(0.15), left_to(0.15, 0.0, 0.08), shift=0.0),
    ),
    move(
        "shuffle",
        at(1, left_to(0.14, 0.26, 0.14), drop=0.07, shift=-0.04),
        at(1.5, right_to(0.16, 0.1, 0.1)),
        at(2, left_to(0.36, -0.14, 0.16), shift=0.08, hips=6),
        at(3, right_to(0.14, 0.26, 0.14), shift=0.04, hips=0),
        at(3.5, left_to(0.16, 0.1, 0.1)),
        at(4, right_to(0.36, -0.14, 0.16), shift=-0.08, hips=-6),
        at(5, left_to(-0.16, 0.2, 0.18), shift=0.0, hips=0, drop=0.1),
        at(6, right_to(0.5, 0.0, 0.14), shift=-0.1, hips=-6, drop=0.06),
        at(7, left_to(0.5, 0.0, 0.16), shift=0.12, hips=6, drop=0.12),
        at(8, right_to(0.0, 0.0, 0.16), shift=0.0, hips=0, drop=0.04),
    ),
    move(
        "loose_legs",
        at(1, right(KNEE_LOW), shift=0.04, drop=0.04),
        at(2, right_to(-0.12, 0.2, 0.1), drop=0.1, shift=0.0),
        at(3, left(SIDE_FLICK), shift=-0.05, drop=0.05),
        at(4, left_to(-0.1, 0.16, 0.1), drop=0.1, shift=0.0),
        at(5, right(FRONT_KICK), shift=0.04, drop=0.03),
        at(5.75, right_to(0.3, -0.1)),
        at(6, left_to(0.36, 0.0, 0.12), shift=0.08, drop=0.1),
        at(7, right(HEEL_BACK), shift=0.06, drop=0.05),
        at(8, right_to(0.15), left_to(0.15, 0.0, 0.1), shift=0.0),
    ),
    move(
        "farmer",
        at(1, left_to(0.46, 0.0, 0.24), shift=0.12, drop=0.14, left_knee=36),
        at(2, left_to(0.12, 0.0, 0.24), shift=0.0, drop=0.04, left_knee=18),
        at(3, right_to(0.46, 0.0, 0.24), shift=-0.12, drop=0.14, right_knee=36),
        at(4, right_to(0.12, 0.0, 0.24), shift=0.0, drop=0.04, right_knee=18),
        at(5, left_to(0.14, 0.3, 0.22), right_to(0.14, -0.14), drop=0.08),
        at(6, left_to(0.14, -0.14), right_to(0.14, 0.3, 0.22), drop=0.08),
        at(7, left_to(0.4), right_to(0.4), leap=0.09, drop=0.14),
        at(8, left_to(0.15), right_to(0.15), leap=0.08, drop=0.04),
    ),
)
