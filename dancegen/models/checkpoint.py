"""One file that holds a generator and all it takes to dance with it: settings, skeleton, rate, rhythm channels.

A safetensors file: loading it runs no code. Its metadata holds the format version, the settings and a
card (what it was trained on, by which command, with what result).
"""

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from pydantic import ValidationError
from torch import Tensor

from dancegen import storage
from dancegen.errors import CheckpointError
from dancegen.models.dance_model import DanceModel, build_generator
from dancegen.motion.beats import RHYTHM_CHANNELS
from dancegen.settings.dance_model import DanceModelConfig
from dancegen.skeleton import COCO18

FORMAT_VERSION = 1
KIND = "dancegen.dance_model"
SHIPPED = Path(__file__).parents[1] / "checkpoints" / "dance.safetensors"
MAKE_ANOTHER = "Name another checkpoint, or train one: dancegen train_dance."


def shipped() -> Path:
    """The checkpoint that comes with the package."""
    return SHIPPED


def save(path: Path, model: DanceModel, card: dict[str, Any], half: bool = True) -> None:
    """Write a model, whole or not at all; with `half` its weights take two bytes each."""
    about = {
        "kind": KIND,
        "format": FORMAT_VERSION,
        "settings": model.config.model_dump(mode="json"),
        "skeleton": COCO18.name,
        "fps": model.config.fps,
        "rhythm_channels": RHYTHM_CHANNELS,
        "card": card,
    }
    tensors = {name: _narrow(value, half) for name, value in model.generator.state_dict().items()}
    metadata = {name: json.dumps(value, ensure_ascii=False) for name, value in about.items()}
    storage.write_bytes(str(path), safetensors.torch.save(tensors, metadata))


def load(path: Path) -> DanceModel:
    """The model of a file, in full precision. Raises CheckpointError for one that is missing, damaged or not ours."""
    about, tensors = _read(path)
    _check(path, about)
    try:
        config = DanceModelConfig.model_validate(about["settings"])
        generator = build_generator(config)
        wanted = generator.state_dict()
        generator.load_state_dict({name: value.to(wanted[name].dtype) for name, value in tensors.items()})
    except (ValidationError, KeyError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise CheckpointError(str(path), f"does not fit its own settings ({reason}).", MAKE_ANOTHER) from error
    return DanceModel(generator, config)


def read_card(path: Path) -> dict[str, Any]:
    """What the file says of how it was made."""
    about, _ = _read(path)
    _check(path, about)
    return about.get("card", {})


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Metadata and tensors of a safetensors file."""
    if not Path(path).is_file():
        raise CheckpointError(str(path), "is no file.", MAKE_ANOTHER)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (safetensors.SafetensorError, OSError) as error:
        raise CheckpointError(str(path), f"is damaged, or no safetensors file ({error}).", MAKE_ANOTHER) from error
    try:
        return {name: json.loads(value) for name, value in metadata.items() if metadata.get("kind")}, tensors
    except json.JSONDecodeError:
        return {}, tensors


def _check(path: Path, about: dict[str, Any]) -> None:
    if about.get("kind") != KIND:
        raise CheckpointError(str(path), "holds no dance model of dancegen.", MAKE_ANOTHER)
    wanted = {"format": FORMAT_VERSION, "skeleton": COCO18.name, "rhythm_channels": list(RHYTHM_CHANNELS)}
    for name, value in wanted.items():
        if about.get(name) != value:
            problem = f"has {name} {about.get(name)!r}, and this release reads {value!r}."
            raise CheckpointError(str(path), problem, "Use the release that wrote it, or train again.")


def _narrow(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.to(torch.float16) if half and value.is_floating_point() else value
