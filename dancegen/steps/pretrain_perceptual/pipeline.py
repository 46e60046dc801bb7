"""clips -> a pretrained network that computes perceptual features of dances

Ray Train runs `worker.work` in every worker; the same command resumes where the last one stopped.
"""

from dataclasses import dataclass

from dancegen.engine.training.driver import FREE
from dancegen.engine.training.launch import launch
from dancegen.engine.training.run_folder import claim, finish, finished
from dancegen.errors import ConfigError, DivergedError
from dancegen.logs import notify
from dancegen.steps.pretrain_perceptual import worker
from dancegen.steps.pretrain_perceptual.clips import DatasetSummary, summarize_dataset
from dancegen.steps.pretrain_perceptual.settings import PretrainPerceptualConfig
from dancegen.steps.pretrain_perceptual.training import chance_accuracy
from dancegen.training.clips import batches_per_epoch

STEP = "pretrain_perceptual"
SHOWN = {"train/loss": "loss", "validation/loss": "validation loss"}  # in the progress line


@dataclass(frozen=True)
class Pretrained:
    """Result of a training."""

    network: str
    """URI of the finished network."""
    metrics: dict[str, float]
    """Of the last epoch."""


def run(config: PretrainPerceptualConfig) -> Pretrained:
    """Train, or resume training. Raises DanceGenError for errors that the user can fix."""
    data = check(config)
    updates = batches_per_epoch(data.train, config.workers, config.batch_size, config.clips)
    begun = claim(config.run_folder, config, data.data_hash, FREE)
    network = worker.result_uri(config)
    if begun and (end := finished(config, network)):
        notify(f"all {config.epochs} epochs were done before. The network: {network}")
        return Pretrained(network, **end)
    notify(
        f"{data.train:,} training clips of {len(data.songs):,} songs and {data.validation:,} validation clips; "
        f"{config.epochs} epochs of {updates:,} updates with {config.workers} workers; "
        f"{'resuming from' if begun else 'checkpoints in'} {config.run_folder}"
    )
    if len(data.categories) == 1:
        notify(f"all clips have the category {data.categories[0]!r}: the network is trained on the pretext tasks only")
    tags = {"data_hash": data.data_hash, "clips": str(data.train), "step": STEP, "kind": config.kind}
    trained = _train(config, data, updates * config.workers * config.batch_size, tags)
    finish(config, {"metrics": trained.metrics})
    if text := _text(trained.metrics, data):
        notify(f"accuracy on validation clips: {text}")
    notify(f"{config.epochs} epochs done. The network: {trained.network}")
    return trained


def check(config: PretrainPerceptualConfig) -> DatasetSummary:
    """Summary of the clips. Raises before anything is started when they do not match the settings."""
    data = summarize_dataset(config)
    batches_per_epoch(data.train, config.workers, config.batch_size, config.clips)
    if data.fps != config.network.fps:
        raise ConfigError(
            f"{config.kind}.fps={config.network.fps:g}",
            f"does not match the clips in {config.clips}, which have {data.fps:g} poses per second.",
            f"Set {config.kind}.fps={data.fps:g}, or cut other clips.",
        )
    return data


def _train(config: PretrainPerceptualConfig, data: DatasetSummary, items: int, tags: dict[str, str]) -> Pretrained:
    """Run the workers. Raises DivergedError when the loss became NaN or Inf."""
    end = launch(config, worker.work, {"data": data}, items, tags, SHOWN)
    if "diverged" in end:
        problem = f"became NaN or Inf in epoch {end['epoch']}."
        raise DivergedError(end["diverged"], problem, "Set a smaller learning_rate, and another name.")
    return Pretrained(worker.result_uri(config), end["metrics"])


def _text(metrics: dict[str, float], data: DatasetSummary) -> str:
    """Accuracy of each task, and the accuracy of chance."""
    guessed = chance_accuracy(len(data.categories), data.largest_share)
    found = {name: metrics.get(f"validation/{name}") for name in guessed}
    return ", ".join(
        f"{name} {right:.0%} (chance: {guessed[name]:.0%})" for name, right in found.items() if right is not None
    )
