"""A cluster of cluster/local.sh for benchmarks that lose parts of it. A module, not a benchmark."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
FAST = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "OMP_NUM_THREADS": "1",
}
"""Environment in which Ray detects a dead node after some seconds; its default takes about fifteen."""


def start(name: str, nodes: int) -> str:
    """Start nodes of one CPU, and return the address of the job server."""
    said = local(name, "start", "--no-token", "--workers", str(nodes), "--cpus", "1", "--object-store-mb", "100")
    return re.findall(r"RAY_API_SERVER_ADDRESS=(\S+)", said)[0]


def local(name: str, *words: str) -> str:
    """Output of cluster/local.sh for the cluster of this name. Raises CalledProcessError."""
    command = ["bash", str(ROOT / "cluster" / "local.sh"), *words, "--name", name]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
