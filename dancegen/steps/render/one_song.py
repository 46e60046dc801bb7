"""One song to one video: rendering without Ray."""

import sys

import torch
from tqdm import tqdm

from dancegen.checkpoints.checkpoint import load_model
from dancegen.steps.render.looks import load_look
from dancegen.steps.render.settings import DanceConfig
from dancegen.steps.render.stage import Rendered, render_song


def run(config: DanceConfig) -> Rendered:
    """Make the video, with a progress bar over its frames."""
    look = load_look(config, "cuda" if torch.cuda.is_available() else "cpu")
    interval_s = 0.1 if sys.stderr.isatty() else 5.0  # a log file needs fewer updates than a terminal
    with tqdm(desc="pictures", mininterval=interval_s, file=sys.stderr) as bar:

        def progress(done: int, frames: int) -> None:
            bar.total = frames
            bar.update(done - bar.n)

        rendered = render_song(config.song, config.video, load_model(config.checkpoint), config, look, progress)
    tqdm.write(f"{rendered.seconds:.1f} s of dance in {rendered.wall_s:.1f} s: {config.video}", file=sys.stderr)
    if rendered.note:
        tqdm.write(f"{config.song}: {rendered.note}.", file=sys.stderr)
    return rendered
