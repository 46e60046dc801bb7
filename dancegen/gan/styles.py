"""Styles of dance: the categories of the training clips, which a model takes as input by number. And their energy.

A generator's number 0 is no style. This module does without torch, since settings are checked before it is loaded.
"""

from collections.abc import Iterable, Sequence

from dancegen.errors import ConfigError
from dancegen.schema import UNKNOWN

AUTO, NONE = "auto", "none"  # in settings: the style that the model finds in the music, and no style


def styles_of(categories: Iterable[str]) -> tuple[str, ...]:
    """The styles of clips of these categories, sorted."""
    return tuple(sorted({*categories} - {UNKNOWN}))


def number(style: str | None, styles: Sequence[str]) -> int:
    """The number of a style; 0 for None. Raises ConfigError for one that is not among a model's `styles`."""
    if style is None:
        return 0
    if style in styles:
        return 1 + styles.index(style)
    if not styles:
        raise ConfigError(
            f"style={style}", "the dance model has no styles.", "Leave it out, or set another checkpoint."
        )
    problem = f"the dance model has no such style, but {', '.join(styles)}."
    raise ConfigError(f"style={style}", problem, f"Give one of these, {AUTO} or {NONE}.")


def known_numbers(categories: Iterable[str], styles: Sequence[str]) -> list[int]:
    """The numbers of clips' categories; 0 for one that is no style of the model."""
    return [number(category if category in styles else None, styles) for category in categories]


def check(style: str, styles: Sequence[str]) -> None:
    """Raise ConfigError for a setting that is neither `auto`, `none` nor one of a model's `styles`."""
    if style not in (AUTO, NONE):
        number(style, styles)


def check_energy(energy: float | None, taken: bool) -> None:
    """Raise ConfigError for an energy that the model does not take."""
    if energy is not None and not taken:
        problem = "the dance model does not take the energy of a dance."
        raise ConfigError(f"energy={energy:g}", problem, "Leave it out, or set another checkpoint.")
