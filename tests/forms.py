"""Fields that a file may have: what a parser that drops unknown fields without a word does not check."""

import re
from typing import Any


def wrong(found: Any, form: Any, place: str = "") -> list[str]:
    """Where `found` has a field that the form does not list, or a value of another type.

    In a form, a dict lists fields, a list has the form of each item, a type is the value's, a text is a regular
    expression for the whole value, and None allows everything.
    """
    if form is None:
        return []
    if isinstance(form, dict):
        if not isinstance(found, dict):
            return [f"{place} holds no fields"]
        unknown = [f"{place}.{key} is no field" for key in found.keys() - form.keys()]
        return unknown + [
            p for key in found.keys() & form.keys() for p in wrong(found[key], form[key], f"{place}.{key}")
        ]
    if isinstance(form, list):
        if not isinstance(found, list):
            return [f"{place} is no list"]
        return [p for i, item in enumerate(found) for p in wrong(item, form[0], f"{place}[{i}]")]
    if isinstance(form, type):
        return [] if type(found) is form else [f"{place}={found!r} is no {form.__name__}"]
    return [] if isinstance(found, str) and re.fullmatch(form, found) else [f"{place}={found!r} is not like {form}"]
