"""clips -> the dance generator

Ray Train runs `worker.work` in every worker. The driver shows their progress and logs it to MLflow. The
checkpoints hold the complete state of a run, so the same command resumes where the last one stopped.
"""

from dataclasses import dataclass

from dancegen import storage
from dancegen.engine.training import driver
from dancegen.engine.training.launch import launch
from dancegen.engine.training.reporter import named
from dancegen.engine.training.run_folder import claim, finish, finished
from dancegen.errors import ConfigError, TableError
from dancegen.gan.settings import SECOND_STAGE
from dancegen.logs import notify
from dancegen.schema import RHYTHM_VERSION
from dancegen.steps.train_dance import worker
from dancegen.steps.train_dance.settings import TrainDanceConfig
from dancegen.training.clips import CUT_AGAIN, Summary, batches_per_epoch, summarize

# Settings of where and how a run runs, which do not affect its result.
FREE = driver.FREE | {
    *("precision", "compile", "min_workers"),
    *("checkpoint_minutes", "diverged_factor", "pictures_every"),
}
GROWING = "epochs"
FORMER_RHYTHM = (
    "its beats were found by an earlier release and are used as they are; dancegen cut-clips finds them again."
)
SHOWN = {  # metrics in the progress line
    "train/l1": "l1",
    "train/local_right": "local",
    "train/global_right": "global",
    "train/code_loss": "code loss",
    "validation/l1": "validation l1",
}


@dataclass(frozen=True)
class Trained:
    """Result of a training."""

    model: str
    """URI of the finished model."""
    metrics: dict[str, float]
    """Of the model's epoch."""
    epoch: int
    """Epoch of the model: the best by `monitor`, or the last one."""


def run(config: TrainDanceConfig) -> Trained:
    """Train, or resume training. Raises DanceGenError for errors that the user can fix."""
    data = check(config)
    _check_validation(config, data)
    updates = batches_per_epoch(data.train, config.workers, config.batch_size, config.clips)
    free = FREE | {"workers"} if config.min_workers else FREE
    begun = claim(config.run_folder, config, data.data_hash, free, GROWING)
    if begun and (end := finished(config, _model(config))):
        notify(f"all {config.epochs} epochs were done before. The model of epoch {end['epoch']}: {_model(config)}")
        return Trained(_model(config), **end)
    notify(
        f"{data.train:,} training clips and {data.validation:,} validation clips; "
        f"{config.epochs} epochs of {updates:,} updates with {_workers(config)} workers; "
        f"{'resuming from' if begun else 'checkpoints in'} {config.run_folder}"
    )
    tags = {"data_hash": data.data_hash, "clips": str(data.train), "step": "train_dance"}
    numbers = SHOWN | {f"validation/{config.monitor}": config.monitor}
    items = updates * config.workers * config.batch_size
    facts = {"data_hash": data.data_hash, "styles": data.styles}
    end = launch(config, worker.work, facts, items, tags, numbers, config.min_workers)
    trained = Trained(_model(config), end["metrics"], end["epoch"])
    finish(config, {"metrics": trained.metrics, "epoch": trained.epoch})
    text = ", ".join(f"{name} {value:.3g}" for name, value in named(trained.metrics, numbers).items())
    which = "the last" if config.monitor == "last" else f"best by {config.monitor}"
    notify(f"{config.epochs} epochs done. The model of epoch {trained.epoch} ({which}; {text}): {trained.model}")
    if note := second_stage_note(config, trained.epoch):
        notify(note)
    return trained


def second_stage_note(config: TrainDanceConfig, best_epoch: int) -> str | None:
    """A note for a run whose best model is from before its second stage, which then only did harm; else None."""
    losses = config.model.losses
    if config.model.head != "gan":
        return None
    first = losses.adversarial_from_epoch if any(getattr(losses, name) for name in SECOND_STAGE) else config.epochs
    if not best_epoch <= first < config.epochs:
        return None
    return (
        f"The best model is from before the second stage (epochs {first + 1} to {config.epochs}), which did not "
        f"improve {config.monitor}. Train longer, or set smaller second-stage weights (model.losses)."
    )


def check(config: TrainDanceConfig) -> Summary:
    """Summary of the clips. Raises before anything is started when they do not match the settings."""
    data = summarize(config.clips)
    if data.rhythm_version < RHYTHM_VERSION:
        notify(f"{config.clips}: {FORMER_RHYTHM}")
    batches_per_epoch(data.train, config.workers, config.batch_size, config.clips)
    worker.load_perceptual(config)
    worker.load_start(config)
    if data.fps != config.model.fps:
        problem = f"does not match the clips in {config.clips}, which have {data.fps:g} poses per second."
        raise ConfigError(
            f"model.fps={config.model.fps:g}", problem, f"Set model.fps={data.fps:g}, or cut other clips."
        )
    return data


def _check_validation(config: TrainDanceConfig, data: Summary) -> None:
    if not data.validation and config.monitor != "last":
        problem = "holds no validation clips to select the best epoch on."
        raise TableError(config.clips, problem, f"{CUT_AGAIN}, or set monitor=last.")


def _model(config: TrainDanceConfig) -> str:
    return storage.join(config.output, worker.MODEL)


def _workers(config: TrainDanceConfig) -> str:
    return f"{config.min_workers} to {config.workers}" if config.min_workers else str(config.workers)
