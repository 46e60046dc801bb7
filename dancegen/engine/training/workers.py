"""What the workers of all trainings share."""

from typing import Any

import ray.train.torch
import torch
from torch import nn


def wrap_ddp(network: nn.Module) -> nn.Module:
    """Place a network on this worker's device, and keep it equal on all workers."""
    return ray.train.torch.prepare_model(network, parallel_strategy_kwargs={"broadcast_buffers": False})


def all_gather(mine: Any, workers: int) -> list[Any]:
    """What each worker has, known to all of them, by rank."""
    parts = [mine] * workers
    if workers > 1:
        torch.distributed.all_gather_object(parts, mine)
    return parts
