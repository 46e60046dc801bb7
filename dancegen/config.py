"""Settings: one YAML file per job and dotted overrides `key=value`, validated together.

OmegaConf reads and merges (so `1e-4` is a number and `${...}` works); pydantic validates. A default is defined in one
place, the class. Nothing here imports torch or Ray, so that configuration errors are reported without delay.
"""

import json
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from yaml import YAMLError

from dancegen import fields, former_names, storage
from dancegen.errors import ConfigError

UNKNOWN = "extra_forbidden"  # pydantic's error type of an unknown key
NULL, QUOTES = ("null", "Null", "NULL", "~"), ("'", '"')  # of YAML
BASE = "base"  # key that names the YAML file to inherit from, such as a preset


class Config(BaseModel):
    """Base class of settings: frozen, no unknown keys, each field documented by the string below it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)

    FORMER: ClassVar[dict[str, str]] = {}
    """Former names of this class's settings, and the present ones."""
    FORMER_VALUES: ClassVar[dict[str, dict[str, str]]] = {}
    """By setting: former names of its values, and the present ones."""

    @model_validator(mode="before")
    @classmethod
    def _former_names(cls, settings: Any) -> Any:
        return former_names.replace(cls, settings) if isinstance(settings, dict) else settings


@dataclass(frozen=True)
class Input:
    """Marks a URI that must exist before a job starts, and that the job does not write to."""

    names: tuple[str, ...] = ()
    """Values that name something built in, and are not URIs."""


@dataclass(frozen=True)
class Output:
    """Marks a URI that a job writes. dancegen.outputs checks that it is separate from what the job reads."""

    beside: tuple[str, ...] = ()
    """Suffixes: for each, the job also writes the folder whose name is the URI with the suffix appended."""
    inside: tuple[str, ...] | None = None
    """The URI is a folder that may hold other files, and the job writes these names in it; {field} is replaced by the
    value of a setting. None: the whole folder belongs to the job."""
    file: bool = False
    """The URI is one file."""
    endings: tuple[str, ...] = ()
    """Allowed file name suffixes."""
    shared: bool = False
    """Several jobs may write to it at once: what they write of the same name is the same."""


def absolute_uri(uri: str) -> str:
    """The URI in absolute form. Raises ValueError for an empty URI, and as `storage.absolute` does."""
    if not uri.strip():
        raise ValueError("is empty: give a path or s3://bucket/key, or omit it")
    return storage.absolute(uri)


Uri = Annotated[str, AfterValidator(absolute_uri)]
InputUri = Annotated[Uri, Input()]
InputFile = Annotated[InputUri, AfterValidator(storage.not_a_bucket)]
OutputUri = Annotated[Uri, Output()]

ConfigT = TypeVar("ConfigT", bound=Config)
Kind = type[BaseModel] | None

Others = Callable[[], Mapping[str, type[Config]]]


def load(kind: type[ConfigT], path: str | None, overrides: Sequence[str] = (), others: Others = dict) -> ConfigT:
    """Settings of one job from its YAML file (or from defaults alone) and `key=value` overrides.

    `others` returns the settings classes of other steps, which are searched for an unknown key. Raises ConfigError
    that lists every invalid setting with its full key and, for an unknown key, a suggestion.
    """
    return validate(kind, merge(path, overrides, kind), path, others)


def validate(kind: type[ConfigT], settings: dict[str, Any], path: str | None = None, others: Others = dict) -> ConfigT:
    """Validated settings. Raises ConfigError that lists every invalid setting; `path` is the file they come from."""
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        details = error.errors()
        unknown = any(detail["type"] == UNKNOWN for detail in details)
        known = others() if unknown else {}
        problems = "\n".join(f"  {_explain(kind, detail, known)}" for detail in details)
        problem = f"has invalid settings.\n{problems}\n"
        remedy = "Correct them. All settings: docs/settings.md." if unknown else "Correct them."
        raise ConfigError(path or kind.__name__, problem, remedy) from error


def merge(path: str | None, overrides: Sequence[str] = (), kind: type[Config] | None = None) -> dict[str, Any]:
    """Settings as plain values: the YAML file overrides its `base`, and `overrides` override both.

    Former names of the settings of `kind` are replaced in each file, with a notice on standard error.
    """
    settings = _written(path, overrides, kind)
    try:
        plain = OmegaConf.to_container(settings, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(path or "key=value", f"{_first_line(error)}.", "Correct the reference.") from error
    _check_references(OmegaConf.to_container(settings, resolve=False), plain)
    return _decided(plain)


def variables(path: str | None, overrides: Sequence[str], kind: type[Config]) -> list[str]:
    """Names of the environment variables that the settings of `kind` refer to (`${oc.env:NAME}`), sorted."""
    written = OmegaConf.to_yaml(_written(path, overrides, kind))
    return sorted(set(re.findall(r"\$\{oc\.env:\s*(\w+)", written)))


def to_yaml(config: Config) -> str:
    """The resolved settings as YAML that `load` accepts."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def check_inputs(config: Config) -> None:
    """Raise ConfigError for the first input URI that does not exist."""
    for name, uri in inputs(config):
        if not storage.exists(uri):
            raise ConfigError(f"{name}={uri}", "does not exist.", "Correct the path, or run the step that creates it.")


def inputs(config: Config, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Name and URI of each input of the job, including those of nested settings."""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, Config):
            yield from inputs(value, f"{prefix}{name}.")
        elif mark := next((mark for mark in _marks(field.annotation, field.metadata) if isinstance(mark, Input)), None):
            uris = value if isinstance(value, tuple) else (value,)
            yield from ((prefix + name, uri) for uri in uris if uri and uri not in mark.names)


def outputs(config: Config) -> Iterator[tuple[str, str, Output]]:
    """Name, URI and mark of each output of the job. Outputs of nested settings are written by other jobs."""
    for name, field in type(config).model_fields.items():
        for mark in _marks(field.annotation, field.metadata):
            if isinstance(mark, Output) and (uri := getattr(config, name)) is not None:
                yield name, uri, mark


def _marks(annotation: Any, metadata: Sequence[Any] = ()) -> list[Any]:
    """The annotations of a field, also inside `X | None` and `tuple[X, ...]`."""
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        return [*metadata, *parts[1:], *_marks(parts[0])]
    return [*metadata, *(mark for part in parts for mark in _marks(part))]


def _written(path: str | None, overrides: Sequence[str], kind: Kind = None) -> DictConfig:
    """The merged settings with unresolved references."""
    dotlist = _overrides(overrides, kind)
    settings = _with_base(Path(path), kind) if path else OmegaConf.create({})
    if BASE in dotlist:
        settings = _merged(settings, _with_base(Path(dotlist.pop(BASE)), kind), "base=")
    return _merged(settings, _renamed(dotlist, kind, "key=value"), "key=value")


def _overrides(overrides: Sequence[str], kind: Kind) -> DictConfig:
    settings = OmegaConf.create({})
    texts = {BASE, *(name for name, field in fields.walk(kind) if fields.is_text(field))} if kind else {BASE}
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            raise ConfigError(f"{override!r}", "is not of the form key=value.", "Use for example workers=2.")
        if not value.strip():
            remedy = f"Check for an unset variable. Give a value, or omit {key}= to use its default."
            raise ConfigError(override, "has no value.", remedy)
        try:
            is_text = (former_names.replace_in_path(kind, key) if kind else key) in texts
            settings.merge_with_dotlist([f"{key}={_quoted(value) if is_text else value}"])
        except (OmegaConfBaseException, YAMLError, ValueError, TypeError) as error:
            remedy = f"Correct it, or quote it as text: {key}='\"...\"'."
            raise ConfigError(override, f"is not valid YAML ({_first_line(error)}).", remedy) from error
    return settings


def _quoted(text: str) -> str:
    """A text as YAML, taken as it is written: `/music/Best #1: hits`. Null and quoted texts are YAML already."""
    return text if text.strip() in NULL or text[0] in QUOTES else json.dumps(text, ensure_ascii=False)


def _with_base(path: Path, kind: Kind, above: tuple[Path, ...] = ()) -> DictConfig:
    if path.resolve() in above:
        raise ConfigError(str(path), "is its own base.", "Remove one of the `base:` lines that form the cycle.")
    return _based(_renamed(_read(path), kind, str(path)), path, kind, (*above, path.resolve()))


def _based(settings: DictConfig, path: Path, kind: Kind, above: tuple[Path, ...]) -> DictConfig:
    """Settings of a file merged over their bases: the base of the file, and those of its setting groups."""
    base = settings.pop(BASE, None)
    for name in settings:
        if isinstance(group := settings._get_node(name), DictConfig):
            field = kind.model_fields.get(str(name)) if kind else None
            settings[name] = _based(group, path, fields.group(field) if field else None, above)
    return settings if base is None else _merged(_with_base(path.parent / str(base), kind, above), settings, str(path))


def _renamed(settings: DictConfig, kind: Kind, where: str) -> DictConfig:
    """The settings under their present names, before they are merged with others."""
    if kind is None:
        return settings
    written = typing.cast(dict[str, Any], OmegaConf.to_container(settings, resolve=False))
    try:
        return OmegaConf.create(
            former_names.replace(kind, written, lambda text: print(f"{where}: {text}", file=sys.stderr))
        )
    except ValueError as error:
        raise ConfigError(where, f"{error}.", "Use the present name.") from error


def _read(path: Path) -> DictConfig:
    try:
        settings = OmegaConf.load(path)
    except FileNotFoundError as error:
        raise ConfigError(
            str(path), "does not exist.", "Give the path of a settings file, such as those in configs/."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"cannot be read ({_first_line(error)}).", "Give a YAML file.") from error
    except YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise ConfigError(
            str(path), f"is not valid YAML{line}: {getattr(error, 'problem', error)}.", "Correct it."
        ) from error
    if not isinstance(settings, DictConfig):
        raise ConfigError(str(path), "contains no `key: value` lines.", "See the files in configs/ for the format.")
    return settings


def _check_references(written: Any, resolved: Any, key: str = "") -> None:
    """Raise ConfigError where a reference such as ${oc.env:BUCKET} resolved to an empty value."""
    if isinstance(written, dict):
        for name, value in written.items():
            _check_references(value, resolved[name], f"{key}.{name}" if key else str(name))
    elif isinstance(written, list):
        for index, value in enumerate(written):
            _check_references(value, resolved[index], f"{key}[{index}]")
    elif isinstance(written, str) and resolved == "" and written:
        raise ConfigError(
            f"{key}: {written}", "resolves to an empty value.", "Set the variable, or remove the setting."
        )


def _decided(settings: Any) -> Any:
    """The settings without those whose value is `???`, which OmegaConf treats as missing."""
    if not isinstance(settings, dict):
        return settings
    return {key: _decided(value) for key, value in settings.items() if value != "???"}


def _merged(under: DictConfig, over: DictConfig, where: str) -> DictConfig:
    try:
        return typing.cast(DictConfig, OmegaConf.merge(under, over))
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        raise ConfigError(
            where, f"{_first_line(error)}.", "Remove the key below a setting that is a single value."
        ) from error


def _explain(kind: type[Config], detail: Any, others: Mapping[str, type[Config]]) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == UNKNOWN:
        return f"{key}: unknown setting.{fields.meant(kind, detail['loc'], others)}"
    if detail["type"] == "missing":
        return f"{key}: is required and not set. Add it, or give {key}=..."
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    if detail["type"] == "value_error" and isinstance(detail["input"], dict | Config):  # fields that are inconsistent
        return f"{key}: {message}." if key else f"{message}."
    return f"{key}={detail['input']!r}: {message[0].lower()}{message[1:]}."


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
