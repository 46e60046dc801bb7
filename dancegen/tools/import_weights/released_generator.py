"""Published state dicts of pix2pixHD generators -> a generator of a person, with exactly the same outputs.

The architecture follows from the names and shapes. Buffers of old normalisation layers are dropped: instance
normalisation does not use them. What no file contains (size, background and range of the condition, memory of the
previous picture) are settings. Conditions of this package are in [-1, 1]: for a generator that was trained on [0, 1],
the first convolutions are changed, which is exact because their padding is by reflection.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dancegen.errors import CheckpointError, ConfigError
from dancegen.renderer.condition import STICK_FIGURE_CHANNELS
from dancegen.renderer.networks.layers import PICTURE_CHANNELS
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.settings import PAPER, GeneratorConfig, RendererConfig
from dancegen.tools.import_weights import checked
from dancegen.tools.import_weights.settings import PersonConfig

KIND = "generator of pix2pixHD"
MARK = "model.1.weight"  # first convolution of a global generator
ENHANCER_MARK = "model1_1.1.weight"  # first convolution of a local enhancer
AFFINE_MARK = "model.2.weight"  # of a normalisation with learnt scales
FIRST_CONVOLUTIONS = (MARK, ENHANCER_MARK)
OLD_BUFFERS = (".running_mean", ".running_var", ".num_batches_tracked")
MAX_DOWNSAMPLINGS = 8
LAYERS_BEFORE_DOWNSAMPLING, LAYERS_OF_DOWNSAMPLING = 4, 3
OTHER = "Give the generator of pix2pixHD (netG) with instance normalisation."


def load(weights: Mapping[str, Any], person: PersonConfig, subject: str) -> PersonGenerator:
    """The generator of a state dict, in float32.

    Raises CheckpointError when the weights are not those of a supported generator, and ConfigError when they contradict
    the settings.
    """
    weights = {name: value for name, value in weights.items() if not name.endswith(OLD_BUFFERS)}
    config = settings(weights, person, subject)
    with torch.device("meta"):  # no memory is used for sizes that the file only claims
        network = PersonGenerator(config)
    found = checked.weights(weights, network.generator, KIND, subject)
    found = _for_signed(found) if person.condition_range == "unit" else found
    network.generator.load_state_dict(found, assign=True)
    return network.eval()


def settings(weights: Mapping[str, Any], person: PersonConfig, subject: str) -> RendererConfig:
    """The settings of a generator of these weights. Raises as `load` does."""
    _check_inputs(_shape(weights, MARK, subject)[1], person, subject)
    return PAPER.model_copy(
        update={
            "height_px": person.height_px,
            "width_px": person.width_px,
            "generator": architecture(weights, subject),
            "condition": PAPER.condition.model_copy(update={"theme": person.background}),
            "previous_frame": person.previous_frame,
        }
    )


def architecture(weights: Mapping[str, Any], subject: str) -> GeneratorConfig:
    """Kind and sizes of the generator. Raises CheckpointError when they do not follow from the weights."""
    if any(name.startswith("model2_") for name in weights):
        raise CheckpointError(subject, "has more than one local enhancer; one is supported.", OTHER)
    if AFFINE_MARK in weights:
        raise CheckpointError(subject, "has batch normalisation; instance normalisation is supported.", OTHER)
    blocks = _blocks(weights, "model")
    depth = min(blocks, default=0) - LAYERS_BEFORE_DOWNSAMPLING
    if not 0 < depth <= LAYERS_OF_DOWNSAMPLING * MAX_DOWNSAMPLINGS or depth % LAYERS_OF_DOWNSAMPLING:
        problem = f"does not match the published {KIND}: residual blocks are in the layers {blocks} of `model`."
        raise CheckpointError(subject, problem, OTHER)
    enhanced = ENHANCER_MARK in weights
    return GeneratorConfig(
        kind="local_enhancer" if enhanced else "global",
        width=_shape(weights, ENHANCER_MARK if enhanced else MARK, subject)[0],
        downsamplings=depth // LAYERS_OF_DOWNSAMPLING,
        blocks=len(blocks),
        enhancer_blocks=len(_blocks(weights, "model1_2")) if enhanced else GeneratorConfig().enhancer_blocks,
    )


def _blocks(weights: Mapping[str, Any], part: str) -> list[int]:
    """Positions of the residual blocks in a part of the network."""
    found = (re.match(rf"{part}\.(\d+)\.conv_block\.", name) for name in weights)
    return sorted({int(match[1]) for match in found if match})


def _shape(weights: Mapping[str, Any], name: str, subject: str) -> tuple[int, ...]:
    value = weights.get(name)
    if not isinstance(value, Tensor) or value.ndim != 4 or not value.numel():
        raise CheckpointError(subject, f"does not match the published {KIND}: {name} is not of a convolution.", OTHER)
    return tuple(value.shape)


def _check_inputs(found: int, person: PersonConfig, subject: str) -> None:
    """Six channels are a pose and the previous picture, or some other condition of six: that is not guessed."""
    wanted = STICK_FIGURE_CHANNELS + (PICTURE_CHANNELS if person.previous_frame else 0)
    if found == wanted:
        return
    told = f"person.previous_frame={str(person.previous_frame).lower()}"
    if found == STICK_FIGURE_CHANNELS + PICTURE_CHANNELS:
        problem = f"contradicts {subject}, whose generator has {found} input channels, and not {wanted}."
        raise ConfigError(told, problem, "Give true if they are a pose and the previous picture (Everybody Dance Now).")
    if found == STICK_FIGURE_CHANNELS:
        problem = f"contradicts {subject}, whose generator has {found} input channels, and not {wanted}."
        raise ConfigError(told, problem, "Give false for a generator whose input is the pose alone.")
    problem = f"has {found} input channels, but a stick figure has {STICK_FIGURE_CHANNELS}."
    raise CheckpointError(subject, problem, "Give a generator whose condition is a stick figure in colour.")


def _for_signed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights for a condition in [-1, 1], of those for the same condition in [0, 1]: it is (x + 1) / 2."""
    changed = dict(weights)
    for name in FIRST_CONVOLUTIONS:
        if name in weights:
            weight, bias = weights[name].clone(), name.replace("weight", "bias")
            weight[:, :STICK_FIGURE_CHANNELS] /= 2
            changed[name] = weight
            changed[bias] = weights[bias] + weight[:, :STICK_FIGURE_CHANNELS].sum((1, 2, 3))
    return changed
