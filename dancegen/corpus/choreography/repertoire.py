"""Assignment of moves to songs, by kind of section and position in the phrase.

A slot is two bars. A `~` is the mirrored move. In slots with alternatives the song's seed selects one; the chorus has
none, so that all choruses of a category have the same signature.
"""

from dancegen.corpus.choreography import moves_ballet, moves_kpop, moves_popping
from dancegen.corpus.choreography.moves import BARS, Move
from dancegen.corpus.structure import SectionKind

MOVES: dict[str, dict[str, Move]] = {
    "kpop": moves_kpop.MOVES,
    "ballet": moves_ballet.MOVES,
    "popping": moves_popping.MOVES,
}

Slots = tuple[tuple[str, ...], ...]

PROGRAMME: dict[str, dict[SectionKind, Slots]] = {
    "kpop": {
        "intro": (("groove",), ("~groove",)),
        "verse": (("step_touch",), ("shoulders", "knee_pop"), ("kicks", "wave"), ("body_roll", "turn_around")),
        "chorus": (("point",), ("arm_hits",), ("~point",), ("star",)),
        "break": (("freeze",), ("hips",), ("~freeze",), ("~hips",)),
        "outro": (("heart",), ("~groove",)),
    },
    "ballet": {
        "intro": (("port_de_bras",), ("plie",)),
        "verse": (("tendu",), ("balance", "ronde"), ("passe",), ("chasse", "develope")),
        "chorus": (("arabesque",), ("pirouette",), ("~arabesque",), ("releve",)),
        "break": (("cambre",), ("plie",), ("~cambre",), ("saute",)),
        "outro": (("port_de_bras",), ("reverence",)),
    },
    "popping": {
        "intro": (("dime_stop",), ("~dime_stop",)),
        "verse": (("walk_out",), ("robot", "twist_o_flex"), ("chest_pop",), ("glide", "strobe")),
        "chorus": (("fresno",), ("tutting",), ("~fresno",), ("arm_wave",)),
        "break": (("puppet",), ("neck",), ("~puppet",), ("lean_back",)),
        "outro": (("lean_back",), ("~dime_stop",)),
    },
}


def programme(category: str, kind: SectionKind, phrase_bar: int, choice: int) -> tuple[str, bool]:
    """The move that starts at a bar of the phrase, and whether it is mirrored."""
    slots = PROGRAMME[category][kind]
    alternatives = slots[phrase_bar // BARS % len(slots)]
    name = alternatives[choice % len(alternatives)]
    return name.removeprefix("~"), name.startswith("~")
