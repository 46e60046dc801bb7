"""Settings of `dancegen import-weights`: the published weights -> a checkpoint."""

from dancegen.config import Config, InputUri, Uri


class ImportWeightsConfig(Config):
    """A published state dict to a checkpoint."""

    weights: InputUri
    """The state dict of the published generator or of the published ST-GCN, as torch.save wrote it."""
    output: Uri
    """The checkpoint to write."""
