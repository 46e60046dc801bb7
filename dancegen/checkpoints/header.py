"""Metadata of a checkpoint, read from the start of the safetensors file, without its weights and without torch."""

import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator

from dancegen import former_names, storage
from dancegen.config import Input, absolute_uri
from dancegen.errors import CheckpointError
from dancegen.gan.settings import DanceModelConfig
from dancegen.skeleton import COCO18

FORMAT_VERSION = 1
DANCE, PERCEPTUAL, HELDOUT = "dancegen.dance_model", "dancegen.perceptual_network", "dancegen.heldout_extractor"
CROSS_MODAL = "dancegen.cross_modal_metric"
PERSON = "dancegen.person"
FOLDER = Path(__file__).parents[1] / "checkpoints"
SHIPPED = {DANCE: FOLDER / "dance.safetensors", PERCEPTUAL: FOLDER / "stgcn.safetensors"}
SHIPPED_PEOPLE = {"mia": FOLDER / "mia.safetensors"}  # by name
MAKE_ANOTHER = {
    DANCE: "Name another checkpoint, or train one: dancegen train-dance.",
    PERCEPTUAL: "Name another checkpoint, or train one: dancegen pretrain-perceptual.",
    HELDOUT: "Name another checkpoint, or train one: dancegen pretrain-perceptual kind=heldout.",
    CROSS_MODAL: "Name another metric, or train one: dancegen train-cross-modal.",
    PERSON: "Name another checkpoint, or train one: dancegen train-renderer.",
}
PersonUri = Annotated[
    str,
    AfterValidator(lambda value: value if value in SHIPPED_PEOPLE else absolute_uri(value)),
    Input(names=tuple(SHIPPED_PEOPLE)),
]  # name of a shipped person, or URI of a checkpoint
LENGTH_BYTES = 8  # at the start of the file: the length of the JSON that follows, little-endian
MAX_LENGTH = 100_000_000  # of that JSON, as safetensors itself allows
# what metadata of other types, or nested deeply, raises where it is used; pydantic's ValidationError is a ValueError
UNFIT = (LookupError, RuntimeError, ValueError, TypeError, AttributeError)


def person_checkpoint(uri: str) -> str:
    """The checkpoint of a person, given by the name of a shipped one or by its URI."""
    return str(SHIPPED_PEOPLE.get(uri, uri))


def read(uri: str, kind: str) -> dict[str, Any]:
    """The metadata of a checkpoint of this kind. Only the first bytes of a remote file are fetched.

    Raises CheckpointError if it is not a checkpoint or is of another kind, format or skeleton; StorageError if it
    cannot be read.
    """
    with (
        storage.opening(uri) as opened,
        open(opened, "rb") if isinstance(opened, Path) else nullcontext(opened) as file,
    ):
        about = decoded(_metadata(file, uri, kind))
    check(about, uri, kind)
    return about


def decoded(metadata: dict[str, str]) -> dict[str, Any]:
    """The metadata decoded from JSON; empty if it was not written by dancegen."""
    try:
        return {name: json.loads(value) for name, value in metadata.items() if metadata.get("kind")}
    except (ValueError, RecursionError):
        return {}


def check(about: dict[str, Any], uri: str, kind: str) -> None:
    """Raise CheckpointError unless the metadata is of this kind and of a supported format and skeleton."""
    if about.get("kind") != kind:
        problem = f"holds no {kind.partition('.')[2].replace('_', ' ')} of dancegen."
        raise CheckpointError(uri, problem, MAKE_ANOTHER[kind])
    for name, value in {"format": FORMAT_VERSION, "skeleton": COCO18.name}.items():
        if about.get(name) != value:
            problem = f"has {name} {about.get(name)!r}, and this release reads {value!r}."
            raise CheckpointError(uri, problem, "Use the release that wrote it, or train again.")


def damaged(uri: str, error: object, remedy: str) -> CheckpointError:
    """The error for a file that is damaged or not a safetensors file."""
    return CheckpointError(uri, f"is damaged or not a safetensors file ({error}).", remedy)


def unfit(uri: str, error: Exception, kind: str) -> CheckpointError:
    """The error for a file whose weights do not fit its settings."""
    reason = str(error).strip().split("\n")[0]
    return CheckpointError(uri, f"does not fit its own settings ({reason}).", MAKE_ANOTHER[kind])


def dance_settings(about: dict[str, Any]) -> DanceModelConfig:
    """The settings of a dance model. Raises ValidationError or KeyError when there are none."""
    return DanceModelConfig.model_validate(with_former_defaults(about["settings"]))


def dance_styles(about: dict[str, Any], uri: str) -> tuple[str, ...]:
    """The names of a dance model's styles; none for one of an earlier release. Raises CheckpointError for no names."""
    styles = about.get("styles", [])
    if not isinstance(styles, list) or not all(isinstance(name, str) for name in styles):
        raise unfit(uri, TypeError("styles is no list of names"), DANCE)
    return tuple(styles)


def takes_energy(about: dict[str, Any], uri: str) -> bool:
    """Whether a dance model takes the energy of a dance. Raises CheckpointError for settings that are none."""
    try:
        settings = dance_settings(about)
    except UNFIT as error:
        raise unfit(uri, error, DANCE) from error
    return settings.head == "tokens" and settings.tokens.transformer.energy


def with_former_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a saved dance model. Settings added since the file was written get their former values."""
    settings = former_names.replace(DanceModelConfig, settings)
    generator = settings["generator"]
    audio = {"input": "waveform", **generator["audio"]}
    former = {"rhythm_harmonics": 1, "output": "tanh", "phrase_latents": False, "style_dim": 0}
    generator = {**former, **generator, "audio": audio}
    losses = {"root_weight": 1.0, "motion_energy": 0.0, "foot_slide": 0.0, **settings.get("losses", {})}
    return {"mirror_odd_seeds": False, **settings, "generator": generator, "losses": losses}


def _metadata(file: storage.SeekableFile, uri: str, kind: str) -> dict[str, str]:
    length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    try:
        if length > MAX_LENGTH:
            raise ValueError("its header is too large")
        header = json.loads(file.read(length))
        metadata = header.pop("__metadata__", {})
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("its metadata is not text")
        ends = LENGTH_BYTES + length + max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
        if (size := file.seek(0, os.SEEK_END)) != ends:
            raise ValueError(f"it has {size:,} bytes and should have {ends:,}")
    except UNFIT as error:  # errors of JSON and UTF-8 are ValueErrors, and the RecursionError of JSON a RuntimeError
        raise damaged(uri, error, MAKE_ANOTHER[kind]) from error
    return metadata
