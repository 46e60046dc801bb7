"""Settings that were renamed: files and checkpoints of earlier releases are read under their former names."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from dancegen import fields

Notice = Callable[[str], None]


def known(kind: type[BaseModel], attribute: str = "FORMER") -> dict[str, Any]:
    """Former names of a class's own settings, as the class and its bases give them, to the present ones."""
    return {old: new for base in reversed(kind.__mro__) for old, new in vars(base).get(attribute, {}).items()}


def replace(kind: type[BaseModel], settings: Mapping[str, Any], notice: Notice = lambda text: None) -> dict[str, Any]:
    """Settings under their present names, at every level; `notice` receives a sentence for each former name.

    Raises ValueError when a setting is given under both names.
    """
    former, former_values, replaced = known(kind), known(kind, "FORMER_VALUES"), {}
    for name, value in settings.items():
        present = former.get(name, name)
        if present != name:
            if present in settings:
                raise ValueError(f"{name} is the former name of {present}: remove one of them")
            notice(f"{name} is now {present}.")
        if isinstance(value, str) and value in former_values.get(present, {}):
            notice(f"{present}={value} is now {present}={former_values[present][value]}.")
            value = former_values[present][value]
        inner = fields.group(kind.model_fields[present]) if present in kind.model_fields else None
        replaced[present] = replace(inner, value, notice) if inner and isinstance(value, Mapping) else value
    return replaced


def replace_in_path(kind: type[BaseModel], path: str) -> str:
    """The present form of a dotted name, such as a key of a search space."""
    parts, level = [], kind
    for part in path.split("."):
        parts.append(known(level).get(part, part))
        field = level.model_fields.get(parts[-1])
        level = (field and fields.group(field)) or level
    return ".".join(parts)
