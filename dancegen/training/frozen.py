"""Networks without gradients for their weights: what judges a generator is not trained by the generator's loss."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Disable the parameter gradients of these networks inside the block."""
    parameters = [parameter for network in networks for parameter in network.parameters()]
    for parameter in parameters:
        parameter.requires_grad_(False)
    yield
    for parameter in parameters:
        parameter.requires_grad_(True)
