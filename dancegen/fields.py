"""The fields of settings classes by dotted name, and suggestions for unknown keys."""

import difflib
import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel
from pydantic.fields import FieldInfo

NEAR, FAR = 0.85, 0.5  # similarity cutoffs of suggestions: near match, far match

Model = type[BaseModel]


def walk(kind: Model, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting by dotted name, including those of groups; a class's own fields before inherited ones."""
    own = [name for name in kind.model_fields if name in kind.__annotations__]
    for name in [*own, *(name for name in kind.model_fields if name not in own)]:
        field = kind.model_fields[name]
        if inner := group(field):
            yield from walk(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def group(field: FieldInfo) -> Model | None:
    """The settings class of a field that is a group of settings; None for a single setting."""
    if typing.get_origin(field.annotation) in (dict, list, tuple):
        return None
    parts = (field.annotation, *typing.get_args(field.annotation))
    return next((part for part in parts if inspect.isclass(part) and issubclass(part, BaseModel)), None)


def is_text(field: FieldInfo) -> bool:
    """Whether a setting is a string, or a string or null."""
    return _kinds(field.annotation) - {type(None)} == {str}


def _kinds(annotation: object) -> set[object]:
    """The types of a union; else the type itself."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _kinds(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return {kind for part in typing.get_args(annotation) for kind in _kinds(part)}
    return {annotation}


def meaning(field: FieldInfo) -> str:
    """The description of a setting, on one line."""
    return " ".join((field.description or "").split())


def default_text(field: FieldInfo) -> str:
    """The default of a setting as written in a settings file."""
    value = field.get_default(call_default_factory=True)
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def meant(kind: Model, location: Sequence[str | int], others: Mapping[str, Model]) -> str:
    """A sentence that suggests a key for an unknown one, with a leading space; empty without a similar key.

    `others` are the settings classes of other steps, by command.
    """
    *above, key = map(str, location)
    level = _level(kind, above)
    prefix = "".join(f"{part}." for part in above)
    for found in (_close(key, level, NEAR, prefix), _deeper(key, kind)):
        if found:
            return f" Did you mean {found[0]}?"
    theirs = [command for command, other in others.items() if _has(other, [*above, key])]
    if theirs:
        return f" It is a setting of {_listed(theirs)}."
    perhaps = _close(key, level, FAR, prefix)
    return f" Did you mean {perhaps[0]}?" if perhaps else ""


def _close(key: str, level: Model, cutoff: float, prefix: str) -> list[str]:
    return [prefix + name for name in difflib.get_close_matches(key, level.model_fields, 1, cutoff)]


def _deeper(key: str, kind: Model) -> list[str]:
    """Dotted names of settings and groups of this name inside other groups, shallowest first."""
    parts = (name.split(".") for name, _ in walk(kind))
    found = {".".join(path[: path.index(key) + 1]) for path in parts if key in path[1:]}
    return sorted(found, key=lambda name: (name.count("."), name))


def _level(kind: Model, above: Sequence[str]) -> Model:
    """The settings class at the end of this path of groups; unknown groups are skipped."""
    for part in above:
        field = kind.model_fields.get(part)
        kind = (group(field) if field else None) or kind
    return kind


def _has(kind: Model, location: Sequence[str]) -> bool:
    """Whether a class has this key or a close match."""
    return bool(difflib.get_close_matches(location[-1], _level(kind, location[:-1]).model_fields, 1, 0.9))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
