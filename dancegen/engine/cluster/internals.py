"""All use of undocumented parts of Ray: names, files, messages and states that another version may change.

pyproject.toml allows one minor version of Ray for this reason. Review this file before another one is allowed; the
named tests fail when Ray has changed.
"""

import json
import os
from typing import Any

# Undocumented variables of Ray. Unknown ones are ignored: a change only adds output or shortens timeouts.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else `uv run` drivers create the environment again in each worker
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "240",  # a slow start on a busy machine is not a failure
    "RAY_DASHBOARD_SUBPROCESS_MODULE_WAIT_READY_TIMEOUT": "240",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else every actor pool prints a line that looks like an error but is not one
}
# Else Ray kills the child processes of a worker with it, before they can delete the file that they were writing. They
# detect by themselves that their worker is gone.
CHILDREN_END_THEMSELVES = {"RAY_kill_child_processes_on_worker_exit": "0"}
TRAIN_POLL = "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"  # the controller's; a report waits for its next poll
TRAIN_START = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"  # how long the controller waits for a number of workers
TUNE = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a training that diverges in its first epoch reports no metrics
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # else Ctrl-C would look like the end of the search
}

# In the message of the plain Exception that ray.init raises when its processes do not start within 30 s (fixed in
# ray/_private/node.py). Test: test_ray_internals.py.
START_TIMEOUT = "timed out during startup"

# Ray Train's file with the list of a run's checkpoints, in the run's folder: JSON, rewritten in place after each report
# and before the checkpoints that it no longer names are deleted. engine/training/run_folder.py keeps a copy of it.
# Tests: tests/integration/test_train_dance.py (the truncated list).
CHECKPOINT_LIST = "checkpoint_manager_snapshot.json"

# Prefix of the name of the file from which Ray Tune resumes. Tests: tests/integration/test_search.py.
TUNE_STATE = "experiment_state-"

# Loggers of Ray's job client that report each step. A change only adds output.
JOB_LOGGERS = (
    "ray.dashboard.modules.job.sdk",
    "ray.dashboard.modules.dashboard_sdk",
    "ray._private.runtime_env.packaging",
)

# Text after the reason in the message of a failed job, before the log, which was shown before. A change shows it twice.
JOB_LOG_FOLLOWS = ", last available logs (truncated to 20,000 chars):"


JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # set by Ray in the process of a submitted job
RECONNECT = "RAY_gcs_rpc_server_reconnect_timeout_s"


def head_patience_s() -> float:
    """Seconds after which Ray ends a driver whose head's control store (GCS) does not answer: its own flag and default.

    engine/cluster/head_watch.py exits before that. Test: tests/integration/test_lost_head.py.
    """
    return float(os.environ.get(RECONNECT, "60"))


def put_without_waiting(queue: Any, item: Any) -> None:
    """Put an item into a ray.util.queue.Queue without waiting for the answer, as `put` does.

    Relies on the queue's `actor` and on its method `put_nowait`. Test: tests/integration/test_progress.py.
    """
    queue.actor.put_nowait.remote(item)


def start_no_dataset_manager(trainer: Any) -> None:
    """Leave out the callback of a trainer without datasets that starts a process for them (2 CPU s).

    Relies on its `_create_default_callbacks` and the name of Ray's class. After a change the process is started again.
    """
    create = getattr(trainer, "_create_default_callbacks", None)
    if create is not None:
        trainer._create_default_callbacks = lambda: [
            one for one in create() if type(one).__name__ != "DatasetsCallback"
        ]


def state_with_samples(state: dict[str, Any], samples: int) -> dict[str, Any]:
    """The state of a ray.tune SearchGenerator (from its `get_state`), to resume with `samples` samples in total.

    Relies on the keys `total_samples` and `finished`. Tests: tests/unit/test_search_proposals.py.
    """
    return {**state, "total_samples": samples, "finished": False}


def submission() -> str | None:
    """Id of the submitted job that this process is the driver of; None elsewhere.

    Relies on the variable with the job's configuration. Test: tests/integration/test_cluster.py.
    """
    configuration = json.loads(os.environ.get(JOB_CONFIG, "{}"))
    return configuration.get("metadata", {}).get("job_submission_id")


def cluster_version(client: Any) -> str:
    """Ray version of a cluster, from a JobSubmissionClient; its `get_version` returns that of the API.

    Relies on its `_do_request`, and on the dashboard's /api/version. Test: tests/integration/test_cluster.py.
    """
    return json.loads(client._do_request("GET", "/api/version").text)["ray_version"]


def draining_nodes() -> set[str]:
    """Ids of the nodes that are about to be taken away, as Ray's autoscaler, Ray Data and Ray Train ask for them.

    Relies on ray._private.state. Test: tests/unit/test_ray_internals.py.
    """
    from ray._private.state import state

    return set(state.get_draining_nodes())


def drain_this_node(reason: str, deadline_s: float | None) -> None:
    """Tell Ray that the node of this process is taken away at a time (since the epoch), as `ray drain-node` does.

    Ray then schedules nothing on it, and everything that asks for draining nodes knows. Relies on GcsClient.drain_node.
    Test: tests/unit/test_ray_internals.py.
    """
    import ray
    from ray._raylet import GcsClient  # pyright: ignore[reportAttributeAccessIssue] (compiled)
    from ray.core.generated import autoscaler_pb2

    context = ray.get_runtime_context()
    reasons: Any = autoscaler_pb2
    preempted = reasons.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    GcsClient(address=context.gcs_address).drain_node(
        context.get_node_id(), preempted, reason, int(1000 * (deadline_s or 0))
    )
