"""Whether the cluster is large enough, asked before a step that would wait for ever."""

import time

import ray

from dancegen.errors import ClusterError

POLL_S = 2.0


def require(cpus: float, gpus: float, wait_s: float, remedy: str) -> None:
    """Raise ClusterError unless the cluster has, or within `wait_s` grows to, so many CPUs and GPUs in all."""
    deadline = time.monotonic() + wait_s
    if wait_s and not _holds(cpus, gpus):
        from ray.autoscaler.sdk import request_resources

        request_resources(num_cpus=int(cpus + 0.999), bundles=[{"GPU": 1}] * round(gpus))
    while not _holds(cpus, gpus):
        if time.monotonic() >= deadline:
            found = ray.cluster_resources()
            has = f"has {found.get('CPU', 0):g} CPUs and {found.get('GPU', 0):g} GPUs"
            waited = f" after {wait_s:g} s of waiting" if wait_s else ""
            raise ClusterError("the Ray cluster", f"{has}{waited}, and {cpus:g} and {gpus:g} are needed.", remedy)
        time.sleep(POLL_S)


def require_places(workers: int, cpus: float, gpus: float, remedy: str) -> None:
    """Raise ClusterError unless its machines, each by itself, hold so many workers of so many CPUs and GPUs each."""
    machines = [machine["Resources"] for machine in ray.nodes() if machine["Alive"]]
    places = sum(min(_times(machine.get("CPU", 0), cpus), _times(machine.get("GPU", 0), gpus)) for machine in machines)
    if places < workers:
        one = f"{cpus:g} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
        problem = f"holds {places:g} workers of {one} on its {len(machines)} machines, and {workers} are needed."
        raise ClusterError("the Ray cluster", problem, remedy)


def _times(found: float, needed: float) -> float:
    return (found + 1e-6) // needed if needed else float("inf")


def _holds(cpus: float, gpus: float) -> bool:
    found = ray.cluster_resources()
    return found.get("CPU", 0) >= cpus and found.get("GPU", 0) >= gpus
