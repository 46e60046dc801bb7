"""Common part of the drivers of all trainings: starts Ray Train and waits for its workers.

The checkpoints hold the complete state of a run, so the same command resumes where the last one stopped.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import ray.train
import ray.train.torch

from dancegen import logs, storage
from dancegen.engine.cluster import internals as ray_internals
from dancegen.engine.progress import EpochEndFilter
from dancegen.engine.training.run_folder import KeepCheckpointList, mend_checkpoint_list
from dancegen.engine.training.settings import TrainingRun
from dancegen.logs import notify

# Settings of where and how a run runs, which do not affect its result.
FREE = frozenset(
    {
        "clips",
        "frames",
        "output",
        "name",
        "cpus_per_worker",
        "use_gpu",
        "checkpoint_every",
        "num_to_keep",
        "validate_every",
    }
    | {"max_failures", "max_wait_s", "env_vars", "tracking_uri", "experiment"}
)
START_FAILURES = 3  # times that Ray may fail to start the workers
LOSE_CONTACT_S = 600  # after which a worker without contact to the others gives up
REPORT_POLL_S = "0.5"  # a report waits for the controller's next poll; Ray's default is 2 s
ELASTIC_START_S = "20"  # after which fewer workers are tried, where that is allowed


def fit(
    config: TrainingRun,
    work: Callable[[dict[str, Any]], dict[str, Any]],
    given: dict[str, Any],
    callbacks: Sequence[ray.train.UserCallback],
    min_workers: int | None = None,
) -> dict[str, Any]:
    """Run `work(given)` in every worker on a running Ray. Returns the first worker's return value.

    With `min_workers`, that many workers are enough while machines are missing.
    """
    os.environ.setdefault(ray_internals.TRAIN_POLL, REPORT_POLL_S)
    if min_workers:
        os.environ.setdefault(ray_internals.TRAIN_START, ELASTIC_START_S)
    if mend_checkpoint_list(config.run_folder):
        notify(f"the list of checkpoints in {config.run_folder} was truncated; using the last complete one")
    trainer = ray.train.torch.TorchTrainer(
        _logged(work, logs.job()),
        train_loop_config=given,
        torch_config=ray.train.torch.TorchConfig(timeout_s=LOSE_CONTACT_S),
        scaling_config=ray.train.ScalingConfig(
            num_workers=(min_workers, config.workers) if min_workers else config.workers,
            use_gpu=config.use_gpu,
            resources_per_worker={"CPU": config.cpus_per_worker, "GPU": int(config.use_gpu)},
        ),
        run_config=ray.train.RunConfig(
            name=config.name,
            storage_path=storage.arrow_uri(config.output),
            callbacks=[KeepCheckpointList(config.run_folder), *(EpochEndFilter(one) for one in callbacks)],
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=config.num_to_keep),
            failure_config=ray.train.FailureConfig(config.max_failures, controller_failure_limit=START_FAILURES),
            worker_runtime_env={"env_vars": config.env_vars},
        ),
    )
    ray_internals.start_no_dataset_manager(trainer)
    end: Any = trainer.fit().return_value
    return end


def _logged(work: Callable[[dict[str, Any]], dict[str, Any]], job: logs.Job) -> Callable[[dict[str, Any]], Any]:
    """`work` in a process whose messages are those of the job."""

    def run(given: dict[str, Any]) -> dict[str, Any]:
        logs.join(job)
        return work(given)

    return run
