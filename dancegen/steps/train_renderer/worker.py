"""Worker of train_renderer; its interface to the other workers is in `worker_group`."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from dancegen import storage
from dancegen.checkpoints import person as people
from dancegen.engine.progress import EventQueue
from dancegen.engine.training.worker_group import TrainGroup, WorkerGroup
from dancegen.engine.training.workers import all_gather
from dancegen.errors import CheckpointError, DivergedError
from dancegen.renderer.image_features import load_features
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.person import Person
from dancegen.steps.train_renderer import pictures
from dancegen.steps.train_renderer.footage import MainVideo, measure_footage, person_of
from dancegen.steps.train_renderer.frames import FrameBatch, Frames
from dancegen.steps.train_renderer.settings import TrainRendererConfig
from dancegen.steps.train_renderer.training import RendererTraining, rollout
from dancegen.steps.train_renderer.validation import as_bytes, rolled_out, score
from dancegen.training.clips import Shard, batches_per_epoch
from dancegen.training.epoch_worker import EpochWorker
from dancegen.training.meters import Mean, merged

MODEL = "person.safetensors"  # the best model, in the run's output
VALIDATION_WINDOWS, VALIDATION_FRAMES = 24, 8  # generated in a row; the last frame of each is scored
VALIDATION_BATCH = 8  # windows at once
VIDEO_S = 4.0
PICTURED = 4  # frames in an image


def work(settings: dict[str, Any]) -> dict[str, Any]:
    """Train to the last epoch. Returns the best model's `epoch` and `metrics`, or the `error` that all workers raised.

    Errors that a restart cannot fix are returned, not raised: Ray Train would restart the run.
    """
    config = TrainRendererConfig.model_validate(settings["config"])
    try:
        return Worker(config, settings["data_hash"], settings["board"], TrainGroup()).run()
    except (DivergedError, CheckpointError) as error:
        return {"error": error}


class Worker(EpochWorker[TrainRendererConfig, RendererTraining]):
    """One process of the training."""

    def __init__(
        self, config: TrainRendererConfig, data_hash: str, board: EventQueue | None, group: WorkerGroup
    ) -> None:
        super().__init__(config, config.monitor, data_hash, board, group)
        self.frames, self.held_out = Frames(config.frames, "train"), Frames(config.frames, "validation")
        self.features = load_features(config.perceptual).to(self.device) if config.compares_features else None
        updates = batches_per_epoch(len(self.frames), self.workers, config.batch_size, config.frames)
        self.training = RendererTraining(
            config.model,
            config.seed,
            config.epochs * updates,
            wrap=group.wrap_ddp,
            rank=self.rank,
            features=self.features,
            precision=config.precision,
            compiled=config.compile,
        )

    @cached_property
    def footage(self) -> MainVideo:
        """What the checkpoint has besides the weights; measured once, though every better epoch is saved.

        A person that is trained further, under the same name, keeps the poses of the earlier footage.
        """
        before = self.before
        known = before.poses if before is not None and before.name == self.config.person else None
        return measure_footage(self.config.frames, known)

    @cached_property
    def before(self) -> Person | None:
        """The person in `init_from`."""
        return None if self.config.init_from is None else people.load_person(self.config.init_from)

    def begin(self) -> None:
        """Start from the person in `init_from`."""
        if self.before is not None:
            self.training.start_from(self.before.generator)

    def batches(self, share: Shard) -> Iterator[FrameBatch]:
        """Windows of one epoch; they grow during the run."""
        length = 1 + (rollout(share.epoch / self.config.epochs) if self.config.model.previous_frame else 1)
        return (batch.to(self.device) for batch in self.frames.epoch(share, length))

    def validate(self) -> dict[str, float]:
        """Mean scores of frames that follow own ones; empty without validation frames."""
        starts = self.held_out.some(VALIDATION_WINDOWS, VALIDATION_FRAMES)
        mean = Mean()
        mine = starts[self.rank :: self.workers]
        for first in range(0, len(mine), VALIDATION_BATCH):
            batch = self.held_out.batch(mine[first : first + VALIDATION_BATCH], VALIDATION_FRAMES).to(self.device)
            *_, (_, made) = rolled_out(self.training.ema, batch, self.config.precision)
            for scores in score(made, batch, self.features):
                mean.add(scores)
        return merged(all_gather(mean.sums(), self.workers))

    def show(self, folder: str) -> Iterator[str]:
        """Pose, generated and real frames: four of the validation frames, and a few seconds of them as a video."""
        fps = self.held_out.fps
        run = self.held_out.longest(round(VIDEO_S * fps))
        if run is None:
            return
        first, count = run
        batch = self.held_out.batch(np.array([first]), count).to(self.device)
        made = (as_bytes(picture)[0] for _, picture in rolled_out(self.training.ema, batch, self.config.precision))
        real, joints = as_bytes(batch.pictures[0]), batch.joints[0].cpu().numpy()
        rows = [pictures.columns(*row) for row in zip(joints, made, real, strict=True)]
        height, width = real.shape[1:3]
        name = f"epoch-{self.training.epoch:05d}"
        with storage.writing(uri := storage.join(folder, f"{name}.png")) as path:
            pictures.write_picture(path, rows[:: max(1, len(rows) // PICTURED)][:PICTURED])
        yield uri
        with storage.writing(uri := storage.join(folder, f"{name}.mp4")) as path:
            pictures.write_video(path, rows, width, height, fps)
        yield uri

    def save_model(self) -> None:
        """Write the person: the averaged (EMA) generator with body, plate and the range of the footage's poses."""
        generator = PersonGenerator(self.config.model)
        generator.load_state_dict(self.best_weights())
        with storage.writing(storage.join(self.config.output, MODEL)) as path:
            people.save(path, person_of(self.config, self.footage, generator, self.card()))
