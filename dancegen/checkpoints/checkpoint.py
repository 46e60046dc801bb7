"""Save and load dance models, networks of the perceptual loss, and held-out extractors.

Each file contains its settings, skeleton, poses per second and card, and needs no settings file.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from dancegen import storage
from dancegen.checkpoints import fits, weights_file
from dancegen.checkpoints.header import (
    DANCE,
    HELDOUT,
    PERCEPTUAL,
    SHIPPED,
    UNFIT,
    dance_settings,
    dance_styles,
    unfit,
)
from dancegen.errors import CheckpointError
from dancegen.gan.dance_model import DanceModel, build_network
from dancegen.gan.settings import DanceModelConfig
from dancegen.music.rhythm import RHYTHM_CHANNELS
from dancegen.perceptual.heldout import Heldout
from dancegen.perceptual.heldout_settings import HeldoutConfig
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import STGCNConfig


def shipped() -> Path:
    """The dance model that comes with the package."""
    return SHIPPED[DANCE]


def shipped_perceptual() -> Path:
    """The network of the perceptual loss that comes with the package."""
    return SHIPPED[PERCEPTUAL]


def save(path: Path, model: DanceModel, card: dict[str, Any], half: bool = True) -> None:
    """Write a dance model atomically; with `half` its weights take two bytes each."""
    about = {
        "settings": model.config.model_dump(mode="json"),
        "fps": model.config.fps,
        "rhythm_channels": model.rhythm_channels,
        "styles": model.styles,
        "card": card,
    }
    weights_file.write(path, DANCE, about, model.generator.state_dict(), half)


def load(path: Path) -> DanceModel:
    """The dance model of a file, in full precision. Raises CheckpointError if it is missing or damaged."""
    about, tensors = weights_file.read(path, DANCE)
    channels = about.get("rhythm_channels", [])
    if not isinstance(channels, list):
        raise unfit(str(path), TypeError("rhythm_channels is no list"), DANCE)
    if unknown := [name for name in channels if name not in RHYTHM_CHANNELS]:
        problem = f"uses the rhythm channels {', '.join(map(repr, unknown))}; this release supports {RHYTHM_CHANNELS}."
        raise CheckpointError(str(path), problem, "Use the release that wrote it, or train again.")
    styles = dance_styles(about, str(path))
    try:
        config = dance_settings(about)
        generator = weights_file.fill(build_network(config, len(channels), len(styles)), tensors)
        return DanceModel(generator, config, channels, styles)
    except UNFIT as error:
        raise unfit(str(path), error, DANCE) from error


def load_model(uri: str | None, device: str = "cpu") -> DanceModel:
    """The model of a checkpoint; the shipped model if `uri` is None."""
    with nullcontext(shipped()) if uri is None else storage.reading(uri) as path:
        model = load(path)
    model.generator.to(device)
    return model


def load_to_train(path: Path, wanted: DanceModelConfig) -> DanceModel:
    """A dance model to train further with these settings. Raises CheckpointError unless `fits.check_fine_tuning`."""
    model = load(path)
    fits.check_fine_tuning(str(path), model.config, model.rhythm_channels, wanted)
    return model


def read_card(path: Path) -> dict[str, Any]:
    """The card of a dance model's file: how the model was made."""
    about, _ = weights_file.read(path, DANCE)
    return about.get("card", {})


def save_perceptual(
    path: Path, network: STGCN | Heldout, classes: list[str], card: dict[str, Any], half: bool = True
) -> None:
    """Write a perceptual network or held-out extractor atomically; `classes` are the names of its logits."""
    about = {
        "settings": network.config.model_dump(mode="json"),
        "fps": network.config.fps,
        "normalization": network.config.normalization,
        "classes": classes,
        "card": card,
    }
    kind = PERCEPTUAL if isinstance(network, STGCN) else HELDOUT
    weights_file.write(path, kind, about, network.state_dict(), half)


def load_perceptual(path: Path, model: DanceModelConfig | None = None) -> STGCN:
    """The network of the perceptual loss, frozen, in full precision.

    Raises CheckpointError if the file is missing, damaged or of another kind, or if the network does not fit the dances
    that `model`, if given, generates.
    """
    about, tensors = weights_file.read(path, PERCEPTUAL)
    try:
        network = STGCN(STGCNConfig.model_validate(about["settings"]), len(about["classes"]))
        frozen = weights_file.fill(network, tensors).eval().requires_grad_(False)
    except UNFIT as error:
        raise unfit(str(path), error, PERCEPTUAL) from error
    if model is not None:
        fits.check_perceptual(str(path), frozen.config, model)
    return frozen


def load_heldout(path: Path) -> Heldout:
    """The held-out extractor, frozen, in full precision. Raises CheckpointError like `load_perceptual`."""
    about, tensors = weights_file.read(path, HELDOUT)
    try:
        network = Heldout(HeldoutConfig.model_validate(about["settings"]), len(about["classes"]))
        return weights_file.fill(network, tensors).eval().requires_grad_(False)
    except UNFIT as error:
        raise unfit(str(path), error, HELDOUT) from error


def read_perceptual_card(path: Path, kind: str = PERCEPTUAL) -> dict[str, Any]:
    """The card of a perceptual network's or held-out extractor's file: how the network was made."""
    about, _ = weights_file.read(path, kind)
    return about.get("card", {})
