"""Safetensors files of weights with metadata. Loading one runs no code.

The metadata contains, as JSON: `kind`, the format version, the settings, the skeleton, the poses per second, other
fields of the kind, and a card (training data, settings and result).
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
    """Write weights atomically; with `half` they take two bytes each."""
    stamp = {"kind": kind, "format": header.FORMAT_VERSION, "skeleton": COCO18.name, **about}
    tensors = {name: _narrow(value, half) for name, value in weights.items()}
    metadata = {name: json.dumps(value, ensure_ascii=False) for name, value in stamp.items()}
    storage.write_bytes(str(path), _in_order(safetensors.torch.save(tensors, metadata)))


def _in_order(content: bytes) -> bytes:
    """The same file with sorted metadata: safetensors writes it in random order."""
    header, data = parts(content)
    metadata = dict(sorted(header.pop("__metadata__").items()))
    text = json.dumps({"__metadata__": metadata, **header}, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors start at a multiple of eight bytes
    return struct.pack("<Q", len(text)) + text + data


def read(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The metadata and tensors of a file.

    Raises CheckpointError if it is missing, damaged, or of another kind, format or skeleton.
    """
    remedy = header.MAKE_ANOTHER[kind]
    if not Path(path).is_file():
        raise CheckpointError(str(path), "is not a file.", remedy)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (safetensors.SafetensorError, OSError) as error:
        raise header.damaged(str(path), error, remedy) from error
    about = header.decoded(metadata)
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
