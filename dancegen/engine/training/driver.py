"""What the drivers of all trainings share: Ray Train is started, what its workers tell is shown and sent to MLflow.

All that a run needs to go on is in its checkpoints, so the same command goes on where the last one stopped.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import ray.train
import ray.train.torch

from dancegen import storage, tracking
from dancegen.config import to_yaml
from dancegen.engine.cluster import internals as ray_internals
from dancegen.engine.cluster.head_watch import watching_head
from dancegen.engine.progress import EpochEndFilter, Event, TrainingBar, say
from dancegen.engine.training.run_folder import KeepCheckpointList, mend_checkpoint_list
from dancegen.engine.training.settings import TrainingRun
from dancegen.errors import StorageError

# Settings that say where and how a run runs, not what it makes.
FREE = frozenset(
    {"clips", "output", "name", "cpus_per_worker", "use_gpu", "checkpoint_every", "checkpoints_kept", "validate_every"}
    | {"max_failures", "max_wait_s", "worker_environment", "tracking_uri", "experiment"}
)
START_FAILURES = 3  # times that Ray may fail to start the workers
LOSE_CONTACT_S = 600  # after which a worker that hears nothing of the others gives up
REPORT_POLL_S = "0.5"  # a report waits for the controller's next look; Ray's own choice is 2 s
ELASTIC_START_S = "20"  # after which fewer workers are tried, where that is allowed
TOO_SMALL = (
    "Give fewer workers or a smaller cpus_per_worker, add machines, or give max_wait_s if the cluster grows by itself."
)


def fit(
    config: TrainingRun,
    work: Callable[[dict[str, Any]], dict[str, Any]],
    given: dict[str, Any],
    callbacks: Sequence[ray.train.UserCallback],
    workers_min: int | None = None,
) -> dict[str, Any]:
    """Run `work(given)` in every worker of a Ray that is there. Returns what the first worker returned.

    With `workers_min`, there may be as few workers while machines are missing.
    """
    os.environ.setdefault(ray_internals.TRAIN_POLL, REPORT_POLL_S)
    if workers_min:
        os.environ.setdefault(ray_internals.TRAIN_START, ELASTIC_START_S)
    if mend_checkpoint_list(config.run_folder):
        say(f"the list of checkpoints in {config.run_folder} was cut off; going on with the one before")
    trainer = ray.train.torch.TorchTrainer(
        work,
        train_loop_config=given,
        torch_config=ray.train.torch.TorchConfig(timeout_s=LOSE_CONTACT_S),
        scaling_config=ray.train.ScalingConfig(
            num_workers=(workers_min, config.workers) if workers_min else config.workers,
            use_gpu=config.use_gpu,
            resources_per_worker={"CPU": config.cpus_per_worker, "GPU": int(config.use_gpu)},
        ),
        run_config=ray.train.RunConfig(
            name=config.name,
            storage_path=storage.arrow_uri(config.output),
            callbacks=[KeepCheckpointList(config.run_folder), *(EpochEndFilter(one) for one in callbacks)],
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=config.checkpoints_kept),
            failure_config=ray.train.FailureConfig(config.max_failures, controller_failure_limit=START_FAILURES),
            worker_runtime_env={"env_vars": config.worker_environment},
        ),
    )
    end: Any = trainer.fit().return_value
    return end


@contextmanager
def shown(config: TrainingRun, clips_an_epoch: int, tags: dict[str, str], numbers: dict[str, str]) -> Iterator[Any]:
    """Gives the function that takes the workers' events: to the progress line, and to MLflow in another thread.

    `numbers` are the names of the few metrics that fit into the progress line, with what to call them there.
    """
    tracker = tracking.Run(
        uri=config.tracking_uri or tracking.default_uri(config.output),
        experiment=config.experiment,
        key=config.run_folder,
        name=config.name,
        parameters=config.model_dump(mode="json"),
        tags=tags,
        warn=say,
    )
    bar = TrainingBar(config.epochs, clips_an_epoch)
    begun = False

    def begin() -> None:
        nonlocal begun
        if not begun:
            begun = True
            sent.append(teller.submit(tracker.artifact, "settings.yaml", to_yaml(config).encode()))

    def take(event: Event) -> None:
        nonlocal finished
        if event["kind"] != "steps" or event["clips"]:  # before, MLflow would take seconds from the workers' start
            begin()
        if event["kind"] == "steps":
            bar.at(event["epoch"], event["clips"])
        elif event["kind"] == "epoch":
            metrics = dict(event["metrics"])
            epoch = metrics.pop("epoch")
            bar.at(epoch + 1, 0)
            finished = max(finished, epoch)
            bar.numbers(named(metrics, numbers))
            sent.append(teller.submit(tracker.log, metrics, epoch))
        elif event["kind"] == "file":
            sent.append(teller.submit(_keep, tracker, event["name"], event["uri"]))
        elif event["kind"] == "leaving":
            say(f"the machine of worker {event['ranks']} goes away; saved after {event['updates']} updates")
        else:
            who = ", ".join(f"worker {rank} ({reason})" for rank, reason in event["reasons"].items())
            say(f"lost {who}; going on from the last checkpoint with new workers, {config.max_failures} times at most")

    def so_far() -> str:
        told = f"{finished} of {config.epochs} epochs are done" if finished else "no epoch was done since the start"
        return f"{told}, checkpoints in {config.run_folder}"

    finished = 0
    sent: list[Future[None]] = []
    with ThreadPoolExecutor(1) as teller:
        if storage.is_remote(config.output) and not config.tracking_uri:
            say(f"a remote folder cannot hold MLflow's database; it is {tracker.uri}")
        ended = "FAILED"
        try:
            with watching_head(so_far):
                yield take
            ended = "FINISHED"
        except KeyboardInterrupt:
            ended = "KILLED"
            raise
        finally:
            bar.close()
            begin()
            sent.append(teller.submit(tracker.close, ended))
    for future in sent:
        future.result()  # a mistake of ours in there must not pass unseen


def named(metrics: dict[str, float], numbers: dict[str, str]) -> dict[str, float]:
    """The metrics that `numbers` names, as it calls them."""
    return {short: metrics[name] for name, short in numbers.items() if name in metrics}


def _keep(tracker: tracking.Run, name: str, uri: str) -> None:
    """Send a file of the run to MLflow. It stays where it is, so that it cannot be read is no reason to fail."""
    try:
        tracker.artifact(name, storage.read_bytes(uri))
    except StorageError as error:
        say(f"not in MLflow: {error}")
