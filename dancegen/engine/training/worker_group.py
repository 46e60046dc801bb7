"""A training worker's interface to the others, and where its run is stored: with Ray Train, or alone."""

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

STATE = "training.pt"  # in each checkpoint of Ray Train; the only file of a worker alone


class WorkerGroup(Protocol):
    """The interface of one worker to the processes that train together."""

    rank: int
    workers: int
    device: torch.device

    def wrap_ddp(self, network: nn.Module) -> nn.Module:
        """Move a network to this worker's device, and keep it synchronized across workers."""
        ...

    def newest(self) -> AbstractContextManager[Path | None]:
        """The file that the run resumes from, or None."""
        ...

    def report(self, metrics: dict[str, Any], state: dict[str, Any] | None) -> None:
        """Report metrics, on all workers at once; the first worker adds the state to resume from when it is due."""
        ...

    def leaving(self) -> set[int]:
        """Ranks of the workers whose node has a preemption notice."""
        ...


class TrainGroup:
    """The workers of Ray Train."""

    def __init__(self) -> None:
        context = ray.train.get_context()
        self.rank, self.workers = context.get_world_rank(), context.get_world_size()
        self.device = ray.train.torch.get_device()

    def wrap_ddp(self, network: nn.Module) -> nn.Module:
        """With DDP where there are several workers."""
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
        """From the cloud's preemption notices, as reported by Ray."""
        info = ray.train.get_preemption_info()
        return set(info.preempted_ranks) if info else set()


class Alone:
    """A single worker in the current process: no process is started, and nothing is sent."""

    rank, workers = 0, 1

    def __init__(self, run_folder: str, use_gpu: bool, tell: Callable[[dict[str, Any]], None]) -> None:
        """`tell` is called with the metrics of each report."""
        self.device = torch.device("cuda:0" if use_gpu else "cpu")
        self.saved = storage.join(run_folder, STATE)
        self.tell = tell

    def wrap_ddp(self, network: nn.Module) -> nn.Module:
        """On the device."""
        return network.to(self.device)

    @contextmanager
    def newest(self) -> Iterator[Path | None]:
        """The only state file."""
        if storage.exists(self.saved):
            with storage.reading(self.saved) as path:
                yield path
        else:
            yield None

    def report(self, metrics: dict[str, Any], state: dict[str, Any] | None) -> None:
        """Report first: when killed in between, an epoch is reported twice, which is better than never."""
        self.tell(metrics)
        if state is not None:
            with storage.writing(self.saved) as path:
                torch.save(state, path)

    def leaving(self) -> set[int]:
        """Empty: a single process receives no preemption notices."""
        return set()
