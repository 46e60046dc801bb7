"""Train the network that finds beats, on synthetic songs.

    python -m dancegen.tools.train_beats FOLDER -o beat_network.safetensors

FOLDER keeps examples and the state of the training: the same command goes on after an interruption. On one core the
examples take half an hour and the training an hour and a quarter.
"""

import json
from pathlib import Path

import click
import safetensors.torch
import torch
from tqdm import tqdm

from dancegen import __version__
from dancegen.music.beat_network import ACTIVATIONS
from dancegen.tools.train_beats.examples import SECONDS, SHARD, shard
from dancegen.tools.train_beats.train import BATCH, CROP_FRAMES, Training

SAVE_STEPS = 50


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Weights.")
@click.option("--shards", default=260, show_default=True, help=f"Files of {SHARD} examples of {SECONDS:g} s.")
@click.option("--steps", default=13_000, show_default=True, help=f"Updates, each on {BATCH} crops.")
@click.option("--seed", default=0, show_default=True, help="Random seed of the weights and the crops.")
def main(folder: Path, output: Path, shards: int, steps: int, seed: int) -> None:
    """Make the examples, train, and write the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    examples = [one for number in tqdm(range(shards), desc="examples") for one in shard(folder, number)]
    training, state = Training(examples, steps, seed), folder / "training.pt"
    if state.exists():
        training.load(state)
    with tqdm(desc="updates", total=steps, initial=training.done) as bar:
        while training.done < steps:
            loss = training.step()
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()
            if training.done % SAVE_STEPS == 0 or training.done == steps:
                training.save(state)
    write(training, output)


def write(training: Training, output: Path) -> None:
    """Write the weights, two bytes each, with a card of how they were made."""
    card = {
        "kind": "dancegen.beat_network",
        "activations": ACTIVATIONS,
        "data": f"{len(training.examples)} synthetic songs of {SECONDS:g} s (corpus/music/practice.py)",
        "updates": training.done,
        "crops": f"{BATCH} of {CROP_FRAMES} frames",
        "dancegen": __version__,
    }
    weights = {
        name: value.to(torch.float16).contiguous() if value.is_floating_point() else value
        for name, value in training.network.state_dict().items()
    }
    safetensors.torch.save_file(weights, output, {name: json.dumps(value) for name, value in card.items()})


if __name__ == "__main__":
    main()
