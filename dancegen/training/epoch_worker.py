"""One process of a training in epochs: losses over all workers, divergence, checkpoints, the best model, reports.

What is trained, on what, and how it is judged are a subclass's. Workers agree on everything that they do together.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from dancegen import logs, storage, tracking
from dancegen.engine.progress import EventQueue
from dancegen.engine.training.worker_group import WorkerGroup
from dancegen.engine.training.workers import all_gather
from dancegen.errors import DivergedError
from dancegen.training.clips import Shard
from dancegen.training.divergence import DivergenceMonitor, nonfinite_network
from dancegen.training.epoch_progress import EpochProgress, resumed
from dancegen.training.meters import Mean, merged
from dancegen.training.model_selection import BestModel
from dancegen.training.settings import EpochRun
from dancegen.training.system_metrics import Machine

PICTURES = "pictures"  # subfolder of the run's folder
TELL_EVERY_S = 1.0
REMEDY = (
    "Set smaller learning rates (model.optimizer) or loss weights (model.losses), and another name. "
    "The earlier checkpoints are kept."
)


class EpochTraining(Protocol):
    """The networks and their optimizers: one update, and the state to resume from."""

    epoch: int
    updates: int

    def step(self, batch: Any) -> dict[str, Tensor]:
        """One update. Returns the losses, detached, by name."""
        ...

    def share_statistics(self) -> None:
        """Make running statistics equal on all workers."""
        ...

    def saved_weights(self) -> dict[str, Tensor]:
        """Weights of the model that is saved: the average (EMA) of the generator."""
        ...

    def state(self) -> dict[str, Any]:
        """The state that `load` resumes from: plain containers and tensors. Its `networks` are weights by name."""
        ...

    def load(self, state: dict[str, Any]) -> None:
        """Resume from a state. Raises CheckpointError if it does not fit."""
        ...


ConfigT = TypeVar("ConfigT", bound=EpochRun)
TrainingT = TypeVar("TrainingT", bound=EpochTraining)


class EpochWorker(ABC, Generic[ConfigT, TrainingT]):
    """One process of the training. A subclass sets `training` in its `__init__`."""

    training: TrainingT

    def __init__(
        self, config: ConfigT, monitor: str, data_hash: str, board: EventQueue | None, group: WorkerGroup
    ) -> None:
        """`monitor` is the validation metric that selects the best epoch."""
        self.group, self.rank, self.workers, self.device = group, group.rank, group.workers, group.device
        self.config, self.data_hash, self.board = config, data_hash, board if self.rank == 0 else None
        self.progress, self.divergence = EpochProgress(self.workers), DivergenceMonitor(config.diverged_factor)
        self.best, self.machine = BestModel(monitor), Machine(self.device)
        self.metrics: dict[str, float] = {}
        self.losses: dict[str, float] = {}  # means of the updates before the last synchronisation
        self.leaving: set[int] = set()
        self.told_at, self.saved_at = 0.0, time.monotonic()

    @abstractmethod
    def batches(self, share: Shard) -> Iterator[Any]:
        """A worker's batches of one epoch, on its device."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Metrics of the averaged generator on held-out data, over all workers. Called when validation is due."""

    @abstractmethod
    def show(self, folder: str) -> Iterator[str]:
        """Write pictures of the epoch to the folder; yields their URIs. Called on the first worker, when due."""

    @abstractmethod
    def save_model(self) -> None:
        """Write the best model, or the newest when none is chosen, with its card. Called on the first worker."""

    def begin(self) -> None:
        """Prepare a run that has no checkpoint yet, such as by loading the weights of another model."""

    def remedy(self, epoch: int) -> str:
        """What to do when the training diverged in this epoch."""
        return REMEDY

    def run(self) -> dict[str, Any]:
        """Train the remaining epochs. Returns `epoch` and `metrics` of the best model."""
        self.resume()
        self.log("worker started", workers=self.workers)
        while self.training.epoch < self.config.epochs:
            means = self.learn()
            self.training.share_statistics()
            self.training.epoch += 1
            self.progress = EpochProgress(self.workers)
            epoch = self.training.epoch
            found = self.validate() if self.due(self.config.validate_every) else {}
            self.metrics = {f"train/{name}": value for name, value in means.items()} | {
                f"validation/{name}": value for name, value in found.items()
            }
            self.log("epoch ended", metrics=self.metrics)
            self.choose()
            self.publish()
            self.report({"epoch": epoch, **self.metrics, **self.usage()}, self.due(self.config.checkpoint_every))
        if self.rank == 0:
            self.save_model()
        return {"metrics": self.best.metrics or self.metrics, "epoch": self.best.epoch or self.training.epoch}

    def due(self, every: int) -> bool:
        """Whether something that happens at every n-th epoch, and after the last one, happens now; 0 is never."""
        return bool(every) and (self.training.epoch % every == 0 or self.training.epoch == self.config.epochs)

    def resume(self) -> None:
        """Resume from the newest checkpoint, if there is one, else `begin`."""
        with self.group.newest() as path:
            state = path and torch.load(path, map_location=self.device, weights_only=True)
        if not state:
            self.begin()
            return
        self.training.load(state["training"])
        self.progress = resumed(state["within"], self.workers)
        self.divergence.load(state["watch"])
        self.best, self.metrics = BestModel.restored(state["best"]), state["metrics"]

    def learn(self) -> dict[str, float]:
        """Train the rest of the epoch. Returns the mean losses of the whole epoch over all workers."""
        before = self.progress.updates
        size, epoch = self.config.batch_size, self.training.epoch
        share = Shard(self.rank, self.workers, size, self.config.seed, epoch, done=before)
        mean, updates, started = Mean(), before, time.monotonic()
        looked_at = started
        self.report_progress(updates)
        for batch in self.batches(share):
            mean.add(self.training.step(batch))
            updates += 1
            self.report_progress(updates)
            if updates == self.progress.next_sync:
                self.sync(mean, updates, time.monotonic() - looked_at)
                mean, looked_at = Mean(), time.monotonic()
                self.save_inside()
        if updates > self.progress.updates:
            self.sync(mean, updates, time.monotonic() - looked_at)
        means = merged([self.progress.losses])
        done = (updates - before) * self.workers * size
        return {**means, f"{self.config.UNIT}_per_s": done / (time.monotonic() - started)} if done else means

    def sync(self, mean: Mean, updates: int, seconds: float) -> None:
        """Gather the losses of the last updates from all workers. On divergence all of them raise DivergedError."""
        parts = all_gather((mean.sums(), seconds), self.workers)
        losses = [sums for sums, _ in parts]
        epoch = self.training.epoch + 1
        self.losses = merged(losses)
        if wrong := self.divergence.check_losses(self.losses):
            raise self.diverged(*wrong, epoch)
        if network := nonfinite_network(self.training.state()["networks"]):
            raise self.diverged(f"{network} network", "has weights that are NaN or infinite", epoch)
        self.progress.record(updates, losses, max(seconds for _, seconds in parts))

    def diverged(self, what: str, problem: str, epoch: int) -> DivergedError:
        """The error that ends the run."""
        self.log("training diverged", logging.ERROR, what=what, problem=problem)
        where = f"in epoch {epoch} after {self.training.updates} updates."
        return DivergedError(what, f"{problem} {where}", self.remedy(epoch))

    def save_inside(self) -> None:
        """Save a checkpoint in the middle of an epoch: on a preemption notice, or when the last one is old."""
        mine = (time.monotonic() - self.saved_at) / 60, self.group.leaving()
        heard = all_gather(mine, self.workers)  # all must do the same, and some get the notice earlier
        minutes, ranks = heard[0][0], set().union(*(ranks for _, ranks in heard))
        old = 0 < self.config.checkpoint_minutes <= minutes
        warned = not ranks <= self.leaving
        if old or warned:
            self.training.share_statistics()
            # without the key `epoch`, so that it is not taken for a finished epoch
            self.report({"unfinished_epoch": self.training.epoch + 1, "updates": self.training.updates}, save=True)
            if warned:
                self.log("preemption notice", logging.WARNING, ranks=sorted(ranks))
            if self.board and warned:
                self.board.put(kind="leaving", ranks=sorted(ranks), updates=self.training.updates)
        self.leaving |= ranks  # Ray does not report the notice at every call

    def choose(self) -> None:
        """Keep the model of this epoch when it is the best so far."""
        if self.best.improved_by(self.metrics):
            weights = {name: value.detach().cpu().clone() for name, value in self.training.saved_weights().items()}
            self.best = BestModel(self.best.by, self.training.epoch, self.training.updates, self.metrics, weights)
            if self.rank == 0:
                self.save_model()

    def publish(self) -> None:
        """Write the pictures of this epoch when they are due, and report them to the driver."""
        if not self.board or not self.due(self.config.pictures_every):
            return
        for uri in self.show(storage.join(self.config.run_folder, PICTURES)):
            self.board.put(kind="file", name=f"{PICTURES}/{storage.name(uri)}", uri=uri)

    def report(self, metrics: dict[str, Any], save: bool) -> None:
        """Report metrics: all workers at once, the first one with the state to resume from when `save` is true."""
        self.group.report(metrics, self.state() if save and self.rank == 0 else None)
        if save:
            self.saved_at = time.monotonic()
            self.log("checkpoint saved")

    def state(self) -> dict[str, Any]:
        """Complete state to resume from: plain containers and tensors."""
        own = {"within": self.progress.state(), "watch": self.divergence.state(), "best": self.best.state()}
        return {"training": self.training.state(), "metrics": self.metrics, **own, **self.origin()}

    def card(self) -> dict[str, Any]:
        """How the best model was made, and its metrics."""
        best = self.best
        return {
            **self.origin(),
            "metrics": best.metrics or self.metrics,
            "chosen_by": best.by if best.epoch else "last epoch",
            "epoch": best.epoch or self.training.epoch,
            "updates": best.updates or self.training.updates,
            "epochs": self.training.epoch,
        }

    def best_weights(self) -> dict[str, Tensor]:
        """Weights of the best model, or the newest when none is chosen."""
        return self.best.weights or self.training.saved_weights()

    def origin(self) -> dict[str, Any]:
        """Provenance of the weights."""
        return {
            "settings": self.config.model_dump(mode="json"),
            "data_hash": self.data_hash,
            "code_version": tracking.code_version(),
        }

    def log(self, message: str, level: int = logging.INFO, **values: Any) -> None:
        """Log an event of this worker as a JSON line, where they are wanted."""
        done = {"epoch": self.training.epoch, "updates": self.training.updates}
        logs.event(message, level, run=self.config.name, rank=self.rank, **done, **values)

    def usage(self) -> dict[str, float]:
        """Mean resource usage of the workers' machines."""
        mine = {name: (value, 1.0) for name, value in self.machine.usage().items()}
        return merged(all_gather(mine, self.workers))

    def report_progress(self, updates: int) -> None:
        """Report the progress of this epoch, at most once per `TELL_EVERY_S`."""
        if self.board and time.monotonic() - self.told_at >= TELL_EVERY_S:
            self.told_at = time.monotonic()
            done = updates * self.workers * self.config.batch_size
            numbers = {"updates": self.training.updates, "losses": self.losses, "divergence": self.divergence.nearness}
            self.board.put(kind="steps", epoch=self.training.epoch + 1, items=done, **numbers)
