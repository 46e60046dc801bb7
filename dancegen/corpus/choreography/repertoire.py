"""Assignment of moves to songs, by kind of section and position in the phrase.

A slot is two bars. A slot names arms, of which each dancer has one; a `~` is the mirrored move. A move that lacks legs
of its own goes over a pattern of the legs, which the dancer chooses among those of the style at the section's kind.
"""

import numpy as np

from dancegen.corpus.choreography import (
    legwork,
    moves_ballet,
    moves_hiphop,
    moves_house,
    moves_kpop,
    moves_krump,
    moves_popping,
)
from dancegen.corpus.choreography.moves import Move, combined
from dancegen.corpus.structure import SectionKind

MOVES: dict[str, dict[str, Move]] = {
    "kpop": moves_kpop.MOVES,
    "ballet": moves_ballet.MOVES,
    "popping": moves_popping.MOVES,
    "house": moves_house.ARMS,
    "krump": moves_krump.ARMS,
    "hiphop": moves_hiphop.ARMS,
}
LEGS: dict[str, Move] = {
    **legwork.CALM,
    **legwork.STEPS,
    **legwork.FULL,
    **legwork.WILD,
    **moves_house.LEGS,
    **moves_krump.LEGS,
    **moves_hiphop.LEGS,
    **moves_popping.LEGS,
    **moves_ballet.LEGS,
}
OWN_LEGS = {"kicks", "turn_around", "step_touch", "glide", "walk_out", "twist_o_flex"} | (
    set(moves_ballet.MOVES) - {"port_de_bras", "cambre", "arms_in_third", "arms_across"}
)
"""Moves that bring their own legs."""

Slots = tuple[tuple[str, ...], ...]

PROGRAMME: dict[str, dict[SectionKind, Slots]] = {
    "kpop": {
        "intro": (("groove",), ("~groove", "shoulders")),
        "verse": (("step_touch", "groove"), ("shoulders", "knee_pop"), ("kicks", "wave"), ("body_roll", "turn_around")),
        "chorus": (("point",), ("arm_hits", "hips"), ("~point",), ("star", "arm_hits")),
        "break": (("freeze",), ("hips", "wave"), ("~freeze",), ("~hips", "body_roll")),
        "outro": (("heart",), ("~groove", "heart")),
    },
    "ballet": {
        "intro": (("port_de_bras",), ("plie", "cambre")),
        "verse": (
            ("tendu", "arms_in_third", "port_de_bras"),
            ("arms_across", "arms_in_third"),
            ("passe", "balance", "ronde"),
            ("~arms_across", "~arms_in_third"),
        ),
        "chorus": (
            ("arms_across", "arms_in_third"),
            ("pirouette", "arabesque"),
            ("~arms_across", "~arms_in_third"),
            ("saute", "chasse", "develope"),
        ),
        "break": (("cambre", "port_de_bras"), ("plie", "releve"), ("~cambre", "arms_in_third"), ("saute",)),
        "outro": (("port_de_bras", "arms_in_third"), ("reverence",)),
    },
    "popping": {
        "intro": (("dime_stop",), ("~dime_stop", "neck")),
        "verse": (("walk_out", "fresno"), ("robot", "twist_o_flex"), ("chest_pop",), ("glide", "strobe")),
        "chorus": (("fresno",), ("tutting", "arm_wave"), ("~fresno",), ("arm_wave", "tutting")),
        "break": (("puppet",), ("neck", "strobe"), ("~puppet",), ("lean_back", "robot")),
        "outro": (("lean_back",), ("~dime_stop", "robot")),
    },
    "house": {
        "intro": (("swing", "loft"), ("~swing", "paddle")),
        "verse": (("jack",), ("swing", "paddle"), ("~jack",), ("loft", "~paddle")),
        "chorus": (("swing", "jack"), ("paddle", "loft"), ("~swing", "~jack"), ("~paddle", "~loft")),
        "break": (("loft",), ("jack", "swing")),
        "outro": (("jack", "loft"), ("swing", "paddle")),
    },
    "krump": {
        "intro": (("chest_pops",), ("~chest_pops", "get_off")),
        "verse": (("jabs",), ("chest_pops", "arm_swings"), ("~jabs",), ("get_off", "~arm_swings")),
        "chorus": (("arm_swings",), ("get_off", "jabs"), ("~arm_swings",), ("~get_off", "chest_pops")),
        "break": (("chest_pops",), ("get_off", "jabs")),
        "outro": (("get_off", "arm_swings"), ("chest_pops", "jabs")),
    },
    "hiphop": {
        "intro": (("wop",), ("~wop", "brush")),
        "verse": (("brush", "cabbage_patch"), ("wop",), ("~brush", "~cabbage_patch"), ("wave_flag", "~wop")),
        "chorus": (
            ("wave_flag", "cabbage_patch"),
            ("brush", "wop"),
            ("~wave_flag", "~cabbage_patch"),
            ("~brush", "~wop"),
        ),
        "break": (("wop", "brush"), ("cabbage_patch",)),
        "outro": (("cabbage_patch", "wave_flag"), ("wop", "brush")),
    },
}

_CALM, _STEPS, _FULL, _WILD = (tuple(each) for each in (legwork.CALM, legwork.STEPS, legwork.FULL, legwork.WILD))
LEGS_OF: dict[str, dict[SectionKind, tuple[str, ...]]] = {
    "kpop": {
        "intro": _CALM,
        "break": (*_CALM, "kneel"),
        "verse": (*_STEPS, "knee_drive"),
        "chorus": (*_FULL, *_WILD, "reebok"),
        "outro": (*_STEPS,),
    },
    "popping": {
        "intro": ("tap_out", "slides", "two_step"),
        "break": ("rock_weight", "slides", "kneel", "swivels"),
        "verse": ("slides", "swivels", "two_step", "cross_points", "grapevine", "knee_drive"),
        "chorus": (
            "swivels",
            "cross_points",
            "kick_ball_change",
            "grapevine",
            "side_lunges",
            "party_machine",
            "knee_drive",
        ),
        "outro": ("slides", "swivels", "two_step"),
    },
    "house": {
        "intro": ("walk_in_place", "two_step"),
        "break": ("walk_in_place", "squat_bounce", "to_the_floor"),
        "verse": (*moves_house.LEGS, "two_step", "cross_points", "grapevine"),
        "chorus": (*moves_house.LEGS, "running_man", "kick_ball_change", "jumping_jack", "chase_turn", "kick_hops"),
        "outro": ("march", "two_step", "farmer"),
    },
    "krump": {
        "intro": ("rock_weight", "walk_in_place"),
        "break": ("squat_bounce", "kneel", "to_the_floor"),
        "verse": (*moves_krump.LEGS, "march", "squat_bounce", "side_lunges"),
        "chorus": (*moves_krump.LEGS, *_WILD, "knee_drive", "side_lunges", "jumping_jack"),
        "outro": ("stomps", "march"),
    },
    "hiphop": {
        "intro": ("rock_weight", "walk_in_place", "tap_out"),
        "break": ("squat_bounce", "rock_weight", "kneel", "to_the_floor"),
        "verse": (*moves_hiphop.LEGS, "two_step", "march", "walk_forward", "cross_points"),
        "chorus": (*moves_hiphop.LEGS, *_FULL, *_WILD),
        "outro": ("reebok", "two_step", "march"),
    },
    "ballet": {
        "intro": ("pointed_steps", "waltz_steps"),
        "break": ("pointed_steps", "waltz_steps", "degages"),
        "verse": ("waltz_steps", "bourree", "degages", "glissades"),
        "chorus": ("degages", "temps_leves", "waltz_steps", "glissades"),
        "outro": ("waltz_steps", "pointed_steps"),
    },
}
"""Patterns of the legs of the styles, by kind of section."""


FACINGS = (0.0, 0.0, 20.0, -20.0, 40.0, -40.0)
"""Directions of the body in degrees, of which each move has one."""


def programme(category: str, kind: SectionKind, slot: int, rng: np.random.Generator) -> Move:
    """The move of a slot of the phrase, chosen by the generator among the slot's alternatives and the style's legs."""
    slots = PROGRAMME[category][kind]
    alternatives = slots[slot % len(slots)]
    name = alternatives[rng.integers(len(alternatives))]
    arms = MOVES[category][name.removeprefix("~")]
    if arms.name not in OWN_LEGS:
        choices = LEGS_OF[category][kind]
        legs = LEGS[choices[rng.integers(len(choices))]]
        arms = combined(f"{arms.name}/{legs.name}", arms, legs)
    faced = (arms.mirrored() if name.startswith("~") else arms).faced(FACINGS[rng.integers(len(FACINGS))])
    return faced
