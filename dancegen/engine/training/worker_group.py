"""What a worker of train_dance knows of the others, and where its run is kept: with Ray Train, or all by itself."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import ray.train
import ray.train.torch
import torch
from torch import nn

from dancegen import storage
from dancegen.engine.training.workers import wrap_ddp

STATE = "training.pt"  # in each checkpoint of Ray Train; the only one of a worker by itself


class WorkerGroup(Protocol):
    """The processes that train together, as one of them sees them."""

    rank: int
    workers: int
    device: torch.device

    def wrap_ddp(self, network: nn.Module) -> nn.Module:
        """Place a network on this worker's device, and keep it equal on all workers."""
        ...

    def newest(self) -> AbstractContextManager[Path | None]:
        """The file that the run goes on from, where there is one."""
        ...

    def report(self, metrics: dict[str, Any], state: dict[str, Any] | None) -> None:
        """Hand on numbers, all workers at once, and what the run goes on from: the first worker's, when it is due."""
        ...

    def leaving(self) -> set[int]:
        """Ranks of the workers whose machine is about to go away."""
        ...


class TrainGroup:
    """The workers of Ray Train."""

    def __init__(self) -> None:
        context = ray.train.get_context()
        self.rank, self.workers = context.get_world_rank(), context.get_world_size()
        self.device = ray.train.torch.get_device()

    def wrap_ddp(self, network: nn.Module) -> nn.Module:
        """With DDP where there are several."""
        return wrap_ddp(network)

    @contextmanager
    def newest(self) -> Iterator[Path | None]:
        """In Ray Train's newest checkpoint."""
        saved = ray.train.get_checkpoint()
        if saved is None:
            yield None
        else:
            with saved.as_directory() as folder:
                yield Path(folder, STATE)

    def report(self, metrics: dict[str, Any], state: dict[str, Any] | None) -> None:
        """To Ray Train's controller."""
        with tempfile.TemporaryDirectory(prefix="dancegen-") as folder:
            saved = None
            if state is not None:
                torch.save(state, Path(folder, STATE))
                saved = ray.train.Checkpoint.from_directory(folder)
            ray.train.report(metrics, checkpoint=saved)

    def leaving(self) -> set[int]:
        """As Ray is told by the cloud."""
        info = ray.train.get_preemption_info()
        return set(info.preempted_ranks) if info else set()


class Alone:
    """One worker in the process that there is: no process is started, and nothing is sent."""

    rank, workers = 0, 1

    def __init__(self, run_folder: str, use_gpu: bool, tell: Callable[[dict[str, Any]], None]) -> None:
        """`tell` takes the numbers of each report."""
        self.device = torch.device("cuda:0" if use_gpu else "cpu")
        self.saved = storage.join(run_folder, STATE)
        self.tell = tell

    def wrap_ddp(self, network: nn.Module) -> nn.Module:
        """On the device."""
        return network.to(self.device)

    @contextmanager
    def newest(self) -> Iterator[Path | None]:
        """The one file."""
        if storage.exists(self.saved):
            with storage.reading(self.saved) as path:
                yield path
        else:
            yield None

    def report(self, metrics: dict[str, Any], state: dict[str, Any] | None) -> None:
        """Tell first: whoever is killed in between tells an epoch twice, which is better than never."""
        self.tell(metrics)
        if state is not None:
            with storage.writing(self.saved) as path:
                torch.save(state, path)

    def leaving(self) -> set[int]:
        """Nobody says so here."""
        return set()
