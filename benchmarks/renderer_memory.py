"""Memory of the renderer: peak of a training update and of rendering, each in a process of its own.

    python benchmarks/renderer_memory.py [SIZE ...] [--preset default paper]

SIZE is the side of square pictures in pixels (256, 512 and 1024 by default). Prints a Markdown table of the peak
resident memory on a CPU, or of the allocated memory on a GPU, in GB, and of the seconds of an update and of a picture.
An update has batch 1, random pictures and no perceptual network; a rendering makes one picture.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import torch

from dancegen.precision import autocast
from dancegen.renderer.condition import condition_channels
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.settings import DEFAULT, ENHANCED_1024, PAPER, RendererConfig
from dancegen.steps.train_renderer.frames import FLOW_SCALE, FrameBatch
from dancegen.steps.train_renderer.training import RendererTraining

PRESETS = {"default": DEFAULT, "paper": PAPER, "1024": ENHANCED_1024}
SIZES = (256, 512, 1024)
TASKS = ("update", "render")


def main() -> None:
    """Measure all, or one in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--preset", nargs="+", choices=PRESETS, default=["default", "paper"])
    parser.add_argument("--one", choices=TASKS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, PRESETS[given.preset[0]], given.sizes[0])))
        return
    print("| preset | size | update, GB | update, s | render, GB | render, s |\n|---|---|---|---|---|---|")
    for preset in given.preset:
        for size in given.sizes:
            cells = [cell for task in TASKS for cell in in_a_process(task, preset, size)]
            print(f"| {preset} | {size} | {' | '.join(cells)} |", flush=True)


def in_a_process(task: str, preset: str, size: int) -> tuple[str, str]:
    """Memory and time of a task; a dash where it does not fit."""
    command = [sys.executable, __file__, str(size), "--preset", preset, "--one", task]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return "-", "-"
    found = json.loads(done.stdout)
    return f"{found['gb']:.2f}", f"{found['seconds']:.2f}"


def measure(task: str, preset: RendererConfig, size: int) -> dict[str, float]:
    """Peak memory in GB and seconds of the second of two passes."""
    config = preset.model_copy(update={"height_px": size, "width_px": size})
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if task == "update":
        training, batch = RendererTraining(config, 0, 100, lambda network: network.to(device)), random_batch(size)

        def once() -> None:
            training.step(batch.to(device))
    else:
        generator = PersonGenerator(config).eval().to(device)
        condition = torch.rand(1, condition_channels(config), size, size, device=device)
        picture = torch.rand(1, 3, size, size, device=device)

        def once() -> None:
            with torch.inference_mode(), autocast("auto", condition):
                generator(condition, picture, picture)

    once()
    started = time.process_time()
    once()
    return {"gb": peak_gb(), "seconds": time.process_time() - started}


def random_batch(size: int) -> FrameBatch:
    """A window of two frames of random pictures."""
    cells = size // FLOW_SCALE
    return FrameBatch(
        pictures=torch.rand(1, 2, 3, size, size) * 2 - 1,
        joints=torch.rand(1, 2, 18, 3),
        plate=torch.rand(1, 3, size, size) * 2 - 1,
        matte=torch.rand(1, 1, size, size).round(),
        matte_known=torch.ones(1),
        flow=torch.zeros(1, 2, cells, cells),
        flow_valid=torch.ones(1, cells, cells),
    )


def peak_gb() -> float:
    """Peak of this process: allocated memory of the GPU, or resident memory."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
