"""What rendering a library costs beyond its pictures and their encoding, and what a second worker brings.

    python benchmarks/render_catalogue.py [--seconds 20] [--person mia] [--results FILE]

1. For each look: a song by the stage of `render` (decode, beats, dance, pictures, encoding, publishing), against a loop
   of the dance model, the look and the encoder, whose inputs are there, in turns. 1 is no overhead. Then against that
   loop without the dance model, and the same for the stage that finds its dance in the table of motions, where
   `motion_actors` put it.
2. The job of many short songs through Ray: seconds for each song beyond those of that loop, from the difference of two
   numbers of songs, so that the start of Ray does not count.
3. The same with two workers, against one, and with a worker more that makes the dances ahead.
"""

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dance_quality as gate
import torch

from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.media.audio import load
from dancegen.media.video import VideoWriter
from dancegen.media.wav import write_wav
from dancegen.media.write_behind import write_all
from dancegen.steps.render.candidates import best_dance
from dancegen.steps.render.dancing import WHOLE, dance
from dancegen.steps.render.looks.look import load_look
from dancegen.steps.render.motions import Motions
from dancegen.steps.render.pipeline import run
from dancegen.steps.render.settings import PictureConfig, RenderConfig
from dancegen.steps.render.stage import render_song

ROUNDS, FEW, MANY, SHORT_S = 3, 4, 24, 10.0
SMALL = {"look": "skeleton", "fps": 25.0, "width_px": 640, "height_px": 360}


def main() -> None:
    """Print the three measures."""
    options = argparse.ArgumentParser(description="Overhead and speed-up of rendering a library.")
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--person", default="mia")
    options.add_argument("--results", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        looks = ("skeleton", "avatar", given.person)
        lines = [line for look in looks for line in whole_and_bare(folder, look, given.seconds)]
        lines += library(folder)
    text = "\n".join(["| what | measured |", "|---|---|", *lines])
    print(text)
    if given.results is not None:
        command = f"python benchmarks/render_catalogue.py --seconds {given.seconds:g}"
        title = f"# Rendering a library\n\n{gate.hardware()}, {datetime.now(UTC):%Y-%m-%d}; `{command}`\n\n"
        given.results.write_text(f"{title}{text}\n")


def whole_and_bare(folder: Path, look: str, seconds: float) -> list[str]:
    """Lines of the table: seconds of the loops over those of the stage, and of the stage with a dance made ahead."""
    picture, model = PictureConfig(look=look, fps=25.0), load_model(None)
    song, made = write_song(folder, 0, seconds), load_look(picture)
    kept = Motions(f"{folder}/motions-{look}", checkpoint_hash="", part=WHOLE)
    warm = write_song(folder, 1, 1.0)
    whole, ahead, loops = [], [], []
    render_song(str(warm), f"{folder}/warm.mp4", model, picture, made)
    render_song(str(song), f"{folder}/warm.mp4", model, picture, made, make=kept, dance_only=True)
    for _ in range(ROUNDS):
        for spent, make in ((whole, best_dance), (ahead, kept)):
            started = time.perf_counter()
            render_song(str(song), f"{folder}/whole.mp4", model, picture, made, make=make)
            spent.append(time.perf_counter() - started)
        loops.append(bare_s(folder, song, picture))
    dance_s, pictures_s = map(statistics.median, zip(*loops, strict=True))
    whole_s, ahead_s = statistics.median(whole), statistics.median(ahead)
    return [
        f"| {look}, {seconds:g} s: share of {what} | {least_s / all_s:.2f} ({least_s:.2f} of {all_s:.2f} s) |"
        for what, least_s, all_s in (
            ("dance model, pictures and encoding", dance_s + pictures_s, whole_s),
            ("pictures and encoding", pictures_s, whole_s),
            ("pictures and encoding, with the dance made ahead", pictures_s, ahead_s),
        )
    ]


def bare_s(folder: Path, song: Path, picture: PictureConfig) -> tuple[float, float]:
    """Seconds of the dance model alone, and of the pictures and their encoding alone."""
    look, model = load_look(picture), load_model(None)
    samples = load(song, str(song))
    heard = model.hear(samples)
    started = time.perf_counter()
    joints = dance(samples, model, look.size, picture.fps, seed=0, heard=heard).joints_px
    danced = time.perf_counter()
    writer = partial(VideoWriter, folder / "bare.mp4", *look.size, picture.fps, song)
    write_all(look.pictures(joints, picture.fps, lambda done: None).frames, writer())
    return danced - started, time.perf_counter() - danced


def library(folder: Path) -> list[str]:
    """Lines of the table about jobs through Ray."""
    songs = folder / "songs"
    songs.mkdir()
    for number in range(MANY):
        write_song(songs, number, SHORT_S)
    few = folder / "few.txt"
    few.write_text("\n".join(map(str, sorted(songs.iterdir())[:FEW])))
    one, two, ahead = (
        (job_s(folder, songs, *pools) - job_s(folder, few, *pools)) / (MANY - FEW) for pools in ((1, 0), (2, 0), (1, 1))
    )
    loops = [bare_s(folder, sorted(songs.iterdir())[0], PictureConfig(**SMALL)) for _ in range(ROUNDS)]
    dance_s, pictures_s = map(statistics.median, zip(*loops, strict=True))
    size = f"{SHORT_S:g} s, skeleton, 640x360"
    return [
        f"| a song of {size}, in a job with one worker: seconds | {one:.2f} |",
        f"| of these, beyond dance model, pictures and encoding | {one - dance_s - pictures_s:.2f} |",
        f"| of these, beyond pictures and encoding | {one - pictures_s:.2f} |",
        f"| beyond pictures and encoding, with dances made ahead by another worker | {ahead - pictures_s:.2f} |",
        f"| two workers against one | {one / two:.2f} |",
    ]


def job_s(folder: Path, songs: Path, actors: int, motion_actors: int) -> float:
    """Seconds of a job, with the start of its workers."""
    output = folder / f"videos-{songs.stem}-{actors}-{motion_actors}"
    pools = {"actors": actors, "min_actors": actors, "motion_actors": motion_actors}
    config = RenderConfig(songs=str(songs), output=str(output), **pools, **SMALL)
    return run(config).seconds


def write_song(folder: Path, number: int, seconds: float) -> Path:
    """A synthetic song as a WAV file."""
    path = folder / f"song-{number}.wav"
    song = compose(CATEGORIES[number % len(CATEGORIES)], gate.FIRST_SEED + number, seconds)
    write_wav(path, synthesize(song), RATE)
    return path


if __name__ == "__main__":
    main()
