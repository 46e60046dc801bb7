"""Checks that the cluster is large enough before a step that would otherwise wait forever."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from dancegen.errors import ClusterError

POLL_S = 2.0


@contextmanager
def enough(cpus: float, gpus: float, wait_s: float, remedy: str) -> Iterator[None]:
    """Ensure for the block that the cluster has, or within `wait_s` grows to, this many CPUs and GPUs in total.

    The request to the autoscaler is withdrawn at the end. Raises ClusterError when the cluster stays too small.
    """
    asked = bool(wait_s) and not _holds(cpus, gpus)
    try:
        if asked:
            _ask_for(int(cpus + 0.999), round(gpus))
        _await(cpus, gpus, wait_s, remedy)
        yield
    finally:
        if asked:
            _ask_for(0, 0)  # replaces the first request, which Ray would keep forever


def _ask_for(cpus: int, gpus: int) -> None:
    from ray.autoscaler.sdk import request_resources

    request_resources(num_cpus=cpus, bundles=[{"GPU": 1}] * gpus)


def _await(cpus: float, gpus: float, wait_s: float, remedy: str) -> None:
    deadline = time.monotonic() + wait_s
    while not _holds(cpus, gpus):
        if time.monotonic() >= deadline:
            found = ray.cluster_resources()
            has = f"has {found.get('CPU', 0):g} CPUs and {found.get('GPU', 0):g} GPUs"
            waited = f" after {wait_s:g} s of waiting" if wait_s else ""
            raise ClusterError("the Ray cluster", f"{has}{waited}, but {cpus:g} and {gpus:g} are needed.", remedy)
        time.sleep(POLL_S)


def require_places(workers: int, cpus: float, gpus: float, remedy: str) -> None:
    """Raise ClusterError unless the nodes have room for all workers, each on one node with its CPUs and GPUs."""
    found = places(cpus, gpus)
    if found < workers:
        one = f"{cpus:g} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
        problem = f"has room for {found} workers of {one} on its {len(_machines())} machines, but {workers} are needed."
        raise ClusterError("the Ray cluster", problem, remedy)


def places(cpus: float, gpus: float) -> int:
    """Number of workers with so many CPUs and GPUs, each on one node, for which the present nodes have room."""
    return sum(int(min(_times(one.get("CPU", 0), cpus), _times(one.get("GPU", 0), gpus))) for one in _machines())


def _machines() -> list[dict[str, float]]:
    """Resources of each node that is alive."""
    return [machine["Resources"] for machine in ray.nodes() if machine["Alive"]]


def _times(found: float, needed: float) -> float:
    return (found + 1e-6) // needed if needed else float("inf")


def _holds(cpus: float, gpus: float) -> bool:
    found = ray.cluster_resources()
    return found.get("CPU", 0) >= cpus and found.get("GPU", 0) >= gpus
