"""Worker of train_dance; its interface to the other workers is in `worker_group`."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from dancegen import storage
from dancegen.checkpoints import checkpoint
from dancegen.engine.progress import EventQueue
from dancegen.engine.training.worker_group import TrainGroup, WorkerGroup
from dancegen.engine.training.workers import all_gather
from dancegen.errors import CheckpointError, DivergedError
from dancegen.gan.dance_model import DanceModel, build_network
from dancegen.music.rhythm import RHYTHM_CHANNELS
from dancegen.perceptual.stgcn import STGCN
from dancegen.steps.train_dance.settings import TrainDanceConfig
from dancegen.steps.train_dance.token_training import TokenTraining
from dancegen.steps.train_dance.training import DanceTraining
from dancegen.steps.train_dance.validation import score_clips, summarize
from dancegen.training.batch import Batch
from dancegen.training.clips import EVERY_CLIPS, Clips, Shard
from dancegen.training.divergence import POSE_ERROR
from dancegen.training.epoch_worker import EpochWorker
from dancegen.training.meters import Mean, merged
from dancegen.training.pictures import SideBySide

MODEL = "dance.safetensors"  # the best model, in the run's output
PICTURED = 4  # validation clips in an image
REMEDY_SECOND_STAGE = (
    "Set smaller weights for the losses of the second stage (model.losses.perceptual, adversarial_local, "
    "adversarial_global, feature_matching), a smaller model.losses.gradient_limit, or more model.losses.ramp_updates, "
    "and another name. The earlier checkpoints are kept."
)


def work(settings: dict[str, Any]) -> dict[str, Any]:
    """Train to the last epoch. Returns the best model's `epoch` and `metrics`, or the `error` that all workers raised.

    Errors that a restart cannot fix are returned, not raised: Ray Train would restart the run.
    """
    config = TrainDanceConfig.model_validate(settings["config"])
    return train(config, settings["data_hash"], settings["styles"], settings["board"], TrainGroup())


def train(
    config: TrainDanceConfig, data_hash: str, styles: Sequence[str], board: EventQueue | None, group: WorkerGroup
) -> dict[str, Any]:
    """As `work`, for any group of workers. `styles` are those of the training clips."""
    try:
        return Worker(config, data_hash, styles, board, group).run()
    except (DivergedError, CheckpointError) as error:
        return {"error": error}


class Worker(EpochWorker[TrainDanceConfig, DanceTraining | TokenTraining]):
    """One process of the training."""

    def __init__(
        self,
        config: TrainDanceConfig,
        data_hash: str,
        styles: Sequence[str],
        board: EventQueue | None,
        group: WorkerGroup,
    ) -> None:
        super().__init__(config, config.monitor, data_hash, board, group)
        self.training = self._of_head(styles)
        self.clips, self.validation_clips = (
            Clips(config.clips, split, config.model.normalization, styles=self.training.styles)
            for split in ("train", "validation")
        )

    def _of_head(self, styles: Sequence[str]) -> DanceTraining | TokenTraining:
        config, wrap = self.config, self.group.wrap_ddp
        ours = (config.model, config.seed, wrap, self.rank, self.workers)
        shared: dict[str, Any] = {"precision": config.precision, "compiled": config.compile, "styles": styles}
        if config.model.head == "tokens":
            return TokenTraining(*ours, **shared)
        perceptual = load_perceptual(config)
        return DanceTraining(*ours, perceptual=perceptual and perceptual.to(self.device), **shared)

    def begin(self) -> None:
        """Start from the model in `init_from`."""
        if model := load_start(self.config):
            self.training.start_from(model)

    def batches(self, share: Shard) -> Iterator[Batch]:
        """Clips of one epoch."""
        return (batch.to(self.device) for batch in self.clips.epoch(share))

    def remedy(self, epoch: int) -> str:
        """It names the second stage's weights once those losses are active."""
        staged = self.config.model.head == "gan" and 0 < self.config.model.losses.adversarial_from_epoch < epoch
        return REMEDY_SECOND_STAGE if staged else super().remedy(epoch)

    def validate(self) -> dict[str, float]:
        """Metrics of the dances to the validation clips; empty without such clips.

        While only the tokenizer of a model has learned, they are those of its reconstructions, and no such epoch is the
        best one.
        """
        if not len(self.validation_clips):
            return {}
        if tokenizer := self._tokenizer_alone():
            return self._reconstruction(tokenizer)
        mean, rows = Mean(), []
        for batch in self.validation_clips.every(self.rank, self.workers, EVERY_CLIPS):
            seen = batch.to(self.device)
            dances = self.training.dances(seen)
            mean.add(self.training.validate(seen, dances), weight=len(batch.pose))
            rows += score_clips(batch, dances, self.config.model)
        parts = all_gather((mean.sums(), rows), self.workers)
        found = merged([sums for sums, _ in parts]) | summarize(row for _, rows in parts for row in rows)
        if problem := self.divergence.check_held_out(found[POSE_ERROR]):
            raise self.diverged(POSE_ERROR, problem, self.training.epoch)
        return found

    def _tokenizer_alone(self) -> TokenTraining | None:
        """The training while it has not come to dances: only the tokenizer has learned."""
        training = self.training
        return training if isinstance(training, TokenTraining) and not training.dances_yet else None

    def _reconstruction(self, training: TokenTraining) -> dict[str, float]:
        """How well the tokenizer reconstructs the validation clips, over all workers."""
        mean = Mean()
        for batch in self.validation_clips.every(self.rank, self.workers, EVERY_CLIPS):
            mean.add(training.reconstruction(batch.to(self.device)), weight=len(batch.pose))
        return merged(all_gather(mean.sums(), self.workers))

    def show(self, folder: str) -> Iterator[str]:
        """Real and generated dances of a few validation clips side by side, always the same clips and noise.

        While only the tokenizer of a model has learned, they are its reconstructions.
        """
        if not len(self.validation_clips):
            return
        batch = self.validation_clips.some(PICTURED)
        seen, tokenizer = batch.to(self.device), self._tokenizer_alone()
        made = tokenizer.reconstructed(seen) if tokenizer else self.training.dances(seen)
        both = SideBySide(batch, made, self.config.model, "reconstructed" if tokenizer else "generated")
        for ending, write in ((".png", both.write_picture), (".mp4", both.write_video)):
            uri = storage.join(folder, f"epoch-{self.training.epoch:05d}{ending}")
            with storage.writing(uri) as path:
                write(path)
            yield uri

    def save_model(self) -> None:
        """Write the dance model."""
        config, styles = self.config.model, self.training.styles
        generator = build_network(config, len(RHYTHM_CHANNELS), len(styles))
        generator.load_state_dict(self.best_weights())
        with storage.writing(storage.join(self.config.output, MODEL)) as path:
            checkpoint.save(path, DanceModel(generator, config, styles=styles), self.card())


def load_perceptual(config: TrainDanceConfig) -> STGCN | None:
    """The frozen network of the perceptual loss, configured or shipped; None when that loss has no weight.

    Raises CheckpointError when it cannot be used.
    """
    if config.model.head != "gan" or not config.model.losses.perceptual:
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
