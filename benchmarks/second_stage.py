"""Does the second stage of a training improve the dances of its first stage? From new weights, over several seeds.

    python benchmarks/second_stage.py CLIPS [--seeds 0 1 2] [--split validation] [--unstable] [key=value ...]

Settings are those of configs/laptop/train_dance.yaml; overrides follow. `--unstable` trains
each seed again with the settings from before the second stage was made stable. Prints a Markdown table of what
validation measures on held-out songs after the first stage (`model.losses.adversarial_from_epoch`) and at the end.
"""

import argparse
import sys
from pathlib import Path

import torch

from dancegen import config as settings
from dancegen.models import checkpoint
from dancegen.settings.train_dance import TrainDanceConfig
from dancegen.training.clips import Clips, Share
from dancegen.training.dance import DanceTraining
from dancegen.training.validation import measure, summarize

CONFIG = Path(__file__).parents[1] / "configs" / "laptop" / "train_dance.yaml"
UNSTABLE = [
    *("model.losses.perceptual_scale=published", "model.losses.ramp_updates=0", "model.losses.gradient_limit=null"),
    *("model.optimizer.gradient_clip=null", "model.generator.output=tanh"),
]
TESTED = 256  # clips, evenly from all
COLUMNS = ("l1", "misfit", "frechet_pose", "frechet_k2", "speed_ratio", "jerk_ratio", "beat_alignment")


def main() -> None:
    """Train, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--split", default="validation")
    parser.add_argument("--unstable", action="store_true", help="train with the former settings, too")
    given, overrides = parser.parse_known_args()
    kinds = [("stable", []), *([("unstable", UNSTABLE)] if given.unstable else [])]
    print(f"| seed | model | {' | '.join(COLUMNS)} |")
    print("| --- " * (len(COLUMNS) + 2) + "|")
    for seed in given.seeds:
        for kind, changes in kinds:
            config = settings.load(TrainDanceConfig, str(CONFIG), [*overrides, *changes, f"seed={seed}"])
            for stage, found in stages(config, given.clips, given.split):
                numbers = " | ".join(f"{found[name]:.3g}" if name in found else "-" for name in COLUMNS)
                print(f"| {seed} | {kind}, {stage} | {numbers} |", flush=True)


def stages(config: TrainDanceConfig, uri: str, split: str) -> list[tuple[str, dict[str, float]]]:
    """What validation measures after the first stage and at the end."""
    perceptual = checkpoint.load_perceptual(checkpoint.shipped_perceptual())
    training = DanceTraining(config.model, config.seed, perceptual=perceptual)
    clips, held_out = (Clips(uri, name, config.model.normalization) for name in ("train", split))
    tested, found = held_out.some(TESTED), []
    first = config.model.losses.adversarial_from_epoch
    for epoch in range(config.epochs):
        training.epoch = epoch
        for batch in clips.epoch(Share(0, 1, config.batch_size * config.workers, config.seed, epoch)):
            training.step(batch)
        if epoch + 1 in (first, config.epochs):
            name = f"epoch {epoch + 1}" + (" (end of the first stage)" if epoch + 1 == first else "")
            dances = training.dances(tested)
            plain = {name: float(value) for name, value in training.validate(tested, dances).items()}
            found.append((name, plain | summarize(measure(tested, dances, config.model))))
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
