"""Cost of a dance: processor seconds for each minute of it, of several dance models in one run.

    python benchmarks/heads.py CHECKPOINT [CHECKPOINT ...] [--seconds 180] [--rounds 3] [--candidates 8]

The beats are heard once and are not counted. Rounds take the models in turn. The second column is for `--candidates`
dances of one song at once, each.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from joint_motion import sound

from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.structure import compose
from dancegen.gan.dance_model import DanceModel
from dancegen.music.beats import Heard, hear

SEED = 920_000


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(description="Cost of a dance.")
    options.add_argument("checkpoints", nargs="+")
    options.add_argument("--seconds", type=float, default=180.0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--candidates", type=int, default=8)
    given = options.parse_args()
    torch.set_num_threads(1)
    samples = sound(compose("kpop", SEED, given.seconds))
    heard = hear(samples)
    models = {Path(name).stem: load_model(name) for name in given.checkpoints}
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for _ in range(given.rounds):
        for name, model in models.items():
            one = cost(model, samples, [0], heard)
            many = cost(model, samples, list(range(given.candidates)), heard) / given.candidates
            spent[name].append((one, many))
    print(f"| model | head | poses/s | CPU s a minute | of {given.candidates} at once |\n|---|---|---|---|---|")
    for name, model in models.items():
        one, many = (statistics.median(column) for column in zip(*spent[name], strict=True))
        print(f"| {name} | {model.config.head} | {model.config.fps:g} | {one:.3f} | {many:.3f} |")


def cost(model: DanceModel, samples: np.ndarray, seeds: list[int], heard: Heard) -> float:
    """Processor seconds of the dances of these seeds, for each minute of the song."""
    started = time.process_time()
    model.candidates(samples, seeds, heard=heard)
    return (time.process_time() - started) / (len(samples) / 16000 / 60)


if __name__ == "__main__":
    main()
