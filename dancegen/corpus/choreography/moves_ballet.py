"""Ballet moves: large arcs of the arms, turned-out legs, vertical motion of the body per bar."""

from dancegen.corpus.choreography.legwork import left_to, right_to
from dancegen.corpus.choreography.moves import (
    Moment,
    Move,
    arm,
    at,
    both,
    foot,
    kick,
    left,
    library,
    limbs,
    move,
    right,
)

BRAS_BAS = arm(22, 52, 34, 108)
FIRST = arm(56, 58, 58, 84)
SECOND = arm(80, 14, 18, 108)
FIFTH = arm(147, 22, 64, 12)
ALLONGE_UP = arm(128, 12, 8, 60)
ALLONGE_LOW = arm(58, -8, 8, 90)
THIRD_FRONT = arm(74, 62, 30, 70)
BEHIND = arm(76, -14, 8, 90)

HEELS = foot(0.075)
WIDE = foot(0.27)

MOVES = library(
    move(
        "arms_in_third",
        at(1, left(THIRD_FRONT), right(SECOND), lean=-5, look=12),
        at(3, left(SECOND), right(FIFTH), lean=7, look=-10, twist=8),
        at(5, right(THIRD_FRONT), left(SECOND), lean=5, look=-12, twist=0),
        at(7, right(SECOND), left(FIFTH), lean=-7, look=10, twist=-8),
    ),
    move(
        "arms_across",
        at(1, left(FIRST), right(SECOND), lean=4, twist=-10),
        at(3, both(FIFTH), lean=-6, twist=0, nod=-6),
        at(5, right(FIRST), left(ALLONGE_UP), lean=-4, twist=10, nod=0),
        at(7, both(SECOND), lean=6, twist=0),
    ),
    move(
        "plie",
        at(1, both(WIDE), both(SECOND), drop=0.0),
        at(3, both(FIRST), drop=0.17, nod=6),
        at(5, both(SECOND), drop=0.0, nod=-4),
        at(7, both(BRAS_BAS), drop=0.15, nod=6),
    ),
    move(
        "port_de_bras",
        at(1, both(BRAS_BAS), nod=5),
        at(3, both(FIRST), nod=2),
        at(5, both(FIFTH), nod=-8),
        at(7, both(SECOND), nod=0),
    ),
    move(
        "tendu",
        at(1, left(foot(0.42)), both(SECOND), lean=-3, look=14),
        at(3, left(HEELS), left(SECOND), right(FIRST), lean=0, look=0),
        at(5, right(foot(0.42)), both(SECOND), lean=3, look=-14),
        at(7, right(HEELS), both(BRAS_BAS), lean=0, look=0),
    ),
    move(
        "releve",
        at(1, both(BRAS_BAS), drop=0.1, nod=6),
        at(3, both(FIFTH), drop=0.0, rise=0.085, nod=-6),
        at(5, both(SECOND), drop=0.09, rise=0.0, nod=0),
        at(7, both(FIFTH), drop=0.0, rise=0.085, nod=-6),
    ),
    move(
        "passe",
        at(1, both(FIRST), drop=0.08),
        at(3, right(kick(24, 32, 0.62, 72)), both(FIFTH), drop=0.0, rise=0.07, nod=-5),
        at(5, right(HEELS), both(SECOND), drop=0.07, rise=0.0, nod=0),
        at(7, left(kick(24, 32, 0.62, 72)), both(FIFTH), drop=0.0, rise=0.07, nod=-5),
    ),
    move(
        "pirouette",
        at(1, right(foot(0.26)), left(THIRD_FRONT), right(SECOND), drop=0.1),
        at(3, right(kick(24, 32, 0.62, 72)), both(FIRST), drop=0.0, rise=0.08, turn=180),
        at(5, both(FIRST), turn=360),
        at(7, right(foot(0.26)), both(SECOND), drop=0.08, rise=0.0),
    ),
    move(
        "arabesque",
        at(1, left(foot(0.075, 0.1)), both(FIRST), drop=0.08),
        at(3, right(kick(70, -24, 0.99, 30)), left(ALLONGE_UP), right(ALLONGE_LOW), drop=0.0, lean=10, bow=8, look=12),
        at(5, right(kick(76, -24, 0.99, 30)), left(arm(118, 8, 8, 60)), right(BEHIND), rise=0.03),
        at(7, right(HEELS), both(BRAS_BAS), drop=0.07, rise=0.0, lean=0, bow=0, look=0),
    ),
    move(
        "develope",
        at(1, left(kick(22, 32, 0.62, 72)), both(FIRST), lean=-2),
        at(3, left(kick(72, 16, 0.985, 55)), left(SECOND), right(FIFTH), lean=-9, look=10),
        at(5, left(foot(0.4)), both(SECOND), lean=-2, look=0),
        at(7, left(HEELS), both(BRAS_BAS), lean=0, drop=0.04),
    ),
    move(
        "balance",
        at(1, left(foot(0.4)), left(SECOND), right(FIRST), drop=0.06, lean=7, twist=-6),
        at(3, right(foot(-0.28, -0.08)), drop=0.0, rise=0.04, lean=4),
        at(5, right(foot(0.22)), right(SECOND), left(FIRST), drop=0.06, rise=0.0, lean=-7, twist=6),
        at(7, left(foot(-0.1, -0.08)), drop=0.0, rise=0.04, lean=-4),
    ),
    move(
        "cambre",
        at(1, left(FIFTH), right(SECOND), lean=0),
        at(3, left(FIFTH), right(BRAS_BAS), lean=-24, cock=-8, shift=0.05),
        at(5, left(SECOND), right(FIFTH), lean=0, cock=0, shift=0.0),
        at(7, left(BRAS_BAS), right(FIFTH), lean=24, cock=8, shift=-0.05),
    ),
    move(
        "chasse",
        at(1, left(foot(0.46)), both(SECOND), drop=0.09, lean=3),
        at(3, right(foot(-0.3)), both(FIRST), drop=0.0, rise=0.05, lean=0),
        at(5, right(foot(0.12)), both(SECOND), drop=0.09, rise=0.0, lean=-3),
        at(7, left(foot(0.05)), both(FIFTH), drop=0.0, rise=0.05, lean=0),
    ),
    move(
        "saute",
        at(1, both(BRAS_BAS), drop=0.13),
        at(2, both(FIRST), drop=0.0, hop=0.12, ease="wave"),
        at(3, both(BRAS_BAS), drop=0.13, hop=0.0, ease="wave"),
        at(5, both(SECOND), drop=0.0, rise=0.05),
        at(7, both(FIFTH), drop=0.02, rise=0.0),
    ),
    move(
        "ronde",
        at(1, right(foot(0.1, 0.34)), left(FIRST), right(SECOND), fore=-0.04),
        at(3, right(foot(0.42)), left(SECOND), twist=-5, fore=0.0),
        at(5, right(foot(0.12, -0.32)), left(FIFTH), twist=0, bow=4, fore=0.04),
        at(7, right(HEELS), both(BRAS_BAS), bow=0, fore=0.0),
    ),
    move(
        "reverence",
        at(1, left(foot(0.3)), both(SECOND)),
        at(3, right(foot(-0.02, -0.26)), left(SECOND), right(FIRST), drop=0.14, bow=18, nod=12),
        at(5, right(HEELS), left(HEELS), both(SECOND), drop=0.0, bow=0, nod=0),
        at(7, both(BRAS_BAS), limbs(knee=42.0), nod=8),
    ),
)

POINTED = kick(46, 14, 0.985, 50)
POINTED_FRONT = kick(52, 60, 0.985, 40)
BATTEMENT = kick(84, 24, 0.985, 50)

LEGS = {
    name: Move(name, tuple(Moment(moment.count, moment.pose, "step") for moment in each.moments))
    for name, each in library(
        move(
            "pointed_steps",
            at(1, left_to(0.42), shift=-0.05, drop=0.0),
            at(2, left_to(0.075), shift=0.03, drop=0.06),
            at(3, right_to(0.42), shift=0.05, drop=0.0),
            at(4, right_to(0.075), shift=-0.03, drop=0.06),
            at(5, left_to(0.06, 0.36), shift=-0.04, drop=0.0),
            at(6, left_to(0.4, 0.0), shift=0.06, drop=0.1),
            at(7, right_to(-0.2, -0.04), drop=0.0, rise=0.06, shift=0.02),
            at(8, left_to(0.075), right_to(0.075), shift=0.0, drop=0.03, rise=0.0),
        ),
        move(
            "waltz_steps",
            at(1, left_to(0.56), shift=0.08, drop=0.11),
            at(2, right_to(-0.34, -0.12), drop=0.0, rise=0.07, shift=0.0),
            at(3, left_to(0.5), drop=0.05, rise=0.0, shift=0.04),
            at(4, right(POINTED), drop=0.02, shift=0.03),
            at(5, right_to(0.5), shift=-0.08, drop=0.11),
            at(6, left_to(-0.3, -0.12), drop=0.0, rise=0.07, shift=0.0),
            at(7, right_to(0.46), drop=0.05, rise=0.0, shift=-0.04),
            at(8, left_to(0.075), right_to(0.075), drop=0.01, shift=0.0),
        ),
        move(
            "bourree",
            at(1, right_to(-0.1, -0.12), rise=0.08, drop=0.0),
            at(2, left_to(0.5), drop=0.04),
            at(3, right_to(-0.4, 0.1), drop=0.0),
            at(4, left(POINTED_FRONT), rise=0.0, drop=0.06),
            at(5, left_to(0.26, -0.1), rise=0.08, drop=0.0),
            at(6, right_to(0.16), drop=0.04),
            at(7, left_to(-0.06, 0.1), drop=0.0),
            at(8, left_to(0.075), right_to(0.075), rise=0.0, drop=0.05),
        ),
        move(
            "degages",
            at(1, right(POINTED), shift=0.03, drop=0.0),
            at(2, right_to(0.075), shift=0.0, drop=0.07),
            at(3, left(POINTED), shift=-0.03, drop=0.0),
            at(4, left_to(0.075), shift=0.0, drop=0.07),
            at(5, right(BATTEMENT), shift=0.03, drop=0.0),
            at(6, right_to(0.4), shift=-0.08, drop=0.12),
            at(7, left(POINTED_FRONT), shift=-0.04, drop=0.01),
            at(8, left_to(0.075), right_to(0.075), shift=0.0, drop=0.05),
        ),
        move(
            "temps_leves",
            at(1, left_to(0.075), right_to(0.075), drop=0.13),
            at(2, left_to(0.3), right_to(0.3), leap=0.14, drop=0.12),
            at(3, left_to(0.075), right_to(0.075), leap=0.14, drop=0.12),
            at(4, left_to(0.3, 0.08), right_to(0.3, -0.08), leap=0.14, drop=0.1),
            at(5, right_to(-0.34, -0.06), drop=0.0, rise=0.06),
            at(6, left_to(0.62), drop=0.1, rise=0.0, shift=0.06),
            at(7, right(POINTED), drop=0.0, shift=0.03),
            at(8, left_to(0.075), right_to(0.075), drop=0.06, shift=0.0),
        ),
        move(
            "glissades",
            at(1, left_to(0.6), drop=0.1, shift=0.05),
            at(2, right_to(-0.4), drop=0.05, shift=0.0),
            at(3, left_to(0.5), right_to(-0.36), leap=0.15, drop=0.12),
            at(4, right(BATTEMENT), drop=0.0, shift=0.02),
            at(5, right_to(0.3), drop=0.11, shift=-0.06),
            at(6, left_to(0.1), drop=0.05, shift=0.0),
            at(7, left_to(0.075), right_to(0.075), leap=0.15, drop=0.12),
            at(8, drop=0.03),
        ),
    ).items()
}
"""Steps that arrive on the beat, under arms that flow."""
