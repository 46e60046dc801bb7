"""Effect of each loss: the four rows of the paper's ablation, trained alike, with the curves of all losses and metrics.

    python benchmarks/ablation.py CLIPS [--start training.pt] [--updates 1200] [--every 150] [--output FOLDER]

Every row starts from the same weights: initial ones, or those of a training's checkpoint (usually after its first
stage, before `adversarial_from_epoch`). Writes ablation.csv and ablation.png: every loss, and the validation scores on
held-out songs, against the number of updates.
"""

import argparse
import csv
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import matplotlib as mpl
import torch

from dancegen import config as settings
from dancegen.checkpoints import checkpoint
from dancegen.steps.train_dance.settings import TrainDanceConfig
from dancegen.steps.train_dance.training import Batch, DanceTraining
from dancegen.steps.train_dance.validation import score_clips, summarize
from dancegen.training.clips import Clips, Shard
from dancegen.training.clips import summarize as summarize_clips
from dancegen.training.meters import Mean, merged

mpl.use("agg")
from matplotlib import pyplot as plt

CONFIGS = Path(__file__).parents[1] / "configs"
ROWS = ("l1", "global_d", "local_d", "full")
VALIDATED = 256  # clips, evenly spaced
Point = dict[str, float | str]


def main() -> None:
    """Train the rows and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips")
    parser.add_argument("--start")
    parser.add_argument("--updates", type=int, default=1200)
    parser.add_argument("--every", type=int, default=150)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    points = [point for row in ROWS for point in train(row, given.clips, given.start, given.updates, given.every)]
    write(points, given.output)


def train(row: str, uri: str, start: str | None, updates: int, every: int) -> Iterator[Point]:
    """Losses and scores of one row, every `every` updates."""
    overrides = [f"base={CONFIGS}/presets/{row}.yaml", "model.losses.adversarial_from_epoch=0"]
    config = settings.load(TrainDanceConfig, str(CONFIGS / "train_dance.yaml"), overrides)
    perceptual = checkpoint.load_perceptual(checkpoint.shipped_perceptual())
    styles = summarize_clips(uri).styles
    training = DanceTraining(config.model, config.seed, perceptual=perceptual, styles=styles)
    if start:
        training.load(torch.load(start, weights_only=True)["training"])
    clips, held_out = (
        Clips(uri, split, config.model.normalization, styles=styles) for split in ("train", "validation")
    )
    validated, mean = held_out.some(VALIDATED), Mean()
    yield tell({"row": row, "updates": 0, **validate(training, validated)})
    for update, batch in enumerate(endless(clips, config), 1):
        mean.add(training.step(batch))
        if update % every == 0:
            losses = {f"train/{name}": value for name, value in merged([mean.sums()]).items()}
            yield tell({"row": row, "updates": update, **losses, **validate(training, validated)})
            mean = Mean()
        if update == updates:
            return


def endless(clips: Clips, config: TrainDanceConfig) -> Iterator[Batch]:
    """The same batches for every row."""
    for epoch in count():
        yield from clips.epoch(Shard(0, 1, config.batch_size, config.seed, epoch))


def validate(training: DanceTraining, validated: Batch) -> dict[str, float]:
    """Scores of train_dance on held-out songs."""
    dances = training.dances(validated)
    plain = {name: float(value) for name, value in training.validate(validated, dances).items()}
    return plain | summarize(score_clips(validated, dances, training.config))


def tell(point: Point) -> Point:
    """Print a point as one line."""
    print(" ".join(f"{name}={value if isinstance(value, str) else f'{value:.3g}'}" for name, value in point.items()))
    return point


def write(points: list[Point], folder: Path) -> None:
    """Write the numbers (CSV) and the curves (PNG)."""
    names = list(dict.fromkeys(name for point in points for name in point))
    with open(folder / "ablation.csv", "w", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(points)
    drawn = [name for name in names if name not in ("row", "updates")]
    figure, axes = plt.subplots(-(-len(drawn) // 4), 4, figsize=(16, 2.6 * -(-len(drawn) // 4)), layout="constrained")
    for place, name in zip(axes.flat, drawn, strict=False):
        for number, row in enumerate(ROWS):
            found = [(point["updates"], point[name]) for point in points if point["row"] == row and name in point]
            place.plot(*zip(*found, strict=True), marker=".", color=f"C{number}", label=row) if found else None
        place.set_title(name)
    for place in axes.flat[len(drawn) :]:
        place.axis("off")
    axes.flat[0].legend()
    figure.savefig(folder / "ablation.png", dpi=80)


if __name__ == "__main__":
    main()
