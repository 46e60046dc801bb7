"""Published state dicts -> networks with exactly the outputs of the published layers.

In their published form the networks have the published parameter names and shapes, so importing is mostly validation.
The published generator was trained on 16-bit amplitudes without loudness normalisation. The scale is folded into the
first convolution (a factor of 2^15 is exact); normalisation is disabled by the setting `equal_loudness`. The ST-GCN's
graph is taken from the file.
"""

import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dancegen.errors import CheckpointError
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import PAPER
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import PAPER_STGCN
from dancegen.tools.import_weights import checked, released_generator

GENERATOR, PERCEPTUAL, PERSON = "generator", "ST-GCN", released_generator.KIND
# key prefix of each kind of network
MARKS = {"pose_generator.": GENERATOR, "st_gcn_networks.": PERCEPTUAL, released_generator.MARK: PERSON}
WRAPPED = "module."  # key prefix of a network that was trained on several devices
HEARS = "audio_encoder.encoder.cl.0.weight"  # weight of the first convolution on the audio
FULL_SCALE = 32768.0  # of the 16-bit audio that the published generator was trained on
PUBLISHED_CLASSES = 16

GENERATOR_CONFIG = PAPER.model_copy(update={"equal_loudness": False})
SAVE_WEIGHTS = "Give the state dict alone, as written by torch.save(network.state_dict(), FILE)."
# Raised by torch.load on damaged files, besides pickle's own error.
DAMAGE = (
    *(RuntimeError, EOFError, OSError, LookupError, ValueError, struct.error),
    *(AssertionError, TypeError, AttributeError),
)

Weights = dict[str, Any]  # values by parameter name: tensors in a valid file


def read(path: Path, subject: str) -> tuple[str, Weights]:
    """The kind of network in a file, and its weights. Raises CheckpointError when there is no published network."""
    return _find_weights(_unpickled(path, subject), subject)


def load(kind: str, weights: Weights, subject: str) -> DanceModel | STGCN:
    """The dance model or ST-GCN of published weights, in float32. Raises CheckpointError when they do not fit."""
    if kind == GENERATOR:
        generator = build_generator(GENERATOR_CONFIG)
        found = checked.weights(weights, generator, kind, subject)
        found[HEARS] = found[HEARS] * FULL_SCALE
        generator.load_state_dict(found)
        return DanceModel(generator, GENERATOR_CONFIG)
    network = STGCN(PAPER_STGCN, _classes(weights))
    network.load_state_dict(checked.weights(weights, network, kind, subject))
    return network.eval()


def _unpickled(path: Path, subject: str) -> Any:
    """Content of a file written by torch.save, loaded without executing code from it."""
    try:
        # The warnings concern pickle versions. Given a path instead of a file, torch would also load safetensors.
        with warnings.catch_warnings(action="ignore"), open(path, "rb") as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if named := re.search(r"GLOBAL ([\w.]+)", str(error)):
            problem = f"contains more than weights: loading it would execute code ({named[1]})."
            raise CheckpointError(subject, problem, SAVE_WEIGHTS) from error
        raise CheckpointError(subject, "is damaged, or was not written by torch.save.", SAVE_WEIGHTS) from error
    except DAMAGE as error:
        raise CheckpointError(subject, "is damaged, or was not written by torch.save.", SAVE_WEIGHTS) from error


def _find_weights(loaded: Any, subject: str) -> tuple[str, Weights]:
    """The kind of network and its weights, possibly nested as in {"state_dict": ...}, without the wrapper prefix."""
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
        raise CheckpointError(subject, f"contains several networks ({names}).", SAVE_WEIGHTS)
    keys = ", ".join(list(candidates[0])[: checked.TOLD]) if candidates else type(loaded).__name__
    problem = (
        f"contains neither the published generator nor the published ST-GCN nor a {PERSON}, but: {keys or 'nothing'}."
    )
    raise CheckpointError(subject, problem, SAVE_WEIGHTS)


def _classes(weights: Weights) -> int:
    last = weights.get("fcn.bias")
    return len(last) if isinstance(last, Tensor) and last.ndim == 1 and len(last) else PUBLISHED_CLASSES
