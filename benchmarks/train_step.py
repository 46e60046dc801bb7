"""Speed of one update and of its parts, against a plain update and against the former one.

    python benchmarks/train_step.py [ROUNDS]

The plain update (`plain_step.py`) implements the published recipe directly, in float32; the former one
(`two_pass_step.py`) passes each discriminator twice. All are measured by turns in one run, so that other load affects
all; medians over the rounds, and of the rounds' ratios with their range. One thread is measured in processor seconds,
which other programs disturb least; two threads and GPUs in seconds. Presets `paper` and `default`, in float32 and
bfloat16. Then where the processor time of an update goes.
"""

import cProfile
import statistics
import sys
import time
from collections.abc import Callable

import torch
from plain_step import PlainStep
from torch import Tensor
from two_pass_step import TwoPassTraining

from dancegen.gan import losses
from dancegen.gan.settings import PAPER, DanceModelConfig
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import PAPER_STGCN, STGCNConfig
from dancegen.precision import Precision, autocast, computes_in_bfloat16
from dancegen.steps.train_dance.discriminators import GlobalUpdate, LocalUpdate
from dancegen.steps.train_dance.generator_output import GeneratorOutput
from dancegen.steps.train_dance.joint_losses import perceptual
from dancegen.steps.train_dance.training import DanceTraining
from dancegen.training.batch import Batch

CLIPS, FRAMES, SAMPLES, JOINTS = 16, 50, 1600, 18
CLASSES, ROUNDS, GPU_UPDATES, PROFILED = 16, 5, 10, 5
PRESETS = {"paper": (PAPER, PAPER_STGCN), "default": (DanceModelConfig(), STGCNConfig())}
SHARES = {
    "audio: equaliser and mixing": DanceTraining._heard,
    "generator and noise encoder, forward": DanceTraining._generate,
    "D_local: its update and the word to G": LocalUpdate.__call__,
    "D_global: its update and the word to G": GlobalUpdate.__call__,
    "    of which the gradient penalty, forward": GlobalUpdate._penalty,
    "perceptual loss": perceptual,
    "generator: losses, backward and Adam": DanceTraining._generator_update,
    "EMA": DanceTraining._average,
}
Forms = dict[str, Callable[[], object]]


def main() -> None:
    """Print a table per device, number of threads and precision."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    kinds: list[Precision] = ["float32", "bfloat16"]
    on_cpu = kinds if computes_in_bfloat16("cpu") else kinds[:1]
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for precision in on_cpu:
            report(f"CPU, {threads} thread(s), {precision}", "cpu", precision, rounds, parts=True)
    if len(on_cpu) == 1:
        print("\nThis CPU has no bfloat16 instructions.")
    if torch.cuda.is_available():
        torch.backends.cudnn.benchmark = True
        for precision in kinds:
            report(f"{torch.cuda.get_device_name()}, {precision}", "cuda", precision, rounds, parts=True)
        report("the same, compiled", "cuda", "bfloat16", rounds, parts=False, compiled=True)
    torch.set_num_threads(1)
    for preset in PRESETS:
        for precision in on_cpu:
            shares(preset, precision)


def report(title: str, device: str, precision: Precision, rounds: int, *, parts: bool, compiled: bool = False) -> None:
    """Measure and print one table; the plain update is always in float32."""
    batch = clips().to(device)
    plain = PlainStep(PAPER, network("paper")).to(device)
    print(f"\n{title}\n{'':28}{'plain, s':>10}{'former, s':>11}{'ours, s':>10}   ratios")
    for preset in PRESETS:
        ours, former = training(preset, device, precision, compiled), former_training(preset, device, precision)
        forms: Forms = {"former": lambda former=former: former.step(batch), "ours": lambda ours=ours: ours.step(batch)}
        if preset == "paper":
            forms["plain"] = lambda: plain.step(batch)
        row(f"an update, {preset}", forms, rounds, device)
    if parts:
        for name, forms in parts_of(plain, training("paper", device, precision), batch).items():
            row(name, forms, rounds, device)


def row(name: str, forms: Forms, rounds: int, device: str) -> None:
    """Measure forms of the same by turns and print their seconds, and how often `ours` fits into each of the others."""
    times: dict[str, list[float]] = {form: [] for form in forms}
    for form in forms.values():
        seconds(form, device)
    for number in range(rounds):
        for form in sorted(forms, reverse=bool(number % 2)):
            times[form].append(seconds(forms[form], device))
    widths = {"plain": 10, "former": 11, "ours": 10}
    cells = [f"{statistics.median(times[f]):{w}.4f}" if f in times else " " * w for f, w in widths.items()]
    ratios = [f"{form} {ratio(times[form], times['ours'])}" for form in ("plain", "former") if form in times]
    print(f"{name:28}{''.join(cells)}   {', '.join(ratios)}", flush=True)


def ratio(others: list[float], ours: list[float]) -> str:
    """Median of the rounds' ratios, and their range."""
    found = [other / one for other, one in zip(others, ours, strict=True)]
    return f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def seconds(form: Callable[[], object], device: str) -> float:
    """Seconds per call. A GPU gets GPU_UPDATES calls, so that its queue does not run empty."""
    alone = device == "cpu" and torch.get_num_threads() == 1
    calls, clock = GPU_UPDATES if device == "cuda" else 1, time.process_time if alone else time.perf_counter
    if device == "cuda":
        torch.cuda.synchronize()
    started = clock()
    for _ in range(calls):
        form()
    if device == "cuda":
        torch.cuda.synchronize()
    return (clock() - started) / calls


def parts_of(plain: PlainStep, ours: DanceTraining, batch: Batch) -> dict[str, Forms]:
    """Forward and backward passes of each part of both, on their own."""
    fake = (batch.pose + 0.05).requires_grad_()
    noise = fake.new_zeros(CLIPS, FRAMES, PAPER.generator.noise_dim)
    attempt = GeneratorOutput(batch, fake, noise, None, torch.ones(CLIPS, device=fake.device))
    network = ours.perceptual
    assert network is not None

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
        noise = torch.randn(CLIPS, FRAMES, PAPER.generator.noise_dim, device=fake.device)
        return ours.generator(batch.audio, batch.rhythm, noise).mean()

    def local() -> Tensor:
        network = ours.local_discriminator
        return network(network.windows(fake), network.windows(batch.rhythm)).mean()

    def features() -> None:
        with autocast(ours.precision, fake):
            perceptual(network, attempt, 1.0, "published")

    pairs: dict[str, tuple[Callable[[], Tensor], Callable[[], None]]] = {
        "generator": (lambda: plain.dance(batch).mean(), near(generated)),
        "D_local, a pass": (lambda: plain.judge(batch, fake).mean(), near(local)),
        "D_global, a pass": (
            lambda: plain.compare(batch, fake)[0].mean(),
            near(lambda: ours.global_discriminator(batch.audio, batch.rhythm, [fake]).scores[0].mean()),
        ),
        "gradient penalty": (lambda: plain.penalty(batch, fake.detach()), near(penalty)),
        "perceptual loss": (lambda: plain.perceptual(batch, fake), features),
    }
    return {name: {"plain": lambda of=of: of().backward(), "ours": mine} for name, (of, mine) in pairs.items()}


def shares(preset: str, precision: Precision) -> None:
    """Print the share of each part in the processor time of an update, measured inside updates."""
    ours, batch = training(preset, "cpu", precision), clips()
    ours.step(batch)
    profile = cProfile.Profile(time.process_time)
    for _ in range(PROFILED):
        profile.runcall(ours.step, batch)
    spent = {entry.code: entry.totaltime for entry in profile.getstats()}
    print(f"\nshares of an update, {preset}, {precision}, 1 thread")
    for name, part in SHARES.items():
        print(f"{name:44}{spent.get(part.__code__, 0.0) / spent[DanceTraining.step.__code__]:8.1%}")


def training(preset: str, device: str, precision: Precision, compiled: bool = False) -> DanceTraining:
    """Our training of a preset."""
    return DanceTraining(
        PRESETS[preset][0],
        0,
        lambda part: part.to(device),
        perceptual=network(preset).eval().requires_grad_(False).to(device),
        precision=precision,
        compiled=compiled,
    )


def former_training(preset: str, device: str, precision: Precision) -> TwoPassTraining:
    """The same with the former update, which is not compiled."""
    perceptual = network(preset).eval().requires_grad_(False).to(device)
    config = PRESETS[preset][0]
    former = TwoPassTraining(config, 0, lambda part: part.to(device), perceptual=perceptual, precision=precision)
    return former.with_torch_gru()


def network(preset: str) -> STGCN:
    """An untrained perceptual network of the preset's size."""
    return STGCN(PRESETS[preset][1], CLASSES)


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
