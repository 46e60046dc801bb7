"""Both heads of the dance model on one device: dances and updates a second, and memory.

    python benchmarks/heads.py [--device cuda] [--dances 64] [--seconds 30] [--clips 64] [--rounds 5] [--results FILE]

For a GPU, where it takes ten minutes; a CPU needs small numbers: `--dances 2 --seconds 8 --clips 4 --rounds 1`. Dances
are those of one song with as many seeds, drawn as a batch, as for as many songs. Updates are those of the GAN with all
its losses and of the transformer of tokens, on random clips. Each is measured in float32, in bfloat16 and, for updates,
compiled, in turns; `ratio` is that to float32, the median over the rounds. On a GPU, memory is the most that was
allocated.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dance_quality as gate
import torch
from train_step import network

from dancegen.checkpoints.checkpoint import load_model
from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.gan.dance_model import DanceModel, build_generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.precision import Precision, autocast
from dancegen.steps.train_dance.token_training import TokenTraining
from dancegen.steps.train_dance.training import DanceTraining
from dancegen.training.batch import Batch

CLIP_S, UPDATES = 8.0, 10
KINDS: tuple[tuple[Precision, bool], ...] = (("float32", False), ("bfloat16", False), ("bfloat16", True))
Call = Callable[[], object]


def main() -> None:
    """Print a table of dances and one of updates."""
    options = argparse.ArgumentParser(description="Speed of both heads of the dance model.")
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for name, number in (("--dances", 64), ("--seconds", 30), ("--clips", 64), ("--rounds", 5)):
        options.add_argument(name, type=int, default=number)
    options.add_argument("--results", type=Path)
    given = options.parse_args()
    text = "\n\n".join([dances(given), updates(given)])
    print(text)
    if given.results is not None:
        name = torch.cuda.get_device_name() if given.device == "cuda" else gate.hardware()
        command = f"python benchmarks/heads.py --dances {given.dances} --seconds {given.seconds} --clips {given.clips}"
        given.results.write_text(f"# Both heads\n\n{name}, {datetime.now(UTC):%Y-%m-%d}; `{command}`\n\n{text}\n")


def dances(given: argparse.Namespace) -> str:
    """The table of dances."""
    models = {"gan": DanceModel(build_generator(DanceModelConfig()), DanceModelConfig()), "tokens": load_model(None)}
    samples = synthesize(compose(CATEGORIES[0], gate.FIRST_SEED, given.seconds))
    calls: dict[str, Call] = {}
    for head, model in models.items():
        model.generator.to(given.device)
        music, _ = model._song(samples, None)  # pyright: ignore[reportPrivateUsage]
        for precision, compiled in KINDS[:2]:
            calls[label(head, precision, compiled)] = drawn(model, music, given.dances, precision)
    title = f"{given.dances} dances of {given.seconds} s"
    return table(title, "dances a second", measured(calls, given, 1), given.dances)


def drawn(model: DanceModel, music: Any, number: int, precision: Precision) -> Call:
    """Draws so many dances to the music."""

    @torch.inference_mode()
    def call() -> None:
        with autocast(precision, music.audio):
            model.head.song(music, range(number), 0, None, 3000)

    return call


def updates(given: argparse.Namespace) -> str:
    """The table of updates."""
    calls: dict[str, Call] = {}
    for precision, compiled in KINDS:
        gan = DanceModelConfig()
        training = DanceTraining(
            gan,
            0,
            lambda part: part.to(given.device),
            perceptual=network("default").eval().requires_grad_(False).to(given.device),
            precision=precision,
            compiled=compiled,
        )
        calls[label("gan", precision, compiled)] = step(training, clips(gan, given))
        tokens = load_model(None).config
        second = TokenTraining(
            tokens, 0, lambda part: part.to(given.device), precision=precision, compiled=compiled, styles=CATEGORIES
        )
        second.epoch = tokens.tokens.tokenizer_epochs
        calls[label("tokens", precision, compiled)] = step(second, clips(tokens, given))
    return table(
        f"updates with {given.clips} clips of {CLIP_S:g} s", "updates a second", measured(calls, given, UPDATES), 1
    )


def step(training: DanceTraining | TokenTraining, batch: Batch) -> Call:
    """One update."""
    return lambda: training.step(batch)


def clips(config: DanceModelConfig, given: argparse.Namespace) -> Batch:
    """Random clips with a steady beat."""
    random, number, frames = torch.Generator().manual_seed(0), given.clips, round(CLIP_S * config.fps)
    turns = torch.arange(frames)[:, None] / config.fps * 2 * torch.tensor([1.0, 1 / 4, 1 / 32]) * 2 * torch.pi
    phases = torch.stack([turns.sin(), turns.cos()], dim=2).flatten(1)
    rhythm = torch.cat([torch.zeros(frames, len(RHYTHM_CHANNELS) - phases.shape[1]), phases], dim=1)
    return Batch(
        audio=0.1 * torch.randn(number, frames, round(SAMPLE_RATE / config.fps), generator=random),
        rhythm=rhythm.expand(number, -1, -1).contiguous(),
        pose=0.3 * torch.randn(number, frames, 18, 2, generator=random),
        mask=torch.ones(number, frames, 18),
        ids=torch.arange(number),
        style=torch.ones(number, dtype=torch.long) if config.head == "tokens" else None,
    ).to(given.device)


def measured(calls: dict[str, Call], given: argparse.Namespace, repeats: int) -> dict[str, tuple[list[float], float]]:
    """Seconds of each call in each round, and its memory in GiB."""
    found: dict[str, tuple[list[float], float]] = {}
    on_gpu = given.device == "cuda"
    for name, call in calls.items():
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
        call()
        call()  # the first one compiles
        found[name] = ([], torch.cuda.max_memory_allocated() / 2**30 if on_gpu else 0.0)
    for number in range(given.rounds):
        for name in sorted(calls, reverse=bool(number % 2)):
            started = now_s(on_gpu)
            for _ in range(repeats if on_gpu else 1):
                calls[name]()
            found[name][0].append((now_s(on_gpu) - started) / (repeats if on_gpu else 1))
    return found


def now_s(on_gpu: bool) -> float:
    """The time, once all that was started has ended."""
    if on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter()


def table(title: str, unit: str, found: dict[str, tuple[list[float], float]], amount: int) -> str:
    """A table of all calls; ratios are to the head's first line."""
    lines = [f"{title}:", "", f"| head | {unit} | ratio | memory, GiB |", "|---|---|---|---|"]
    for name, (times, memory) in found.items():
        plain = found[label(name.split(",")[0], *KINDS[0])][0]
        ratio = statistics.median(one / other for one, other in zip(plain, times, strict=True))
        gib = f"{memory:.1f}" if memory else ""
        lines.append(f"| {name} | {amount / statistics.median(times):.3g} | {ratio:.2f} | {gib} |")
    return "\n".join(lines)


def label(head: str, precision: str, compiled: bool) -> str:
    """The name of a line."""
    return f"{head}, {precision}{', compiled' if compiled else ''}"


if __name__ == "__main__":
    main()
