"""Connection to Ray: the cluster that runs this job, or a local one on this machine."""

import logging
import math
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from dancegen.engine.cluster.internals import CHILDREN_END_THEMSELVES, QUIET, START_TIMEOUT
from dancegen.errors import ClusterError
from dancegen.logs import notify
from dancegen.native_output import suppressed
from dancegen.stopping import handle_sigterm

SPARE_CPUS = 2  # for Ray's own tasks (readers, splitters); without them the step waits forever
OBJECT_STORE_BYTES = 400_000_000
POLL_S = 1.0
START_POLL_S = 0.1
TELL_EVERY_S = 60.0
LONGEST_WAIT_S = 3600.0  # cloud machines take minutes to start; other jobs may take longer

_starting = threading.Lock()


def start_ray(cpus: float, gpus: float = 0.0, dashboard: bool = False) -> None:
    """Join the cluster named by RAY_ADDRESS (a submitted job has it), else start one on this machine.

    `cpus` and `gpus` are the minimum that the step needs. CPUs of a local cluster are logical
    resources, so they may exceed the cores. Ray Train requires `dashboard`, because it polls it.
    Raises ClusterError when the cluster cannot be reached, or when this machine has too few GPUs.
    """
    wanted = QUIET | CHILDREN_END_THEMSELVES
    os.environ.update({name: os.environ.get(name, value) for name, value in wanted.items()})
    import ray  # late: `--help` and wrong settings must not wait for it

    with _starting:
        if not ray.is_initialized():
            address = os.environ.get("RAY_ADDRESS")
            if address:
                _join(address)
            else:
                _start_local(cpus, dashboard)
                _check_gpus(gpus)
    handle_sigterm()  # Ray has set its own handler


def await_ray(cancelled: Callable[[], bool]) -> None:
    """Wait until another thread has started Ray, or until cancelled. Ray must be started by the main thread."""
    import ray

    while not ray.is_initialized() and not cancelled():
        time.sleep(START_POLL_S)


def worker_environment() -> dict[str, Any]:
    """Options of actors with child processes. On an existing cluster the variables are set per process."""
    return {"runtime_env": {"env_vars": CHILDREN_END_THEMSELVES}} if os.environ.get("RAY_ADDRESS") else {}


def await_room(cpus: float, gpus: float, cancelled: Callable[[], bool] = lambda: False) -> None:
    """Wait until a machine of the cluster has these resources free, or until cancelled; prints a line each minute.

    Raises ClusterError after an hour: Ray itself would not report why there is no progress.
    """
    import ray

    room = ray.remote(_nothing).options(num_cpus=cpus, num_gpus=gpus).remote()
    need = f"{cpus:g} CPUs and {gpus:g} GPUs"
    tell_at = time.monotonic() + TELL_EVERY_S
    deadline = time.monotonic() + LONGEST_WAIT_S
    while not ray.wait([room], timeout=POLL_S)[0]:
        if cancelled():
            ray.cancel(room)
            return
        if time.monotonic() < tell_at:
            continue
        tell_at += TELL_EVERY_S
        total = ray.cluster_resources()
        has = f"the cluster has {total.get('CPU', 0):g} CPUs and {total.get('GPU', 0):g} GPUs in total"
        if time.monotonic() > deadline:
            ray.cancel(room)
            raise ClusterError(
                "the cluster", f"had no machine free with {need}; {has}.", "Request less, or add machines."
            )
        notify(f"waiting for a machine with {need} free; {has}", logging.WARNING)


def _nothing() -> None:
    pass


def quiet_ray_data() -> None:
    """Show only errors of Ray Data in the terminal; its full log is in Ray's session folder."""
    import ray.data  # its import sets the levels that are changed here

    logging.getLogger(ray.data.__name__).setLevel(logging.ERROR)


def _join(address: str) -> None:
    import ray

    try:
        with suppressed():
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        remedy = "Check RAY_ADDRESS, and RAY_AUTH_TOKEN if the cluster requires one; unset RAY_ADDRESS to run locally."
        raise ClusterError(address, f"cannot be reached ({reason}).", remedy) from error


def _start_local(cpus: float, dashboard: bool) -> None:
    import ray

    try:
        with suppressed():
            ray.init(
                address="local",  # never another cluster that happens to run on this machine
                num_cpus=max(math.ceil(cpus) + SPARE_CPUS, os.cpu_count() or 1),
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=dashboard,
                dashboard_port=0,
                logging_level=logging.ERROR,
                log_to_driver=False,
                **quoted_python(),
            )
    except Exception as error:
        if START_TIMEOUT not in str(error):
            raise
        remedy = "Run the command again when other programs use less of the machine's CPUs and disk."
        raise ClusterError("Ray on this machine", "did not start within 30 s.", remedy) from error


def quoted_python() -> dict[str, Any]:
    """Python's path, quoted for the shell. Ray does not quote it: with a space in it no worker would start."""
    quoted = shlex.quote(sys.executable)
    return {} if quoted == sys.executable else {"runtime_env": {"py_executable": quoted}}


def _check_gpus(gpus: float) -> None:
    import ray

    found = ray.cluster_resources().get("GPU", 0.0)
    if gpus > found:
        remedy = "Request fewer (gpus_per_actor=0, use_gpu=false), or submit the job to a cluster that has them."
        raise ClusterError("Ray on this machine", f"has {found:g} GPUs, but the step needs {gpus:g}.", remedy)
