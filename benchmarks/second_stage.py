"""Effect of the second training stage on the dances of the first, trained from scratch with several seeds.

    python benchmarks/second_stage.py CLIPS [key=value ...] [--seeds 3] [--unstable]

Settings are those of configs/laptop/train_dance.yaml, with overrides. `--unstable` trains each seed again with the
settings from before the second stage was stabilised. Prints a Markdown table of the scores on both held-out splits
after the first stage (`model.losses.adversarial_from_epoch`) and at the end. The finished model is selected on the
validation split; the test split is not used for the selection.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from dancegen import config as settings
from dancegen.checkpoints import checkpoint
from dancegen.steps.train_dance.settings import TrainDanceConfig
from dancegen.steps.train_dance.training import DanceTraining
from dancegen.steps.train_dance.validation import score_clips, summarize
from dancegen.training.batch import Batch
from dancegen.training.clips import Clips, Shard

CONFIG = Path(__file__).parents[1] / "configs" / "laptop" / "train_dance.yaml"
UNSTABLE = [
    *("model.losses.perceptual_scale=published", "model.losses.ramp_updates=0", "model.losses.gradient_limit=null"),
    *("model.optimizer.gradient_clip=null", "model.generator.output=tanh"),
]
TESTED = 256  # clips, evenly spaced
COLUMNS = ("l1", "motion_error", "speed_ratio", "jerk_ratio", "beat_alignment")


def main() -> None:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    parser.add_argument("--unstable", action="store_true", help="also train with the former, unstable settings")
    given = parser.parse_args()
    kinds = [("stable", []), *([("unstable", UNSTABLE)] if given.unstable else [])]
    names = [f"{split} {name}" for split in ("validation", "test") for name in COLUMNS]
    print(f"| seed | model | {' | '.join(names)} |")
    print("| --- " * (len(names) + 2) + "|")
    for seed in range(given.seeds):
        for kind, changes in kinds:
            config = settings.load(TrainDanceConfig, str(CONFIG), [*given.overrides, *changes, f"seed={seed}"])
            for stage, validation, test in stages(config, given.clips):
                cells = [f"{found[name]:.3g}" for found in (validation, test) for name in COLUMNS]
                print(f"| {seed} | {kind}, {stage} | {' | '.join(cells)} |", flush=True)


def stages(config: TrainDanceConfig, uri: str) -> Iterator[tuple[str, dict[str, float], dict[str, float]]]:
    """Name and scores on both held-out splits of the first stage's model, the last and the finished one.

    The finished model is selected as in train_dance: the best epoch by `monitor` on validation.
    """
    perceptual = checkpoint.load_perceptual(checkpoint.shipped_perceptual())
    training = DanceTraining(config.model, config.seed, perceptual=perceptual)
    clips, *held_out = (Clips(uri, name, config.model.normalization) for name in ("train", "validation", "test"))
    batches = [split.some(TESTED) for split in held_out]
    first, best = config.model.losses.adversarial_from_epoch, (0, [{config.monitor: math.inf}])
    for epoch in range(1, config.epochs + 1):
        training.epoch = epoch - 1
        for batch in clips.epoch(Shard(0, 1, config.batch_size * config.workers, config.seed, epoch - 1)):
            training.step(batch)
        if epoch % config.validate_every and epoch not in (first, config.epochs):
            continue
        found = [numbers(training, batch) for batch in batches]
        if epoch == first:
            yield f"epoch {epoch}, end of the first stage", *found
        if found[0][config.monitor] < best[1][0][config.monitor]:
            best = epoch, found
    yield f"epoch {config.epochs}, the last", *found
    yield f"epoch {best[0]}, the finished model", *best[1]


def numbers(training: DanceTraining, batch: Batch) -> dict[str, float]:
    """Validation scores on held-out clips."""
    dances = training.dances(batch)
    plain = {name: float(value) for name, value in training.validate(batch, dances).items()}
    return plain | summarize(score_clips(batch, dances, training.config))


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
