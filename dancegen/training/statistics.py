"""Running statistics, as of batch norm: they differ between workers during training and are averaged over them."""

from collections.abc import Sequence

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def share_statistics(*networks: nn.Module) -> None:
    """Average the statistics over all workers. Does nothing without other workers; all must call it at the same time.

    The statistics are linear in those of each batch, so the time of averaging does not matter.
    """
    share([buffer for network in networks for buffer in _statistics(network)])


def share(found: Sequence[Tensor]) -> None:
    """Average these over all workers, in place; as `share_statistics`."""
    if not found or not torch.distributed.is_initialized():
        return
    flat = torch.cat([buffer.flatten() for buffer in found])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for buffer, mean in zip(found, flat.split([buffer.numel() for buffer in found]), strict=True):
        buffer.copy_(mean.view_as(buffer))


def _statistics(network: nn.Module) -> list[Tensor]:
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    kept = [buffer for layer in layers for buffer in (layer.running_mean, layer.running_var)]
    return [buffer for buffer in kept if buffer is not None]
