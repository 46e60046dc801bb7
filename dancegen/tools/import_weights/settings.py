"""Settings of `dancegen import-weights`: the published weights -> a checkpoint."""

from typing import Annotated

from dancegen.config import Config, InputUri, Output, Uri


class ImportWeightsConfig(Config):
    """A published state dict to a checkpoint."""

    weights: InputUri
    """The state dict of the published generator or of the published ST-GCN, as torch.save wrote it."""
    output: Annotated[Uri, Output(file=True)]
    """The checkpoint to write."""
    overwrite: bool = False
    """Replace a file that is there and was not written by dancegen."""
