"""The published state dicts -> our networks, which give exactly what the published layers give.

Our networks in their published form have the published names and shapes, so importing is mostly checking. Two things
make the published generator hear as it did when it was trained: it knows songs at the amplitudes of 16-bit
sound, which its first convolution takes over (a factor of 2 to the 15 is exact), and as loud as they are, which is
a setting (`equal_loudness`). The ST-GCN's graph is taken from the file.
"""

import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dancegen.errors import CheckpointError
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import PAPER
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import PAPER_STGCN

GENERATOR, PERCEPTUAL = "generator", "ST-GCN"
MARKS = {"pose_generator.": GENERATOR, "st_gcn_networks.": PERCEPTUAL}  # how a kind's keys begin
WRAPPED = "module."  # before every key of a network that was trained on several devices
HEARS = "audio_encoder.encoder.cl.0.weight"  # of the convolution that meets the sound
FULL_SCALE = 32768.0  # of the 16-bit sound that the published generator was trained on
PUBLISHED_CLASSES = 16
TOLD = 3  # mistakes that a message names

GENERATOR_CONFIG = PAPER.model_copy(update={"equal_loudness": False})
SAVE_WEIGHTS = "Give the state dict alone, as torch.save(network.state_dict(), FILE) writes it."
# Seen from torch.load on damaged files, beside pickle's own error.
DAMAGE = (
    *(RuntimeError, EOFError, OSError, LookupError, ValueError, struct.error),
    *(AssertionError, TypeError, AttributeError),
)

Weights = dict[str, Any]  # what a file holds under the names of weights: tensors, when it is right


def load(path: Path, thing: str) -> DanceModel | STGCN:
    """The network of a published state dict, in float32. Raises CheckpointError for any other file."""
    kind, weights = _find_weights(_read(path, thing), thing)
    if kind == GENERATOR:
        generator = build_generator(GENERATOR_CONFIG)
        found = _checked(weights, generator, kind, thing)
        found[HEARS] = found[HEARS] * FULL_SCALE
        generator.load_state_dict(found)
        return DanceModel(generator, GENERATOR_CONFIG)
    network = STGCN(PAPER_STGCN, _classes(weights))
    network.load_state_dict(_checked(weights, network, kind, thing))
    return network.eval()


def _read(path: Path, thing: str) -> Any:
    """What torch.save wrote, without running anything that the file may ask for."""
    try:
        # Warnings are about versions of pickle. Given a path and not a file, torch takes safetensors, ours among them.
        with warnings.catch_warnings(action="ignore"), open(path, "rb") as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if named := re.search(r"GLOBAL ([\w.]+)", str(error)):
            problem = f"holds more than weights: loading it would run code ({named[1]})."
            raise CheckpointError(thing, problem, SAVE_WEIGHTS) from error
        raise CheckpointError(thing, "is damaged, or not from torch.save.", SAVE_WEIGHTS) from error
    except DAMAGE as error:
        raise CheckpointError(thing, "is damaged, or not from torch.save.", SAVE_WEIGHTS) from error


def _find_weights(loaded: Any, thing: str) -> tuple[str, Weights]:
    """The kind of network and its weights, also one level down, as in {"state_dict": ...}; bare names."""
    inside = loaded.values() if isinstance(loaded, Mapping) else ()
    candidates = [
        {str(key).removeprefix(WRAPPED): value for key, value in one.items()}
        for one in (loaded, *inside)
        if isinstance(one, Mapping)
    ]
    found = [(MARKS[mark], one) for one in candidates for mark in MARKS if any(key.startswith(mark) for key in one)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(kind for kind, _ in found)
        raise CheckpointError(thing, f"holds several networks ({names}).", SAVE_WEIGHTS)
    keys = ", ".join(list(candidates[0])[:TOLD]) if candidates else type(loaded).__name__
    problem = f"holds neither the published generator nor the published ST-GCN, but: {keys or 'nothing'}."
    raise CheckpointError(thing, problem, SAVE_WEIGHTS)


def _classes(weights: Weights) -> int:
    last = weights.get("fcn.bias")
    return len(last) if isinstance(last, Tensor) and last.ndim == 1 and len(last) else PUBLISHED_CLASSES


def _checked(weights: Weights, network: nn.Module, kind: str, thing: str) -> dict[str, Tensor]:
    """The weights in the types of the network. Raises CheckpointError that names the first that do not fit."""
    wanted = network.state_dict()
    names = [*wanted, *(name for name in weights if name not in wanted)]
    wrong = [told for name in names if (told := _misfit(name, wanted.get(name), weights.get(name)))]
    if wrong:
        more = f"; and {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
        problem = f"does not fit the published {kind}: {'; '.join(wrong[:TOLD])}{more}."
        raise CheckpointError(thing, problem, "Give the state dict as it was published.")
    return {name: weights[name].to(value.dtype) for name, value in wanted.items()}


def _misfit(name: str, wanted: Tensor | None, given: Any) -> str | None:
    """What is wrong with one weight, if anything is."""
    if wanted is None:
        shape = f" {tuple(given.shape)}" if isinstance(given, Tensor) else ""
        return f"{name}{shape} is not in it"
    shape = tuple(wanted.shape)
    if given is None:
        return f"{name} {shape} is missing"
    if not isinstance(given, Tensor) or given.layout != torch.strided or given.is_meta:
        return f"{name} is no tensor of numbers"
    if given.shape != wanted.shape:
        return f"{name} is {tuple(given.shape)} and should be {shape}"
    if wanted.is_floating_point() and not given.is_floating_point():
        return f"{name} is {str(given.dtype).removeprefix('torch.')} and should be float32"
    return None if given.to(wanted.dtype).isfinite().all() else f"{name} holds NaN or infinity"
