"""frames of a person -> a person checkpoint

Ray Train runs `worker.work` in every worker. The driver shows their progress and logs it to MLflow. The checkpoints
hold the complete state of a run, so the same command resumes where the last one stopped.
"""

from dataclasses import dataclass

from dancegen import storage
from dancegen.checkpoints.person import load_person
from dancegen.engine.training.driver import FREE
from dancegen.engine.training.launch import launch
from dancegen.engine.training.reporter import named
from dancegen.engine.training.run_folder import claim, finish, finished
from dancegen.errors import ConfigError, TableError
from dancegen.logs import notify
from dancegen.renderer.image_features import load_features
from dancegen.steps.train_renderer import worker
from dancegen.steps.train_renderer.footage import main_video
from dancegen.steps.train_renderer.frames import CUT_AGAIN, Summary, summarize
from dancegen.steps.train_renderer.settings import TrainRendererConfig
from dancegen.training.clips import batches_per_epoch

SHOWN = {"train/l1": "l1", "train/adversarial": "adversarial", "validation/l1": "validation l1"}  # in the progress line


@dataclass(frozen=True)
class TrainedPerson:
    """Result of a training."""

    model: str
    """URI of the person checkpoint."""
    metrics: dict[str, float]
    """Of the model's epoch."""
    epoch: int
    """Epoch of the model: the best by `monitor`, or the last one."""


def run(config: TrainRendererConfig) -> TrainedPerson:
    """Train, or resume training. Raises DanceGenError for errors that the user can fix."""
    data = check(config)
    updates = batches_per_epoch(data.train, config.workers, config.batch_size, config.frames)
    model = storage.join(config.output, worker.MODEL)
    begun = claim(config.run_folder, config, data.data_hash, FREE | {"workers"} if config.min_workers else FREE)
    if begun and (end := finished(config, model)):
        notify(f"all {config.epochs} epochs were done before. The person of epoch {end['epoch']}: {model}")
        return TrainedPerson(model, **end)
    notify(
        f"{data.train:,} training frames and {data.validation:,} validation frames of {data.width_px}x"
        f"{data.height_px} px; {config.epochs} epochs of {updates:,} updates with {config.workers} workers; "
        f"{'resuming from' if begun else 'checkpoints in'} {config.run_folder}"
    )
    tags = {
        "data_hash": data.data_hash,
        "frames": str(data.train),
        "step": "train_renderer",
        "person": config.person or data.people[0],
    }
    numbers = SHOWN | {f"validation/{config.monitor}": config.monitor}
    items = updates * config.workers * config.batch_size
    end = launch(config, worker.work, {"data_hash": data.data_hash}, items, tags, numbers, config.min_workers)
    finish(config, end)
    text = ", ".join(f"{name} {value:.3g}" for name, value in named(end["metrics"], numbers).items())
    notify(f"{config.epochs} epochs done. The person of epoch {end['epoch']} ({text}): {model}")
    return TrainedPerson(model, **end)


def check(config: TrainRendererConfig) -> Summary:
    """Summary of the frames. Raises before anything is started when they do not match the settings."""
    data = summarize(config.frames)
    main_video(config.frames)
    batches_per_epoch(data.train, config.workers, config.batch_size, config.frames)
    for side, found in (("height_px", data.height_px), ("width_px", data.width_px)):
        if (wanted := getattr(config.model, side)) != found:
            raise ConfigError(
                f"model.{side}={wanted}",
                f"does not match the frames in {config.frames}, which have {found} px.",
                f"Set model.{side}={found}, or cut other frames.",
            )
    if not data.validation and config.monitor != "last":
        problem = "holds no validation frames to select the best epoch on."
        raise TableError(config.frames, problem, f"{CUT_AGAIN}, or set monitor=last.")
    if config.compares_features:
        load_features(config.perceptual)
    if config.init_from is not None:
        load_person(config.init_from)
    return data
