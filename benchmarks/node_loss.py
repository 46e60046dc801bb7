"""Cost of losing a node during training: one preempted with notice, one killed without.

    python benchmarks/node_loss.py

Starts cluster/local.sh with four nodes for two workers of a small model and trains twice with the same settings:
undisturbed, and with both losses. Prints the recovery time after each loss, and whether both runs ended with bitwise
equal weights. Ray is configured to detect a dead node after some seconds; its default takes about fifteen.
"""

import os
import pickle
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import yaml
from local_cluster import FAST, ROOT, local, start
from noise_clips import write_clips

CLUSTER, NODES, WARNING_S = f"loss-{os.getpid()}", 4, 20
SETTLES_S = 1.0  # after which the lost workers save nothing more
CLIPS, FRAMES, EPOCHS, BATCH = 1600, 20, 4, 4
AUDIO = {"channels": [4, 4, 8, 8], "code": 8, "hidden": 8, "layers": 1, "size": 8}
MODEL = {
    "generator": {"audio": AUDIO, "width": 16, "blocks": 1, "time_kernel_frames": 3},
    "local_discriminator": {"channels": 4, "joint_features": 4, "hidden": 8},
    "global_discriminator": {"audio": AUDIO, "channels": 4, "joint_features": 4, "hidden": 8, "attention": 4},
    "losses": {"perceptual": 0.0},
}


def main() -> None:
    """Run both trainings and print the result."""
    os.environ.update(FAST, RAY_TRAIN_PREEMPTION_POLL_INTERVAL_S="1")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clips(str(folder / "clips"), FRAMES, train=CLIPS, validation=8)
        try:
            dashboard = start(CLUSTER, NODES)
            straight = Job(folder, "straight", dashboard)
            straight.wait()
            disturbed = Job(folder, "disturbed", dashboard)
            disturbed.wait_for(1)
            lose(disturbed, dashboard, "preempt", "--after", str(WARNING_S))
            lose(disturbed, dashboard, "kill")
            disturbed.wait()
        finally:
            local(CLUSTER, "stop")
        same = equal(straight.weights(), disturbed.weights())
    print(
        f"{EPOCHS} epochs: {straight.seconds:.0f} s undisturbed, {disturbed.seconds:.0f} s with both losses; ", end=""
    )
    print("bitwise equal weights" if same else "DIFFERENT WEIGHTS")


def lose(job: "Job", dashboard: str, *how: str) -> None:
    """Remove a node that runs a worker, and print the recovery time of the training."""
    local(CLUSTER, *how, "--node", str(a_worker_s_node(dashboard)))
    ended = time.monotonic()
    time.sleep(SETTLES_S)
    at_end = job.position()
    job.wait_for(at_end + 1)
    print(f"{how[0]}: {at_end} updates were saved; the next one {time.monotonic() - ended:.1f} s later", flush=True)


class Job:
    """One training, submitted to the cluster."""

    def __init__(self, folder: Path, name: str, dashboard: str) -> None:
        self.folder, self.log = folder / name / "train", folder / f"{name}.log"
        settings = {
            "clips": str(folder / "clips"),
            "output": str(folder / name),
            "model": MODEL,
            "epochs": EPOCHS,
            "batch_size": BATCH,
            "checkpoint_minutes": 0.03,
            "pictures_every": 0,
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))
        command = [sys.executable, "-m", "dancegen", "train-dance", str(folder / f"{name}.yaml"), "--submit", dashboard]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self.log.open("w"), stderr=subprocess.STDOUT)

    def wait(self) -> None:
        """Wait for its end; exit with its log when it failed."""
        if self.process.wait():
            raise SystemExit(self.log.read_text())
        self.seconds = time.monotonic() - self.started

    def check(self) -> None:
        """Exit with its log when it has ended."""
        if self.process.poll() is not None:
            raise SystemExit(self.log.read_text())

    def wait_for(self, updates: int) -> None:
        """Wait until this many updates are saved."""
        while self.position() < updates:
            self.check()
            time.sleep(0.2)

    def position(self) -> int:
        """Updates of the newest complete checkpoint; 0 without one."""
        for file in sorted(self.folder.glob("checkpoint_*/training.pt"), reverse=True):
            with suppress(OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
                return torch.load(file, weights_only=True)["training"]["updates"]
        return 0

    def weights(self) -> dict[str, dict[str, torch.Tensor]]:
        """Final weights of all networks."""
        newest = max(self.folder.glob("checkpoint_*/training.pt"))
        return torch.load(newest, weights_only=True)["training"]["networks"]


def a_worker_s_node(dashboard: str) -> int:
    """Number of a node that runs a worker."""
    from ray.util.state import list_actors, list_nodes

    alive: Any = [("class_name", "=", "RayTrainWorker"), ("state", "=", "ALIVE")]
    nodes: Any = list_nodes(dashboard)
    workers: Any = list_actors(dashboard, filters=alive)
    ips = {node.node_id: node.node_ip for node in nodes}
    return max(int(ips[actor.node_id].rpartition(".")[2]) - 2 for actor in workers)


def equal(one: dict[str, dict[str, torch.Tensor]], other: dict[str, dict[str, torch.Tensor]]) -> bool:
    """Whether all weights are equal."""
    return all(
        torch.equal(value, other[network][name]) for network, weights in one.items() for name, value in weights.items()
    )


if __name__ == "__main__":
    main()
