"""Speed of one update of the `paper` preset and of its parts, against an unoptimised update.

    python benchmarks/train_step.py [ROUNDS]

The plain update (`plain_step.py`) implements the recipe directly. Both are measured alternately in one run, so that
other load affects both; medians over the rounds. On 1 and 2 threads, in float32 and bfloat16, and on a GPU if there is
one.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
from plain_step import PlainStep
from torch import Tensor

from dancegen.gan import losses
from dancegen.gan.settings import PAPER
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import PAPER_STGCN
from dancegen.precision import Precision, autocast, computes_in_bfloat16
from dancegen.steps.train_dance.training import DanceTraining, GeneratorOutput
from dancegen.training.batch import Batch

CLIPS, FRAMES, SAMPLES, JOINTS = 16, 50, 1600, 18
CLASSES, ROUNDS, GPU_UPDATES = 16, 5, 10
Forms = dict[str, Callable[[], object]]


def main() -> None:
    """Print a table per device, number of threads and precision."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    for threads in (1, 2):
        torch.set_num_threads(threads)
        report(f"CPU, {threads} thread(s), float32", "cpu", "float32", rounds, parts=True)
        if computes_in_bfloat16("cpu"):
            report(f"CPU, {threads} thread(s), bfloat16", "cpu", "bfloat16", rounds, parts=True)
    if not computes_in_bfloat16("cpu"):
        print("\nThis CPU has no bfloat16 instructions.")
    if torch.cuda.is_available():
        torch.backends.cudnn.benchmark = True
        for precision in ("float32", "bfloat16"):
            report(f"{torch.cuda.get_device_name()}, {precision}", "cuda", precision, rounds, parts=True)
        report("the same, compiled", "cuda", "bfloat16", rounds, parts=False, compiled=True)


def report(title: str, device: str, precision: Precision, rounds: int, *, parts: bool, compiled: bool = False) -> None:
    """Measure and print one table; the plain update is always in float32."""
    batch = clips().to(device)
    plain = PlainStep(PAPER, network()).to(device)
    ours = training(device, precision, compiled)
    pairs: dict[str, Forms] = {"a whole update": {"plain": lambda: plain.step(batch), "ours": lambda: ours.step(batch)}}
    if parts:
        pairs |= parts_of(plain, ours, batch)
    print(f"\n{title}\n{'':24}{'plain, s':>12}{'ours, s':>12}{'ratio':>8}")
    for name, forms in pairs.items():
        times, ratio = by_turns(forms, rounds, device)
        print(f"{name:24}{times['plain']:12.4f}{times['ours']:12.4f}{ratio:8.2f}", end="")
        rates = (f"{CLIPS / times[form]:.1f}" for form in forms)
        print(f"   clips/s: {' and '.join(rates)}" if name == "a whole update" else "", flush=True)


def by_turns(forms: Forms, rounds: int, device: str) -> tuple[dict[str, float], float]:
    """Median seconds of each form, and the median of the rounds' ratios."""
    times: dict[str, list[float]] = {name: [] for name in forms}
    for form in forms.values():
        seconds(form, device)
    for number in range(rounds):
        for name in sorted(forms, reverse=bool(number % 2)):
            times[name].append(seconds(forms[name], device))
    ratios = [plain / ours for plain, ours in zip(times["plain"], times["ours"], strict=True)]
    return {name: statistics.median(values) for name, values in times.items()}, statistics.median(ratios)


def seconds(form: Callable[[], object], device: str) -> float:
    """Seconds per call. A GPU gets GPU_UPDATES calls, so that its queue does not run empty."""
    calls = GPU_UPDATES if device == "cuda" else 1
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(calls):
        form()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / calls


def parts_of(plain: PlainStep, ours: DanceTraining, batch: Batch) -> dict[str, Forms]:
    """Forward and backward passes of each part of both, on their own."""
    fake = (batch.pose + 0.05).requires_grad_()
    noise = fake.new_zeros(CLIPS, FRAMES, PAPER.generator.noise)
    attempt = GeneratorOutput(batch, fake, noise, None, torch.ones(CLIPS, device=fake.device))

    def near(of: Callable[[], Tensor]) -> Callable[[], None]:
        def call() -> None:
            with autocast(ours.precision, batch.pose):
                loss = of()
            loss.backward()

        return call

    def penalty() -> Tensor:
        with torch.no_grad():
            music = ours.global_discriminator.music(batch.audio)
        ours.global_discriminator.pose_encoder.eval()
        share = torch.rand(CLIPS, 1, 1, 1, device=fake.device)

        def judge(pose: Tensor) -> Tensor:
            return ours.global_discriminator.judge(ours.global_discriminator.pose_encoder(pose, batch.rhythm), music)

        with torch.autocast(fake.device.type, enabled=False):
            return losses.gradient_penalty(judge, batch.pose, fake.detach(), share)

    def generated() -> Tensor:
        noise = torch.randn(CLIPS, FRAMES, PAPER.generator.noise, device=fake.device)
        return ours.generator(batch.audio, batch.rhythm, noise).mean()

    pairs: dict[str, tuple[Callable[[], Tensor], Callable[[], Tensor]]] = {
        "generator": (lambda: plain.dance(batch).mean(), generated),
        "D_local, a pass": (
            lambda: plain.judge(batch, fake).mean(),
            lambda: ours.local_discriminator(fake, batch.rhythm).mean(),
        ),
        "D_global, a pass": (
            lambda: plain.compare(batch, fake)[0].mean(),
            lambda: ours.global_discriminator(batch.audio, batch.rhythm, [fake]).scores[0].mean(),
        ),
        "gradient penalty": (lambda: plain.penalty(batch, fake.detach()), penalty),
        "perceptual loss": (lambda: plain.perceptual(batch, fake), lambda: ours.perceptual(attempt)["perceptual"]),
    }
    return {name: {"plain": lambda of=of: of().backward(), "ours": near(mine)} for name, (of, mine) in pairs.items()}


def training(device: str, precision: Precision, compiled: bool) -> DanceTraining:
    """Our training of the `paper` preset."""
    frozen = network().eval().requires_grad_(False).to(device)
    return DanceTraining(
        PAPER, 0, lambda part: part.to(device), perceptual=frozen, precision=precision, compiled=compiled
    )


def network() -> STGCN:
    """An untrained perceptual network of the published size."""
    return STGCN(PAPER_STGCN, CLASSES)


def clips() -> Batch:
    """Random audio, rhythm and joints."""
    random = torch.Generator().manual_seed(0)
    return Batch(
        audio=0.1 * torch.randn(CLIPS, FRAMES, SAMPLES, generator=random),
        rhythm=torch.rand(CLIPS, FRAMES, len(RHYTHM_CHANNELS), generator=random),
        pose=torch.rand(CLIPS, FRAMES, JOINTS, 2, generator=random) - 0.5,
        mask=torch.ones(CLIPS, FRAMES, JOINTS),
    )


if __name__ == "__main__":
    main()
