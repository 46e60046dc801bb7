"""Overhead of rendering a person over its network: a song to a video, against the generator alone in a loop.

    python benchmarks/render_person.py [SECONDS] [CHECKPOINT]

Without a checkpoint, an untrained person with the default settings is used: the speed is the same. Prints the pictures
per second of both, and the ratios of their times (1: everything but the generator is free); on a busy machine, that of
the CPU times is the one to trust. The loop has the batches, the precision and the layout of the rendering, and neither
draws conditions nor copies pictures to the CPU.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from dancegen.checkpoints import person as checkpoints
from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.structure import compose
from dancegen.media.audio import load
from dancegen.media.wav import write_wav
from dancegen.precision import autocast
from dancegen.renderer.condition import draw_condition
from dancegen.renderer.driving.body_fit import measure
from dancegen.renderer.driving.film import BATCH, Film, groups
from dancegen.renderer.driving.pose_range import measure_range
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.person import Person
from dancegen.renderer.settings import DEFAULT
from dancegen.steps.render.dancing import dance
from dancegen.steps.render.looks.look import load_look
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.stage import render_song


def main() -> None:
    """Measure one song."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_model(None)
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder, "song.wav")
        write_wav(song, synthesize(compose("kpop", 0, seconds)), RATE)
        joints = dance(load(song, str(song)), model, (1, 1), 30.0, seed=0).joints_px
        path = Path(sys.argv[2]) if len(sys.argv) > 2 else _untrained(Path(folder, "person.safetensors"), joints)
        picture = PictureConfig(look=str(path))
        look = load_look(picture, device)
        render_song(str(song), f"{folder}/warm.mp4", model, picture, look)  # warm-up: loads libraries
        made = render_song(str(song), f"{folder}/made.mp4", model, picture, look)
        alone_s, alone_compute_s = generate_alone(checkpoints.load_person(str(path), device), joints)
    print(
        f"{look.size[0]}x{look.size[1]} on {device}: {made.frames / made.wall_s:.1f} pictures/s, "
        f"the generator alone {made.frames / alone_s:.1f}: {made.wall_s / alone_s:.2f} times its time, "
        f"{made.compute_s / alone_compute_s:.2f} times its CPU time"
    )


@torch.inference_mode()
def generate_alone(person: Person, joints: np.ndarray) -> tuple[float, float]:
    """Wall-clock and CPU seconds that the generator takes for as many pictures."""
    film = Film(person)
    device = next(person.generator.parameters()).device
    memory = person.config.previous_frame
    batches = [len(edges) - 1 for edges in groups(len(joints)) for _ in range(edges[1] - edges[0])]
    batches = batches if memory else [BATCH] * -(-len(joints) // BATCH)
    places = torch.from_numpy(joints[:BATCH]).to(device)
    condition = draw_condition(places, person.height_px, person.width_px, person.config)
    condition = condition.contiguous(memory_format=film.layout)
    plate = torch.zeros_like(condition[:, :3])
    started, started_compute = time.perf_counter(), time.process_time()
    previous = plate
    for size in batches:
        with autocast("auto", condition):
            picture = person.generator(condition[:size], previous[:size], plate[:size], places[:size]).picture
        previous = picture.float() if memory else plate
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started, time.process_time() - started_compute


def _untrained(path: Path, joints: np.ndarray) -> Path:
    body = measure(joints, aspect=1.0)
    side = DEFAULT.height_px
    untrained = Person(
        generator=PersonGenerator(DEFAULT),
        config=DEFAULT,
        body=body,
        poses=measure_range(joints, body),
        plate=np.zeros((side, side, 3), dtype=np.uint8),
        height_px=side,
        width_px=side,
        name="untrained",
        consent="A random network: no person was filmed.",
        licence="CC0-1.0",
    )
    checkpoints.save(path, untrained)
    return path


if __name__ == "__main__":
    main()
