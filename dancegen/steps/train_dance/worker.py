"""Worker of train_dance; its interface to the other workers is in `worker_group`."""

import time
from contextlib import nullcontext
from typing import Any

import torch

from dancegen import storage, tracking
from dancegen.checkpoints import checkpoint
from dancegen.engine.progress import EventQueue
from dancegen.engine.training.worker_group import TrainGroup, WorkerGroup
from dancegen.engine.training.workers import all_gather
from dancegen.errors import CheckpointError, DivergedError
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.perceptual.stgcn import STGCN
from dancegen.training.divergence import POSE_ERROR, DivergenceMonitor, nonfinite_network
from dancegen.training.epoch_progress import EpochProgress, resumed
from dancegen.training.model_selection import BestModel
from dancegen.steps.train_dance.settings import TrainDanceConfig
from dancegen.training.system_metrics import Machine
from dancegen.steps.train_dance.training import DanceTraining
from dancegen.steps.train_dance.validation import score_clips, summarize
from dancegen.training.clips import EVERY_CLIPS, Clips, Shard
from dancegen.training.meters import Mean, merged
from dancegen.training.pictures import SideBySide

MODEL = "dance.safetensors"  # the best model, in the run's output
PICTURES = "pictures"  # subfolder of the run's folder
PICTURED = 4  # validation clips in an image
TELL_EVERY_S = 1.0
REMEDY = (
    "Set smaller learning rates (model.optimizer) or loss weights (model.losses), and another name. "
    "The earlier checkpoints are kept."
)
REMEDY_SECOND_STAGE = (
    "Set smaller weights for the losses of the second stage (model.losses.perceptual, adversarial_local, "
    "adversarial_global, feature_matching), a smaller model.losses.gradient_limit, or more model.losses.ramp_updates, "
    "and another name. The earlier checkpoints are kept."
)


def work(settings: dict[str, Any]) -> dict[str, Any]:
    """Train to the last epoch. Returns the best model's `epoch` and `metrics`, or the `error` that all workers raised.

    Errors that a restart cannot fix are returned, not raised: Ray Train would restart the run.
    """
    return train(
        TrainDanceConfig.model_validate(settings["config"]), settings["data_hash"], settings["board"], TrainGroup()
    )


def train(config: TrainDanceConfig, data_hash: str, board: EventQueue | None, group: WorkerGroup) -> dict[str, Any]:
    """As `work`, for any group of workers."""
    try:
        return Worker(config, data_hash, board, group).run()
    except (DivergedError, CheckpointError) as error:
        return {"error": error}


class Worker:
    """One process of the training."""

    def __init__(self, config: TrainDanceConfig, data_hash: str, board: EventQueue | None, group: WorkerGroup) -> None:
        self.group, self.rank, self.workers, self.device = group, group.rank, group.workers, group.device
        self.config, self.data_hash, self.board = config, data_hash, board if self.rank == 0 else None
        perceptual = load_perceptual(config)
        self.training = DanceTraining(
            config.model,
            config.seed,
            wrap=group.wrap_ddp,
            rank=self.rank,
            workers=self.workers,
            perceptual=perceptual and perceptual.to(self.device),
            precision=config.precision,
            compiled=config.compile,
        )
        self.clips = Clips(config.clips, "train", config.model.normalization)
        self.validation_clips = Clips(config.clips, "validation", config.model.normalization)
        self.progress, self.monitor = EpochProgress(self.workers), DivergenceMonitor(config.diverged_factor)
        self.best, self.machine = BestModel(config.monitor), Machine(self.device)
        self.metrics: dict[str, float] = {}
        self.leaving: set[int] = set()
        self.told_at, self.saved_at = 0.0, time.monotonic()

    def run(self) -> dict[str, Any]:
        """Train the remaining epochs."""
        self.resume()
        while self.training.epoch < self.config.epochs:
            means = self.learn()
            self.training.share_statistics()
            self.training.epoch += 1
            self.progress = EpochProgress(self.workers)
            epoch = self.training.epoch
            self.metrics = {f"train/{name}": value for name, value in means.items()} | self.validate()
            self.choose()
            self.show()
            due = epoch % self.config.checkpoint_every == 0 or epoch == self.config.epochs
            self.report({"epoch": epoch, **self.metrics, **self.usage()}, due)
        if self.rank == 0:
            self.save_model()
        return {"metrics": self.best.metrics or self.metrics, "epoch": self.best.epoch or self.training.epoch}

    def resume(self) -> None:
        """Resume from the newest checkpoint, if there is one, else start from the model in `start`."""
        with self.group.newest() as path:
            state = path and torch.load(path, map_location=self.device, weights_only=True)
        if state:
            self.training.load(state["training"])
            self.progress = resumed(state["within"], self.workers)
            self.monitor.load(state["watch"])
            self.best, self.metrics = BestModel.restored(state["best"]), state["metrics"]
        elif model := load_start(self.config):
            self.training.start_from(model.generator)

    def learn(self) -> dict[str, float]:
        """Train the rest of the epoch. Returns the mean losses of the whole epoch over all workers."""
        before = self.progress.updates
        share = Shard(
            self.rank, self.workers, self.config.batch_size, self.config.seed, self.training.epoch, done=before
        )
        mean, updates, started = Mean(), before, time.monotonic()
        looked_at = started
        self.report_progress(updates)
        for batch in self.clips.epoch(share):
            mean.add(self.training.step(batch.to(self.device)))
            updates += 1
            self.report_progress(updates)
            if updates == self.progress.next_sync:
                self.sync(mean, updates, time.monotonic() - looked_at)
                mean, looked_at = Mean(), time.monotonic()
                self.save_inside()
        if updates > self.progress.updates:
            self.sync(mean, updates, time.monotonic() - looked_at)
        means = merged([self.progress.losses])
        clips = (updates - before) * self.workers * self.config.batch_size
        return {**means, "clips_per_s": clips / (time.monotonic() - started)} if clips else means

    def sync(self, mean: Mean, updates: int, seconds: float) -> None:
        """Gather the losses of the last updates from all workers. On divergence all of them raise DivergedError."""
        parts = all_gather((mean.sums(), seconds), self.workers)
        losses = [sums for sums, _ in parts]
        epoch = self.training.epoch + 1
        if wrong := self.monitor.check_losses(merged(losses)):
            raise self.diverged(*wrong, epoch)
        if network := nonfinite_network(self.training.state()["networks"]):
            raise self.diverged(f"{network} network", "has weights that are NaN or infinite", epoch)
        self.progress.record(updates, losses, max(seconds for _, seconds in parts))

    def diverged(self, what: str, problem: str, epoch: int) -> DivergedError:
        """The error that ends the run. Its remedy names the second stage's weights once those losses are active."""
        weights = self.config.model.losses
        staged = 0 < weights.adversarial_from_epoch < epoch
        where = f"in epoch {epoch} after {self.training.updates} updates."
        return DivergedError(what, f"{problem} {where}", REMEDY_SECOND_STAGE if staged else REMEDY)

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
            if self.board and warned:
                self.board.put(kind="leaving", ranks=sorted(ranks), updates=self.training.updates)
        self.leaving |= ranks  # Ray does not report the notice at every call

    def validate(self) -> dict[str, float]:
        """Metrics of the averaged (EMA) generator on the validation clips; empty when not due or without such clips."""
        epoch = self.training.epoch
        due = epoch % self.config.validate_every == 0 or epoch == self.config.epochs
        if not due or not len(self.validation_clips):
            return {}
        mean, rows = Mean(), []
        for batch in self.validation_clips.every(self.rank, self.workers, EVERY_CLIPS):
            seen = batch.to(self.device)
            dances = self.training.dances(seen)
            mean.add(self.training.validate(seen, dances), weight=len(batch.pose))
            rows += score_clips(batch, dances, self.config.model)
        parts = all_gather((mean.sums(), rows), self.workers)
        found = merged([sums for sums, _ in parts]) | summarize(row for _, rows in parts for row in rows)
        if problem := self.monitor.check_held_out(found[POSE_ERROR]):
            raise self.diverged(POSE_ERROR, problem, epoch)
        return {f"validation/{name}": value for name, value in found.items()}

    def choose(self) -> None:
        """Keep the model of this epoch when it is the best so far."""
        if self.best.improved_by(self.metrics):
            weights = {name: value.detach().cpu().clone() for name, value in self.training.ema.state_dict().items()}
            self.best = BestModel(self.best.by, self.training.epoch, self.training.updates, self.metrics, weights)
            if self.rank == 0:
                self.save_model()

    def show(self) -> None:
        """Write real and generated dances of a few validation clips side by side, always the same clips and noise."""
        every, epoch = self.config.pictures_every, self.training.epoch
        due = every and (epoch % every == 0 or epoch == self.config.epochs)
        if not self.board or not due or not len(self.validation_clips):
            return
        batch = self.validation_clips.some(PICTURED)
        both = SideBySide(batch, self.training.dances(batch.to(self.device)), self.config.model)
        for ending, write in ((".png", both.write_picture), (".mp4", both.write_video)):
            uri = storage.join(self.config.run_folder, PICTURES, f"epoch-{epoch:05d}{ending}")
            with storage.writing(uri) as path:
                write(path)
            self.board.put(kind="file", name=f"{PICTURES}/{storage.name(uri)}", uri=uri)

    def report(self, metrics: dict[str, Any], save: bool) -> None:
        """Report metrics: all workers at once, the first one with the state to resume from when `save` is true."""
        self.group.report(metrics, self.state() if save and self.rank == 0 else None)
        if save:
            self.saved_at = time.monotonic()

    def state(self) -> dict[str, Any]:
        """Complete state to resume from: plain containers and tensors."""
        own = {"within": self.progress.state(), "watch": self.monitor.state(), "best": self.best.state()}
        return {"training": self.training.state(), "metrics": self.metrics, **own, **self.origin()}

    def save_model(self) -> None:
        """Write the best model, or the newest when none is chosen: the averaged (EMA) generator, with its card."""
        best = self.best
        card = {
            **self.origin(),
            "metrics": best.metrics or self.metrics,
            "chosen_by": best.by if best.epoch else "last epoch",
            "epoch": best.epoch or self.training.epoch,
            "updates": best.updates or self.training.updates,
            "epochs": self.training.epoch,
        }
        generator = build_generator(self.config.model)
        generator.load_state_dict(best.weights or self.training.ema.state_dict())
        with storage.writing(storage.join(self.config.output, MODEL)) as path:
            checkpoint.save(path, DanceModel(generator, self.config.model), card)

    def origin(self) -> dict[str, Any]:
        """Provenance of the weights."""
        return {
            "settings": self.config.model_dump(mode="json"),
            "data_hash": self.data_hash,
            "code_version": tracking.code_version(),
        }

    def usage(self) -> dict[str, float]:
        """Mean resource usage of the workers' machines."""
        mine = {name: (value, 1.0) for name, value in self.machine.usage().items()}
        return merged(all_gather(mine, self.workers))

    def report_progress(self, updates: int) -> None:
        """Report the progress of this epoch, at most once per `TELL_EVERY_S`."""
        if self.board and time.monotonic() - self.told_at >= TELL_EVERY_S:
            self.told_at = time.monotonic()
            clips = updates * self.workers * self.config.batch_size
            self.board.put(kind="steps", epoch=self.training.epoch + 1, clips=clips)


def load_perceptual(config: TrainDanceConfig) -> STGCN | None:
    """The frozen network of the perceptual loss, configured or shipped; None when that loss has no weight.

    Raises CheckpointError when it cannot be used.
    """
    if not config.model.losses.perceptual:
        return None
    place = config.perceptual
    with nullcontext(checkpoint.shipped_perceptual()) if place is None else storage.reading(place) as path:
        return checkpoint.load_perceptual(path, config.model)


def load_start(config: TrainDanceConfig) -> DanceModel | None:
    """The model that the run starts from; None when none is set. Raises CheckpointError when it cannot be used."""
    if config.init_from is None:
        return None
    with storage.reading(config.init_from) as path:
        return checkpoint.load_to_train(path, config.model)
