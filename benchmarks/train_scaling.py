"""Scaling of training: clips per second of one worker on one node, and of two workers on two nodes.

    python benchmarks/train_scaling.py

Starts cluster/local.sh with two nodes and trains the default preset on random clips, 16 per worker, with one thread
each: first one worker, then two with synchronised gradients (DDP). Both nodes run on this machine: it needs a core for
each, and part of a third for Ray. Prints clips per second of the second epoch, and the speedup.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from noise_clips import write_clips

from dancegen.config import load
from dancegen.steps.train_dance.settings import TrainDanceConfig

ROOT = Path(__file__).parents[1]
CLUSTER = f"scale-{os.getpid()}"
FRAMES, BATCH, UPDATES, EPOCHS = 50, 16, 12, 2


def main() -> None:
    """Measure both and print the speedup."""
    os.environ.update({"OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled"})
    with tempfile.TemporaryDirectory() as folder:
        try:
            # A worker requests two of a node's three CPUs, so that each has its own node.
            said = local("start", "--no-token", "--workers", "2", "--cpus", "3", "--object-store-mb", "100")
            port = (Path(f"/tmp/dancegen-{os.getuid()}") / CLUSTER / "port").read_text().strip()
            os.environ["RAY_ADDRESS"] = f"127.0.0.2:{port}"
            assert re.search("RAY_AUTH_MODE=disabled", said)
            one, two = (clips_per_s(folder, workers) for workers in (1, 2))
        finally:
            local("stop")
    print(f"1 worker {one:.2f} clips/s, 2 workers on 2 nodes {two:.2f} clips/s: {two / one:.2f} times as fast")


def clips_per_s(folder: str, workers: int) -> float:
    """Clips per second of all workers together."""
    from dancegen.steps.train_dance import pipeline as train_dance

    clips = f"{folder}/clips-{workers}"
    write_clips(clips, FRAMES, train=workers * BATCH * UPDATES)  # no validation or test clips
    overrides = [
        f"clips={clips}",
        f"output={folder}/run-{workers}",
        f"workers={workers}",
        "cpus_per_worker=2",
        f"batch_size={BATCH}",
        f"epochs={EPOCHS}",
        "checkpoint_every=100",
        "pictures_every=0",
    ]
    trained = train_dance.run(load(TrainDanceConfig, str(ROOT / "configs" / "train_dance.yaml"), overrides))
    return trained.metrics["train/clips_per_s"]


def local(*words: str) -> str:
    """Output of cluster/local.sh."""
    command = ["bash", str(ROOT / "cluster" / "local.sh"), *words, "--name", CLUSTER]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
