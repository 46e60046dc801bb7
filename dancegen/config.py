"""Settings: one YAML a job, dotted overrides `key=value`, checked as a whole.

OmegaConf reads and merges (so `1e-4` is a number and `${...}` works); pydantic checks. A default
lives in one place, the class. Nothing here imports torch or Ray: a wrong key is told at once.
"""

import difflib
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from yaml import YAMLError

from dancegen import storage
from dancegen.errors import ConfigError

BASE = "base"  # the key that names a YAML to start from, such as a preset


class Config(BaseModel):
    """Settings written by a person: frozen, no unknown keys, each field documented by the string below it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)


class Input:
    """Marks a URI that must exist before a job starts, and that no job writes to."""


@dataclass(frozen=True)
class Output:
    """Marks a URI that a job writes. dancegen.outputs keeps it apart from what the job reads."""

    beside: tuple[str, ...] = ()
    """Endings: the job also writes the folder whose name is the URI with this at its end."""
    inside: tuple[str, ...] | None = None
    """The URI is a folder that may hold other files, and the job writes these names in it; {field} stands for a
    setting. None: the whole folder belongs to the job."""
    file: bool = False
    """The URI is one file."""
    endings: tuple[str, ...] = ()
    """How the name of the file has to end."""


Uri = Annotated[str, AfterValidator(storage.absolute)]
InputUri = Annotated[Uri, Input()]
OutputUri = Annotated[Uri, Output()]

ConfigT = TypeVar("ConfigT", bound=Config)


def load(kind: type[ConfigT], path: str | None, overrides: Sequence[str] = ()) -> ConfigT:
    """Settings of one job from its YAML (or from defaults alone) and `key=value` overrides.

    Raises ConfigError that names every mistake, with the full key and what may have been meant.
    """
    return validate(kind, merge(path, overrides), path)


def validate(kind: type[ConfigT], settings: dict[str, Any], path: str | None = None) -> ConfigT:
    """Plain settings, checked. Raises ConfigError that names every mistake; `path` is where they were written."""
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        problems = "\n".join(f"  {_explain(kind, detail)}" for detail in error.errors())
        problem = f"has settings that cannot be used.\n{problems}\n"
        raise ConfigError(path or kind.__name__, problem, "Correct them.") from error


def merge(path: str | None, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The plain settings: the YAML over its `base`, and the overrides over both."""
    dotlist = _overrides(overrides)
    settings = _with_base(Path(path)) if path else OmegaConf.create({})
    if BASE in dotlist:
        settings = _merged(settings, _with_base(Path(dotlist.pop(BASE))), "base=")
    try:
        plain = OmegaConf.to_container(_merged(settings, dotlist, "key=value"), resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(path or "key=value", f"{_first_line(error)}.", "Correct the reference.") from error
    return _decided(plain)


def to_yaml(config: Config) -> str:
    """The resolved settings as YAML that `load` takes."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def check_inputs(config: Config) -> None:
    """Raise ConfigError for the first input URI that does not exist."""
    for name, uri in inputs(config):
        if not storage.exists(uri):
            raise ConfigError(f"{name}={uri}", "does not exist.", "Correct the path, or run the step that makes it.")


def inputs(config: Config, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Name and URI of all that the job reads, with that of settings inside settings."""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, Config):
            yield from inputs(value, f"{prefix}{name}.")
        elif any(isinstance(mark, Input) for mark in _marks(field.annotation, field.metadata)):
            yield from ((prefix + name, uri) for uri in (value if isinstance(value, tuple) else (value,)) if uri)


def outputs(config: Config) -> Iterator[tuple[str, str, Output]]:
    """Name, URI and mark of all that the job writes. Those of settings inside settings are written by other jobs."""
    for name, field in type(config).model_fields.items():
        for mark in _marks(field.annotation, field.metadata):
            if isinstance(mark, Output) and (uri := getattr(config, name)) is not None:
                yield name, uri, mark


def _marks(annotation: Any, metadata: Sequence[Any] = ()) -> list[Any]:
    """What is annotated on a field, also inside `X | None` and `tuple[X, ...]`."""
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        return [*metadata, *parts[1:], *_marks(parts[0])]
    return [*metadata, *(mark for part in parts for mark in _marks(part))]


def _overrides(overrides: Sequence[str]) -> DictConfig:
    for override in overrides:
        key, equals, _ = override.partition("=")
        if not equals or not key:
            raise ConfigError(f"{override!r}", "is not of the form key=value.", "Write for example workers=2.")
    try:
        return OmegaConf.from_dotlist(list(overrides))
    except (OmegaConfBaseException, YAMLError, ValueError, TypeError) as error:
        raise ConfigError(
            " ".join(overrides), f"{_first_line(error)}.", "Quote values with special characters."
        ) from error


def _with_base(path: Path, above: tuple[Path, ...] = ()) -> DictConfig:
    if path.resolve() in above:
        raise ConfigError(str(path), "is its own base.", "Remove one of the `base:` lines that lead round.")
    return _based(_read(path), path, (*above, path.resolve()))


def _based(settings: DictConfig, path: Path, above: tuple[Path, ...]) -> DictConfig:
    """Settings of a file over their bases: that of the file, and those of groups of settings inside it."""
    base = settings.pop(BASE, None)
    for name in settings:
        if isinstance(group := settings._get_node(name), DictConfig):
            settings[name] = _based(group, path, above)
    return settings if base is None else _merged(_with_base(path.parent / str(base), above), settings, str(path))


def _read(path: Path) -> DictConfig:
    try:
        settings = OmegaConf.load(path)
    except FileNotFoundError as error:
        raise ConfigError(str(path), "does not exist.", "Name a settings file, such as those in configs/.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"cannot be read ({_first_line(error)}).", "Name a YAML file.") from error
    except YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise ConfigError(
            str(path), f"is not YAML{line}: {getattr(error, 'problem', error)}.", "Correct it."
        ) from error
    if not isinstance(settings, DictConfig):
        raise ConfigError(str(path), "holds no `key: value` lines.", "See the files in configs/ for the form.")
    return settings


def _decided(settings: Any) -> Any:
    """The settings without those whose value is `???`, which OmegaConf takes for "to be given later"."""
    if not isinstance(settings, dict):
        return settings
    return {key: _decided(value) for key, value in settings.items() if value != "???"}


def _merged(under: DictConfig, over: DictConfig, where: str) -> DictConfig:
    try:
        return typing.cast(DictConfig, OmegaConf.merge(under, over))
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        raise ConfigError(where, f"{_first_line(error)}.", "A key below a single value cannot be set.") from error


def _explain(kind: type[Config], detail: Any) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{key}: there is no such setting.{_did_you_mean(kind, detail['loc'])}"
    if detail["type"] == "missing":
        return f"{key}: is not set, and has no default. Add it, or give {key}=..."
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    if detail["type"] == "value_error" and isinstance(detail["input"], dict | Config):  # fields that do not fit
        return f"{key}: {message}." if key else f"{message}."
    return f"{key}={detail['input']!r}: {message[0].lower()}{message[1:]}."


def _did_you_mean(kind: type[Config], location: tuple[str | int, ...]) -> str:
    for part in location[:-1]:
        field = kind.model_fields.get(str(part))
        kinds = (field.annotation, *typing.get_args(field.annotation)) if field else ()
        kind = next((a for a in kinds if isinstance(a, type) and issubclass(a, Config)), kind)
    close = difflib.get_close_matches(str(location[-1]), kind.model_fields, n=1, cutoff=0.5)
    return f" Did you mean {close[0]}?" if close else f" There are: {', '.join(kind.model_fields)}."


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
