"""A safetensors file of weights that says what they are: loading it runs no code.

Its metadata holds, as JSON: `kind`, the format version, the settings, the skeleton, the poses a second, whatever
else a kind needs, and a card (what it was trained on, with which settings, with what result).
"""

import json
import struct
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from dancegen import storage
from dancegen.checkpoints import header
from dancegen.checkpoints.identity import parts
from dancegen.errors import CheckpointError
from dancegen.skeleton import COCO18

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def write(path: Path, kind: str, about: dict[str, Any], weights: dict[str, Tensor], half: bool) -> None:
    """Write weights, whole or not at all; with `half` they take two bytes each."""
    stamp = {"kind": kind, "format": header.FORMAT_VERSION, "skeleton": COCO18.name, **about}
    tensors = {name: _narrow(value, half) for name, value in weights.items()}
    metadata = {name: json.dumps(value, ensure_ascii=False) for name, value in stamp.items()}
    storage.write_bytes(str(path), _in_order(safetensors.torch.save(tensors, metadata)))


def _in_order(content: bytes) -> bytes:
    """The same file with its header in order: safetensors writes the metadata in an order of chance."""
    header, data = parts(content)
    metadata = dict(sorted(header.pop("__metadata__").items()))
    text = json.dumps({"__metadata__": metadata, **header}, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of eight
    return struct.pack("<Q", len(text)) + text + data


def read(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a file says of itself, and its tensors.

    Raises CheckpointError when it is missing, damaged, or of another kind, format or skeleton.
    """
    remedy = header.MAKE_ANOTHER[kind]
    if not Path(path).is_file():
        raise CheckpointError(str(path), "is no file.", remedy)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (safetensors.SafetensorError, OSError) as error:
        raise header.damaged(str(path), error, remedy) from error
    about = header.said(metadata)
    header.check(about, str(path), kind)
    return about, tensors


def fill(network: ModuleT, tensors: dict[str, Tensor]) -> ModuleT:
    """The network with these weights, in its own precision. Raises RuntimeError or KeyError when they do not fit."""
    wanted = network.state_dict()
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in tensors.items()})
    return network


def _narrow(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.to(torch.float16) if half and value.is_floating_point() else value
