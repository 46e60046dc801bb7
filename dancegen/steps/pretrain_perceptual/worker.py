"""Worker of pretrain_perceptual."""

import time
from typing import Any

import torch

from dancegen import logs, storage, tracking
from dancegen.checkpoints import checkpoint
from dancegen.engine.progress import EventQueue
from dancegen.engine.training.worker_group import TrainGroup, WorkerGroup
from dancegen.engine.training.workers import all_gather
from dancegen.steps.pretrain_perceptual.clips import DatasetSummary, PoseClips
from dancegen.steps.pretrain_perceptual.settings import PretrainPerceptualConfig
from dancegen.steps.pretrain_perceptual.training import PerceptualTraining, chance_accuracy
from dancegen.training.clips import EVERY_CLIPS, Shard, batches_per_epoch
from dancegen.training.meters import Mean, merged, not_finite
from dancegen.training.statistics import share_statistics

TELL_EVERY_S = 1.0
CHECK_STEPS = 100  # updates between two checks for NaN inside an epoch


def work(settings: dict[str, Any]) -> dict[str, Any]:
    """Train to the last epoch. Returns the last `metrics`, or `diverged` with the loss that became NaN or Inf."""
    config = PretrainPerceptualConfig.model_validate(settings["config"])
    return Worker(config, settings["data"], settings["board"], TrainGroup()).run()


def result_uri(config: PretrainPerceptualConfig) -> str:
    """URI of the finished network."""
    return storage.join(config.output, f"{config.kind}.safetensors")


class Worker:
    """One process of the training."""

    def __init__(
        self, config: PretrainPerceptualConfig, data: DatasetSummary, board: EventQueue | None, group: WorkerGroup
    ) -> None:
        self.group, self.rank, self.workers = group, group.rank, group.workers
        self.config, self.data, self.board = config, data, board if self.rank == 0 else None
        updates = config.epochs * batches_per_epoch(data.train, self.workers, config.batch_size, config.clips)
        self.training = PerceptualTraining(config, len(data.categories), updates, wrap=group.wrap_ddp, stream=self.rank)
        self.metrics: dict[str, float] = {}
        self.losses: dict[str, float] = {}  # means of this epoch at the last check
        self.told_at = 0.0
        normalization = config.network.normalization
        self.clips = PoseClips(config.clips, "train", normalization, data)
        self.validation_clips = PoseClips(config.clips, "validation", normalization, data)

    def run(self) -> dict[str, Any]:
        """Train the remaining epochs."""
        self.resume()
        logs.event("worker started", **self.place(), workers=self.workers)
        while self.training.epoch < self.config.epochs:
            means = self.learn()
            if wrong := not_finite(means):
                return {"diverged": wrong, "epoch": self.training.epoch + 1}
            self.training.epoch += 1
            share_statistics(self.training.student)
            self.metrics = {f"train/{name}": value for name, value in means.items()} | self.validate()
            logs.event("epoch ended", **self.place(), metrics=self.metrics)
            self.report()
        if self.rank == 0:
            self.save_network()
        return {"metrics": self.metrics}

    def resume(self) -> None:
        """Resume from the newest checkpoint, if there is one."""
        with self.group.newest() as path:
            state = path and torch.load(path, map_location=self.training.device, weights_only=True)
        if state:
            self.training.load(state["training"])
            self.metrics = state["metrics"]

    def learn(self) -> dict[str, float]:
        """Train one epoch. Returns the means over all workers; ends early when one is NaN or Inf."""
        share = Shard(self.rank, self.workers, self.config.batch_size, self.config.seed, self.training.epoch)
        mean, steps, started = Mean(), 0, time.monotonic()
        self.report_progress(0)
        for dances in self.clips.epoch(share):
            mean.add(self.training.step(dances))
            steps += 1
            self.report_progress(steps)
            if steps % CHECK_STEPS == 0:
                self.losses = self.over_workers(mean)
                if not_finite(self.losses):
                    return self.losses
        clips = steps * self.workers * self.config.batch_size
        return self.over_workers(mean) | {"clips_per_s": clips / (time.monotonic() - started)}

    def validate(self) -> dict[str, float]:
        """Metrics on the validation clips; empty when validation is not due or there are no such clips."""
        due = self.training.epoch % self.config.validate_every == 0 or self.training.epoch == self.config.epochs
        if not due or not len(self.validation_clips):
            return {}
        mean = Mean()
        for number, dances in enumerate(self.validation_clips.every(self.rank, self.workers, EVERY_CLIPS)):
            mean.add(self.training.validate(dances, self.rank + number * self.workers), weight=len(dances.pose))
        return {f"validation/{name}": value for name, value in self.over_workers(mean).items()}

    def report(self) -> None:
        """Report the epoch: all workers at once, the first one with the state to resume from when that is due."""
        epoch = self.training.epoch
        due = epoch % self.config.checkpoint_every == 0 or epoch == self.config.epochs
        self.group.report({"epoch": epoch, **self.metrics}, self.state() if self.rank == 0 and due else None)

    def state(self) -> dict[str, Any]:
        """Complete state to resume from: plain containers and tensors."""
        return {"training": self.training.state(), "metrics": self.metrics, **self.origin()}

    def save_network(self) -> None:
        """Write the finished network with its card."""
        card = {
            **self.origin(),
            "metrics": self.metrics,
            "chance": chance_accuracy(len(self.data.categories), self.data.largest_share),
            "clips": self.data.train,
            "songs": len(self.data.songs),
            "epochs": self.training.epoch,
            "updates": self.training.updates,
        }
        with storage.writing(result_uri(self.config)) as path:
            checkpoint.save_perceptual(path, self.training.network, list(self.data.categories), card)

    def origin(self) -> dict[str, Any]:
        """Provenance of the weights."""
        return {
            "settings": self.config.model_dump(mode="json"),
            "data_hash": self.data.data_hash,
            "code_version": tracking.code_version(),
        }

    def place(self) -> dict[str, Any]:
        """Where this worker is in the training, for its events."""
        done = {"epoch": self.training.epoch, "updates": self.training.updates}
        return {"run": self.config.name, "rank": self.rank, **done}

    def over_workers(self, mean: Mean) -> dict[str, float]:
        """The means over all workers, on every worker."""
        return merged(all_gather(mean.sums(), self.workers))

    def report_progress(self, steps: int) -> None:
        """Report the progress of this epoch, at most once per `TELL_EVERY_S`."""
        if self.board and time.monotonic() - self.told_at >= TELL_EVERY_S:
            self.told_at = time.monotonic()
            clips = steps * self.workers * self.config.batch_size
            numbers = {"updates": self.training.updates, "losses": self.losses, "divergence": None}
            self.board.put(kind="steps", epoch=self.training.epoch + 1, items=clips, **numbers)
