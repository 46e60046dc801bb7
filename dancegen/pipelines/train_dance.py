"""clips -> a model that dances

Ray Train runs `train_worker.work` in every worker. The driver shows how far they are and tells MLflow; all
that a run needs to go on is in its checkpoints, so the same command goes on where the last one stopped.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray.train
import ray.train.torch

from dancegen import storage, tracking
from dancegen.config import to_yaml
from dancegen.errors import ConfigError, DivergedError
from dancegen.pipelines import train_worker
from dancegen.pipelines.cluster import require
from dancegen.pipelines.progress import Board, Event, FinishedEpochs, TellBoard, TrainingBar, say
from dancegen.pipelines.ray_session import start_ray
from dancegen.pipelines.run_folder import KeepCheckpointList, claim, mend_checkpoint_list
from dancegen.settings.train_dance import TrainDanceConfig
from dancegen.training.clips import Summary, batches_per_epoch, summarize

# Settings that say where and how a run runs, not what it makes.
FREE = frozenset(
    {"clips", "output", "name", "cpus_per_worker", "use_gpu", "workers_min", "pictures_every", "diverged_factor"}
    | {"checkpoint_every", "checkpoint_minutes", "checkpoints_kept", "validate_every"}
    | {"max_failures", "max_wait_s", "worker_environment", "tracking_uri", "experiment"}
)
GROWING = "epochs"
START_FAILURES = 3  # times that Ray may fail to start the workers
LOSE_CONTACT_S = 600  # after which a worker that hears nothing of the others gives up
REPORT_POLL_S = "0.5"  # a report waits for the controller's next look; Ray's own choice is 2 s
ELASTIC_START_S = "20"  # after which fewer workers are tried
TOO_SMALL = (
    "Give fewer workers or a smaller cpus_per_worker, add machines, or give max_wait_s if the cluster grows by itself."
)


@dataclass(frozen=True)
class Trained:
    """How a training ended."""

    model: str
    """URI of the finished model."""
    metrics: dict[str, float]
    """Of the model's epoch."""
    epoch: int
    """That the model is of: the best by `best_by`, or the last one when there are no test clips."""


def run(config: TrainDanceConfig) -> Trained:
    """Train, or go on training. Raises DanceGenError for what a person can correct."""
    data = check(config)
    updates = batches_per_epoch(data.train, config.workers, config.batch_size, config.clips)
    free = FREE | {"workers"} if config.workers_min else FREE
    begun = claim(config.run_folder, config, data.data_hash, free, GROWING)
    say(
        f"{data.train:,} clips to learn from and {data.test:,} to test on; {config.epochs} epochs of {updates:,} "
        f"updates with {_workers(config)} workers; {'going on from' if begun else 'checkpoints in'} {config.run_folder}"
    )
    start_ray(config.cpus, config.gpus, dashboard=True)
    require(config.cpus, config.gpus, config.max_wait_s, TOO_SMALL)
    say(f"starting {_workers(config)} workers")
    board = Board()
    with _shown(config, data, updates) as take, board.read_by(take):
        trained = fit(config, data.data_hash, [TellBoard(board)], board)
    numbers = ", ".join(f"{name} {value:.3g}" for name, value in _shown_numbers(config, trained.metrics).items())
    which = f"best by {config.best_by}" if data.test else "the last, for there are no test clips"
    say(f"{config.epochs} epochs done. The model of epoch {trained.epoch} ({which}; {numbers}): {trained.model}")
    return trained


def check(config: TrainDanceConfig) -> Summary:
    """What the clips are. Raises before anything is started when they do not fit the settings."""
    data = summarize(config.clips)
    batches_per_epoch(data.train, config.workers, config.batch_size, config.clips)
    train_worker.load_perceptual(config)
    if data.fps != config.model.fps:
        problem = f"does not fit the clips in {config.clips}, which have {data.fps:g} poses a second."
        raise ConfigError(
            f"model.fps={config.model.fps:g}", problem, f"Give model.fps={data.fps:g}, or cut other clips."
        )
    return data


def fit(
    config: TrainDanceConfig, data_hash: str, callbacks: Sequence[ray.train.UserCallback], board: Board | None
) -> Trained:
    """Run the workers on a Ray that is there. Raises DivergedError when a loss is no number any more, or explodes."""
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", REPORT_POLL_S)
    if config.workers_min:
        os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", ELASTIC_START_S)
    if mend_checkpoint_list(config.run_folder):
        say(f"the list of checkpoints in {config.run_folder} was cut off; going on with the one before")
    trainer = ray.train.torch.TorchTrainer(
        train_worker.work,
        train_loop_config={"config": config.model_dump(), "data_hash": data_hash, "board": board},
        torch_config=ray.train.torch.TorchConfig(timeout_s=LOSE_CONTACT_S),
        scaling_config=ray.train.ScalingConfig(
            num_workers=(config.workers_min, config.workers) if config.workers_min else config.workers,
            use_gpu=config.use_gpu,
            resources_per_worker={"CPU": config.cpus_per_worker, "GPU": int(config.use_gpu)},
        ),
        run_config=ray.train.RunConfig(
            name=config.name,
            storage_path=storage.arrow_uri(config.output),
            callbacks=[KeepCheckpointList(config.run_folder), *(FinishedEpochs(one) for one in callbacks)],
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=config.checkpoints_kept),
            failure_config=ray.train.FailureConfig(config.max_failures, controller_failure_limit=START_FAILURES),
            worker_runtime_env={"env_vars": config.worker_environment},
        ),
    )
    end: Any = trainer.fit().return_value  # of the first worker
    if "wrong" in end:
        raise DivergedError(*end["wrong"])
    return Trained(storage.join(config.output, train_worker.MODEL), end["metrics"], end["epoch"])


@contextmanager
def _shown(config: TrainDanceConfig, data: Summary, updates: int) -> Iterator[Any]:
    """Gives the function that takes the workers' events: to the progress line, and to MLflow in another thread."""
    tracker = tracking.Run(
        uri=config.tracking_uri or tracking.default_uri(config.output),
        experiment=config.experiment,
        key=config.run_folder,
        name=config.name,
        parameters=config.model_dump(mode="json"),
        tags={"data_hash": data.data_hash, "clips": str(data.train), "step": "train_dance"},
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
            bar.numbers(_shown_numbers(config, metrics))
            sent.append(teller.submit(tracker.log, metrics, epoch))
        elif event["kind"] == "file":
            sent.append(teller.submit(tracker.artifact, event["name"], storage.read_bytes(event["uri"])))
        elif event["kind"] == "leaving":
            say(f"the machine of worker {event['ranks']} goes away; saved after {event['updates']} updates")
        else:
            who = ", ".join(f"worker {rank} ({reason})" for rank, reason in event["reasons"].items())
            say(f"lost {who}; going on from the last checkpoint with new workers, {config.max_failures} times at most")

    sent: list[Future[None]] = []
    with ThreadPoolExecutor(1) as teller:
        if storage.is_remote(config.output) and not config.tracking_uri:
            say(f"a remote folder cannot hold MLflow's database; it is {tracker.uri}")
        sent.append(teller.submit(tracker.artifact, "settings.yaml", to_yaml(config).encode()))
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


def _workers(config: TrainDanceConfig) -> str:
    return f"{config.workers_min} to {config.workers}" if config.workers_min else str(config.workers)


def _shown_numbers(config: TrainDanceConfig, metrics: dict[str, float]) -> dict[str, float]:
    """The few numbers that fit into the progress line."""
    names = {
        "train/l1": "l1",
        "train/local_right": "local",
        "train/global_right": "global",
        "validation/l1": "test l1",
        f"validation/{config.best_by}": config.best_by,
    }
    return {short: metrics[name] for name, short in names.items() if name in metrics}
