"""clips -> a network that sees what makes a dance look danced

Ray Train runs `pretrain_worker.work` in every worker; the same command goes on where the last one stopped.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray.train
import ray.train.torch

from dancegen import storage, tracking
from dancegen.errors import ConfigError, DivergedError
from dancegen.pipelines import pretrain_worker
from dancegen.pipelines.cluster import require
from dancegen.pipelines.progress import Board, Event, TellBoard, TrainingBar, say
from dancegen.pipelines.ray_session import start_ray
from dancegen.pipelines.run_folder import claim
from dancegen.settings.pretrain_perceptual import PretrainPerceptualConfig
from dancegen.training.clips import batches_per_epoch
from dancegen.training.perceptual import chances
from dancegen.training.pose_clips import Survey, survey

# Settings that say where and how a run runs, not what it makes.
FREE = frozenset(
    {"clips", "output", "name", "cpus_per_worker", "use_gpu", "checkpoint_every", "checkpoints_kept", "validate_every"}
    | {"max_failures", "max_wait_s", "worker_environment", "tracking_uri", "experiment"}
)
START_FAILURES = 3  # times that Ray may fail to start the workers
LOSE_CONTACT_S = 600  # after which a worker that hears nothing of the others gives up
REPORT_POLL_S = "0.5"  # a report waits for the controller's next look; Ray's own choice is 2 s
SHOWN = ("train/loss", "validation/loss")  # in the progress line
TOO_SMALL = (
    "Give fewer workers or a smaller cpus_per_worker, add machines, or give max_wait_s if the cluster grows by itself."
)


@dataclass(frozen=True)
class Pretrained:
    """How a training ended."""

    network: str
    """URI of the finished network."""
    metrics: dict[str, float]
    """Of the last epoch."""


def run(config: PretrainPerceptualConfig) -> Pretrained:
    """Train, or go on training. Raises DanceGenError for what a person can correct."""
    data = check(config)
    updates = batches_per_epoch(data.train, config.workers, config.batch_size, config.clips)
    begun = claim(config.run_folder, config, data.data_hash, FREE)
    say(
        f"{data.train:,} clips of {len(data.songs):,} songs to learn from and {data.test:,} clips to test on; "
        f"{config.epochs} epochs of {updates:,} updates with {config.workers} workers; "
        f"{'going on from' if begun else 'checkpoints in'} {config.run_folder}"
    )
    if len(data.categories) == 1:
        say(f"every clip is {data.categories[0]!r}: the network learns from what is done to clips alone")
    start_ray(config.cpus, config.gpus, dashboard=True)
    require(config.cpus, config.gpus, config.max_wait_s, TOO_SMALL)
    say(f"starting {config.workers} workers")
    board = Board()
    with _shown(config, data, updates) as take, board.read_by(take):
        trained = _fit(config, data, board)
    say(f"right answers on test clips: {_told(trained.metrics, data) or 'there are no test clips'}")
    say(f"{config.epochs} epochs done. The network: {trained.network}")
    return trained


def check(config: PretrainPerceptualConfig) -> Survey:
    """What the clips are. Raises before anything is started when they do not fit the settings."""
    data = survey(config)
    batches_per_epoch(data.train, config.workers, config.batch_size, config.clips)
    if data.fps != config.network.fps:
        raise ConfigError(
            f"{config.kind}.fps={config.network.fps:g}",
            f"does not fit the clips in {config.clips}, which have {data.fps:g} poses a second.",
            f"Give {config.kind}.fps={data.fps:g}, or cut other clips.",
        )
    return data


def _fit(config: PretrainPerceptualConfig, data: Survey, board: Board) -> Pretrained:
    """Run the workers on a Ray that is there. Raises DivergedError when the loss is no number any more."""
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", REPORT_POLL_S)
    trainer = ray.train.torch.TorchTrainer(
        pretrain_worker.work,
        train_loop_config={"config": config.model_dump(), "data": data, "board": board},
        torch_config=ray.train.torch.TorchConfig(timeout_s=LOSE_CONTACT_S),
        scaling_config=ray.train.ScalingConfig(
            num_workers=config.workers,
            use_gpu=config.use_gpu,
            resources_per_worker={"CPU": config.cpus_per_worker, "GPU": int(config.use_gpu)},
        ),
        run_config=ray.train.RunConfig(
            name=config.name,
            storage_path=storage.arrow_uri(config.output),
            callbacks=[TellBoard(board)],
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=config.checkpoints_kept),
            failure_config=ray.train.FailureConfig(config.max_failures, controller_failure_limit=START_FAILURES),
            worker_runtime_env={"env_vars": config.worker_environment},
        ),
    )
    end: Any = trainer.fit().return_value  # of the first worker
    if "diverged" in end:
        problem = f"is no finite number any more in epoch {end['epoch']}."
        raise DivergedError(end["diverged"], problem, "Give a smaller learning_rate, and another name.")
    return Pretrained(pretrain_worker.result_uri(config), end["metrics"])


@contextmanager
def _shown(config: PretrainPerceptualConfig, data: Survey, updates: int) -> Iterator[Any]:
    """Gives the function that takes the workers' events: to the progress line, and to MLflow in another thread."""
    tracker = tracking.Run(
        uri=config.tracking_uri or tracking.default_uri(config.output),
        experiment=config.experiment,
        key=config.run_folder,
        name=config.name,
        parameters=config.model_dump(mode="json"),
        tags={"data_hash": data.data_hash, "clips": str(data.train), "step": "pretrain_perceptual"},
        warn=say,
    )
    bar = TrainingBar(config.epochs, updates * config.workers * config.batch_size)

    def take(event: Event) -> None:
        if event["kind"] == "steps":
            bar.at(event["epoch"], event["clips"])
        elif event["kind"] == "epoch":
            metrics = dict(event["metrics"])
            epoch = metrics.pop("epoch")
            bar.at(epoch + 1, 0)
            bar.numbers({name.replace("/", " "): metrics[name] for name in SHOWN if name in metrics})
            sent.append(teller.submit(tracker.log, metrics, epoch))
        else:
            who = ", ".join(f"worker {rank} ({reason})" for rank, reason in event["reasons"].items())
            say(f"lost {who}; going on from the last checkpoint with new workers, {config.max_failures} times at most")

    sent: list[Future[None]] = []
    with ThreadPoolExecutor(1) as teller:
        sent.append(teller.submit(tracker.open))
        ended = "FAILED"
        try:
            yield take
            ended = "FINISHED"
        except KeyboardInterrupt:
            ended = "KILLED"
            raise
        finally:
            bar.close()
            sent.append(teller.submit(tracker.close, ended))
    for future in sent:
        future.result()  # a mistake of ours in there must not pass unseen


def _told(metrics: dict[str, float], data: Survey) -> str:
    """How often each question was answered right, and what a guess would have got."""
    guessed = chances(len(data.categories), data.largest_share)
    found = {name: metrics.get(f"validation/{name}") for name in guessed}
    return ", ".join(
        f"{name} {right:.0%} (a guess: {guessed[name]:.0%})" for name, right in found.items() if right is not None
    )
