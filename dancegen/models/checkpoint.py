"""What a file of weights is a model of: a dance model, the network of the perceptual loss, or the held-out extractor.

Each carries its settings, skeleton, poses a second and card, and works without its settings file.
"""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dancegen.errors import CheckpointError
from dancegen.models import weights_file
from dancegen.models.dance_model import DanceModel, build_generator
from dancegen.models.heldout import Heldout
from dancegen.models.stgcn import STGCN
from dancegen.motion.beats import RHYTHM_CHANNELS
from dancegen.settings.dance_model import DanceModelConfig
from dancegen.settings.heldout import HeldoutConfig
from dancegen.settings.stgcn import STGCNConfig

DANCE, PERCEPTUAL, HELDOUT = "dancegen.dance_model", "dancegen.perceptual_network", "dancegen.heldout_extractor"
FOLDER = Path(__file__).parents[1] / "checkpoints"
MAKE_ANOTHER = {
    DANCE: "Name another checkpoint, or train one: dancegen train-dance.",
    PERCEPTUAL: "Name another checkpoint, or train one: dancegen pretrain-perceptual.",
    HELDOUT: "Name another checkpoint, or train one: dancegen pretrain-perceptual kind=heldout.",
}


def shipped() -> Path:
    """The dance model that comes with the package."""
    return FOLDER / "dance.safetensors"


def shipped_perceptual() -> Path:
    """The network of the perceptual loss that comes with the package."""
    return FOLDER / "stgcn.safetensors"


def save(path: Path, model: DanceModel, card: dict[str, Any], half: bool = True) -> None:
    """Write a dance model, whole or not at all; with `half` its weights take two bytes each."""
    about = {
        "settings": model.config.model_dump(mode="json"),
        "fps": model.config.fps,
        "rhythm_channels": model.rhythm_channels,
        "card": card,
    }
    weights_file.write(path, DANCE, about, model.generator.state_dict(), half)


def load(path: Path) -> DanceModel:
    """The dance model of a file, in full precision. Raises CheckpointError for one that is missing or damaged."""
    remedy = MAKE_ANOTHER[DANCE]
    about, tensors = weights_file.read(path, DANCE, remedy)
    channels = about.get("rhythm_channels", [])
    if unknown := [name for name in channels if name not in RHYTHM_CHANNELS]:
        problem = f"hears {', '.join(map(repr, unknown))} in the rhythm, and this release knows {RHYTHM_CHANNELS}."
        raise CheckpointError(str(path), problem, "Use the release that wrote it, or train again.")
    try:
        config = DanceModelConfig.model_validate(with_former_defaults(about["settings"]))
        generator = weights_file.fill(build_generator(config, len(channels)), tensors)
        return DanceModel(generator, config, channels)
    except (ValidationError, KeyError, RuntimeError) as error:
        raise weights_file.unfit(path, error, remedy) from error


def load_to_train(path: Path, wanted: DanceModelConfig) -> DanceModel:
    """A dance model whose training can go on with these settings. Raises CheckpointError when it is of others.

    Another `generator.output` is accepted: tanh is near the identity where real poses are, and training does the rest.
    """
    model = load(path)
    remedy = "Train with the settings that it was trained with (model.*), or start anew."
    for name in ("fps", "normalization", "norm", "rhythm", "generator"):
        theirs, ours = getattr(model.config, name), getattr(wanted, name)
        if name == "generator":
            theirs = theirs.model_copy(update={"output": ours.output})
        if theirs != ours:
            raise CheckpointError(str(path), f"was trained with {name} {theirs!r}, and not with {ours!r}.", remedy)
    if model.rhythm_channels != RHYTHM_CHANNELS:
        raise CheckpointError(str(path), f"hears only {', '.join(model.rhythm_channels)} in the rhythm.", remedy)
    return model


def read_card(path: Path) -> dict[str, Any]:
    """What the file of a dance model says of how it was made."""
    about, _ = weights_file.read(path, DANCE, MAKE_ANOTHER[DANCE])
    return about.get("card", {})


def save_perceptual(
    path: Path, network: STGCN | Heldout, classes: list[str], card: dict[str, Any], half: bool = True
) -> None:
    """Write a network that sees dances, whole or not at all; `classes` are the names of its logits."""
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

    Raises CheckpointError for a file that is missing, damaged or of another kind, and when the network does not see
    dances as `model`, where it is given, makes them.
    """
    about, tensors = weights_file.read(path, PERCEPTUAL, MAKE_ANOTHER[PERCEPTUAL])
    try:
        network = STGCN(STGCNConfig.model_validate(about["settings"]), len(about["classes"]))
        frozen = weights_file.fill(network, tensors).eval().requires_grad_(False)
    except (ValidationError, KeyError, RuntimeError) as error:
        raise weights_file.unfit(path, error, MAKE_ANOTHER[PERCEPTUAL]) from error
    if model is not None:
        _check_sees(path, frozen.config, model)
    return frozen


def load_heldout(path: Path) -> Heldout:
    """The held-out extractor, frozen, in full precision. Raises CheckpointError like `load_perceptual`."""
    about, tensors = weights_file.read(path, HELDOUT, MAKE_ANOTHER[HELDOUT])
    try:
        network = Heldout(HeldoutConfig.model_validate(about["settings"]), len(about["classes"]))
        return weights_file.fill(network, tensors).eval().requires_grad_(False)
    except (ValidationError, KeyError, RuntimeError) as error:
        raise weights_file.unfit(path, error, MAKE_ANOTHER[HELDOUT]) from error


def read_perceptual_card(path: Path, kind: str = PERCEPTUAL) -> dict[str, Any]:
    """What the file of a network that sees dances says of how it was made."""
    about, _ = weights_file.read(path, kind, MAKE_ANOTHER[kind])
    return about.get("card", {})


def with_former_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a saved dance model. Settings that are younger than the file get their former values."""
    generator = settings["generator"]
    audio = {"hears": "waveform", **generator["audio"]}
    generator = {"rhythm_harmonics": 1, "output": "tanh", **generator, "audio": audio}
    return {"mirror_odd_seeds": False, **settings, "generator": generator}


def _check_sees(path: Path, network: STGCNConfig, model: DanceModelConfig) -> None:
    """Raise unless the network sees dances as the model makes them."""
    for name in ("normalization", "fps"):
        sees, makes = getattr(network, name), getattr(model, name)
        if sees != makes:
            raise CheckpointError(
                str(path),
                f"sees dances of {name} {sees!r}, and the dance model makes them of {makes!r}.",
                f"Train another: dancegen pretrain-perceptual stgcn.{name}={makes}, on clips that fit.",
            )
