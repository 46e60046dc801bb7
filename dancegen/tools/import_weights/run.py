"""Conversion of the published weights to a checkpoint, without Ray."""

from pathlib import Path
from typing import Any

from dancegen import storage, tracking
from dancegen.checkpoints import checkpoint
from dancegen.checkpoints import person as people
from dancegen.errors import ConfigError
from dancegen.gan.dance_model import DanceModel
from dancegen.perceptual.stgcn import STGCN
from dancegen.tools.import_weights import person, released
from dancegen.tools.import_weights.settings import SHEET, ImportWeightsConfig, PersonConfig
from dancegen.tools.import_weights.sheet import contact_sheet


def run(config: ImportWeightsConfig) -> str:
    """Write the checkpoint in full precision. Returns the kind of network that it contains.

    Raises CheckpointError when the file contains none of the published networks, and ConfigError when the facts about a
    person are missing, or given for another network.
    """
    card = {
        "imported_from": storage.name(config.weights),
        "sha256": storage.content_hash(config.weights),
        "code_version": tracking.code_version(),
    }
    with storage.reading(config.weights) as source:
        kind, weights = released.read(source, config.weights)
    _check_person(kind, config)
    if config.person is not None:
        imported = person.load(weights, config.person, card, config.weights)
        with storage.writing(config.output) as target:
            people.save(target, imported, half=False)
        storage.write_bytes(config.output + SHEET, contact_sheet(imported, person.read_joints(config.person.poses)))
        return kind
    network = released.load(kind, weights, config.weights)
    with storage.writing(config.output) as target:
        _save(target, network, card)
    return kind


def _save(target: Path, network: DanceModel | STGCN, card: dict[str, Any]) -> None:
    if isinstance(network, DanceModel):
        checkpoint.save(target, network, card, half=False)
        return
    classes = [str(index) for index in range(network.fcn.out_channels)]  # the file does not contain their names
    checkpoint.save_perceptual(target, network, classes, card, half=False)


def _check_person(kind: str, config: ImportWeightsConfig) -> None:
    if kind == released.PERSON and config.person is None:
        facts = " ".join(f"person.{name}=..." for name in PersonConfig.model_fields)
        problem = f"contains a {kind}, but not how to draw its condition, nor who the person is."
        raise ConfigError(config.weights, problem, f"Give {facts}")
    if kind != released.PERSON and config.person is not None:
        problem = f"is set, but {config.weights} contains the published {kind}."
        raise ConfigError("person", problem, "Omit it.")
