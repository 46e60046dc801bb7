"""One song to one video: rendering without Ray."""

import sys
from collections.abc import Iterable, Iterator

import numpy as np
from tqdm import tqdm

from dancegen.checkpoints.checkpoint import load_model
from dancegen.steps.render.settings import DanceConfig
from dancegen.steps.render.stage import Rendered, render_song


def run(config: DanceConfig) -> Rendered:
    """Make the video, with a progress bar over its frames."""
    rendered = render_song(config.song, config.video, load_model(config.checkpoint), config, _bar)
    tqdm.write(f"{rendered.seconds:.1f} s of dance in {rendered.wall_s:.1f} s: {config.video}", file=sys.stderr)
    if rendered.note:
        tqdm.write(f"{config.song}: {rendered.note}.", file=sys.stderr)
    return rendered


def _bar(joints: np.ndarray) -> Iterator[np.ndarray]:
    interval_s = 0.1 if sys.stderr.isatty() else 5.0  # a log file needs fewer updates than a terminal
    pictures: Iterable[np.ndarray] = tqdm(joints, desc="pictures", mininterval=interval_s, file=sys.stderr)
    yield from pictures
