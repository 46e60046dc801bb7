"""One song to one video: rendering without Ray."""

import sys

import torch
from tqdm import tqdm

from dancegen import outputs, storage
from dancegen.checkpoints.checkpoint import load_model
from dancegen.exports import formats
from dancegen.exports.dance import Dance, load
from dancegen.steps.render.again import Again
from dancegen.steps.render.candidates import best_dance
from dancegen.steps.render.looks.look import load_look
from dancegen.steps.render.settings import DanceConfig
from dancegen.steps.render.stage import Rendered, render_song

REPLACE = "Give --overwrite to replace it, or name another video."


def run(config: DanceConfig) -> Rendered:
    """Make the video and the files of other formats, with a progress bar over the frames.

    Raises ConfigError when one of these files would replace the song or a file of another program.
    """
    exports = formats.places(config.exports, config.video.rpartition("/")[0], storage.stem(config.video))
    outputs.check_apart(exports.values(), [config.song, config.video])
    for place in () if config.overwrite else exports.values():
        outputs.check_ours(place, REPLACE)
    look = load_look(config, "cuda" if torch.cuda.is_available() else "cpu")
    interval_s = 0.1 if sys.stderr.isatty() else 5.0  # a log file needs fewer updates than a terminal
    with tqdm(desc="pictures", mininterval=interval_s, file=sys.stderr) as bar:

        def progress(done: int, frames: int) -> None:
            bar.total = frames
            bar.update(done - bar.n)

        model = load_model(config.checkpoint)
        make = best_dance if config.dance is None else Again(_saved(config.dance), config.dance, config.section)
        rendered = render_song(config.song, config.video, model, config, look, progress, exports, make=make)
    tqdm.write(f"{rendered.seconds:.1f} s of dance in {rendered.wall_s:.1f} s: {config.video}", file=sys.stderr)
    if rendered.note:
        tqdm.write(f"{config.song}: {rendered.note}.", file=sys.stderr)
    return rendered


def _saved(dance: str) -> Dance:
    with storage.reading(dance) as path:
        return load(path, dance)
