"""Settings: one YAML a job, dotted overrides `key=value`, checked as a whole.

OmegaConf reads and merges (so `1e-4` is a number and `${...}` works); pydantic checks. A default
lives in one place, the class. Nothing here imports torch or Ray: a wrong key is told at once.
"""

import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from yaml import YAMLError

from dancegen import fields, storage
from dancegen.errors import ConfigError

UNKNOWN = "extra_forbidden"  # pydantic's name for a key that there is not
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


def place(uri: str) -> str:
    """A URI in its full form. Raises ValueError for an empty one, and as `storage.absolute` does."""
    if not uri.strip():
        raise ValueError("is empty: give a path or s3://bucket/key, or leave it out")
    return storage.absolute(uri)


Uri = Annotated[str, AfterValidator(place)]
InputUri = Annotated[Uri, Input()]
InputFile = Annotated[InputUri, AfterValidator(storage.not_a_bucket)]
OutputUri = Annotated[Uri, Output()]

ConfigT = TypeVar("ConfigT", bound=Config)


Others = Callable[[], Mapping[str, type[Config]]]


def load(kind: type[ConfigT], path: str | None, overrides: Sequence[str] = (), others: Others = dict) -> ConfigT:
    """Settings of one job from its YAML (or from defaults alone) and `key=value` overrides.

    `others` gives the settings of other steps, of which an unknown key may be one. Raises ConfigError that names every
    mistake, with the full key and what may have been meant.
    """
    return validate(kind, merge(path, overrides), path, others)


def validate(kind: type[ConfigT], settings: dict[str, Any], path: str | None = None, others: Others = dict) -> ConfigT:
    """Plain settings, checked. Raises ConfigError that names every mistake; `path` is where they were written."""
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        details = error.errors()
        unknown = any(detail["type"] == UNKNOWN for detail in details)
        known = others() if unknown else {}
        problems = "\n".join(f"  {_explain(kind, detail, known)}" for detail in details)
        problem = f"has settings that cannot be used.\n{problems}\n"
        remedy = "Correct them. All settings: docs/settings.md." if unknown else "Correct them."
        raise ConfigError(path or kind.__name__, problem, remedy) from error


def merge(path: str | None, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The plain settings: the YAML over its `base`, and the overrides over both."""
    settings = _written(path, overrides)
    try:
        plain = OmegaConf.to_container(settings, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(path or "key=value", f"{_first_line(error)}.", "Correct the reference.") from error
    _check_references(OmegaConf.to_container(settings, resolve=False), plain)
    return _decided(plain)


def variables(path: str | None, overrides: Sequence[str] = ()) -> list[str]:
    """Names of the environment variables that the settings take values from (`${oc.env:NAME}`), sorted."""
    written = OmegaConf.to_yaml(_written(path, overrides))
    return sorted(set(re.findall(r"\$\{oc\.env:\s*(\w+)", written)))


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


def _written(path: str | None, overrides: Sequence[str]) -> DictConfig:
    """The settings as they are written, with their references."""
    dotlist = _overrides(overrides)
    settings = _with_base(Path(path)) if path else OmegaConf.create({})
    if BASE in dotlist:
        settings = _merged(settings, _with_base(Path(dotlist.pop(BASE))), "base=")
    return _merged(settings, dotlist, "key=value")


def _overrides(overrides: Sequence[str]) -> DictConfig:
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            raise ConfigError(f"{override!r}", "is not of the form key=value.", "Write for example workers=2.")
        if not value.strip():
            remedy = f"Is a variable unset? Give a value, or leave {key}= out for its default."
            raise ConfigError(override, "has no value.", remedy)
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


def _check_references(written: Any, resolved: Any, key: str = "") -> None:
    """Raise ConfigError where a reference such as ${oc.env:BUCKET} gave nothing."""
    if isinstance(written, dict):
        for name, value in written.items():
            _check_references(value, resolved[name], f"{key}.{name}" if key else str(name))
    elif isinstance(written, list):
        for index, value in enumerate(written):
            _check_references(value, resolved[index], f"{key}[{index}]")
    elif isinstance(written, str) and resolved == "" and written:
        raise ConfigError(f"{key}: {written}", "gives an empty value.", "Set the variable, or remove the setting.")


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


def _explain(kind: type[Config], detail: Any, others: Mapping[str, type[Config]]) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == UNKNOWN:
        return f"{key}: there is no such setting.{fields.meant(kind, detail['loc'], others)}"
    if detail["type"] == "missing":
        return f"{key}: is not set, and has no default. Add it, or give {key}=..."
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    if detail["type"] == "value_error" and isinstance(detail["input"], dict | Config):  # fields that do not fit
        return f"{key}: {message}." if key else f"{message}."
    return f"{key}={detail['input']!r}: {message[0].lower()}{message[1:]}."


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
