"""Functions that the workers of all trainings share."""

from typing import Any

import ray.train.torch
import torch
from torch import nn


def wrap_ddp(network: nn.Module) -> nn.Module:
    """Move a network to this worker's device, and keep it synchronized across workers (DDP)."""
    return ray.train.torch.prepare_model(network, parallel_strategy_kwargs={"broadcast_buffers": False})


def all_gather(mine: Any, workers: int) -> list[Any]:
    """The objects of all workers, by rank, on every worker."""
    parts = [mine] * workers
    if workers > 1:
        torch.distributed.all_gather_object(parts, mine)
    return parts
