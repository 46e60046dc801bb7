"""Overhead of rendering over encoding: a song to a video, against the encoder alone on the same frames.

    python benchmarks/render.py [SECONDS]

Prints a line per look: frames per second of both, and the ratio of their speeds (1: generation and drawing are free),
with the time of the dance and without.
All frames are kept in memory for the encoder, about 3 MB each.
"""

import sys
import tempfile
import time
from pathlib import Path

from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.structure import compose
from dancegen.drawing.draw import LOOKS
from dancegen.gan.dance_model import DanceModel
from dancegen.media.audio import load
from dancegen.media.video import VideoWriter
from dancegen.media.wav import write_wav
from dancegen.steps.render.dancing import dance
from dancegen.steps.render.looks.look import load_look
from dancegen.steps.render.looks.sizes import drawn_size
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.stage import render_song


def main() -> None:
    """Measure every look."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    model = load_model(None)
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder, "song.wav")
        write_wav(song, synthesize(compose("kpop", 0, seconds)), RATE)
        warm = PictureConfig(look="skeleton")
        render_song(str(song), f"{folder}/warm.mp4", model, warm, load_look(warm))  # warm-up: loads libraries
        for look in LOOKS:
            picture = PictureConfig(look=look)
            made = render_song(str(song), f"{folder}/made.mp4", model, picture, load_look(picture))
            alone_s = encode_alone(Path(folder, "alone.mp4"), song, model, picture)
            pictures_s = made.wall_s - made.motion_s
            print(
                f"{look}: {made.frames / made.wall_s:.0f} frames/s, {made.frames / pictures_s:.0f} after the dance, "
                f"the encoder alone {made.frames / alone_s:.0f}: "
                f"{alone_s / made.wall_s:.2f} and {alone_s / pictures_s:.2f} of its speed"
            )


def encode_alone(path: Path, song: Path, model: DanceModel, picture: PictureConfig) -> float:
    """Seconds to encode the already drawn frames of a dance, with audio."""
    size = drawn_size(picture)
    joints = dance(load(song, str(song)), model, size, picture.fps, seed=0).joints_px
    pictures = [LOOKS[picture.look](each, *size) for each in joints]
    started = time.perf_counter()
    with VideoWriter(path, *size, picture.fps, sound=song) as writer:
        for frame in pictures:
            writer.write(frame)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
