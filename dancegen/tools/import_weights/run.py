"""Conversion of the published weights to a checkpoint, without Ray."""

from dancegen import storage, tracking
from dancegen.checkpoints import checkpoint
from dancegen.gan.dance_model import DanceModel
from dancegen.tools.import_weights import released
from dancegen.tools.import_weights.settings import ImportWeightsConfig


def run(config: ImportWeightsConfig) -> str:
    """Write the checkpoint in full precision. Returns the kind of network that it contains.

    Raises CheckpointError when the file contains neither of the published networks.
    """
    card = {
        "imported_from": storage.name(config.weights),
        "sha256": storage.content_hash(config.weights),
        "code_version": tracking.code_version(),
    }
    with storage.reading(config.weights) as source:
        network = released.load(source, config.weights)
    with storage.writing(config.output) as target:
        if isinstance(network, DanceModel):
            checkpoint.save(target, network, card, half=False)
            return released.GENERATOR
        classes = [str(index) for index in range(network.fcn.out_channels)]  # the file does not contain their names
        checkpoint.save_perceptual(target, network, classes, card, half=False)
        return released.PERCEPTUAL
