"""Settings of `dancegen import-weights`: the published weights -> a checkpoint."""

from typing import Annotated

from dancegen.config import Config, InputUri, Output, Uri


class ImportWeightsConfig(Config):
    """Convert a published state dict to a checkpoint."""

    weights: InputUri
    """State dict of the published generator or the published ST-GCN, as saved by torch.save."""
    output: Annotated[Uri, Output(file=True)]
    """Output checkpoint."""
    overwrite: bool = False
    """Replace an existing file that dancegen did not write."""
