"""Random samples of one update, except dropout.

Every worker samples for the clips of all workers and keeps its own part. So two workers with eight clips each get the
samples of one worker with sixteen, and a resumed run gets those of an uninterrupted one.

Axes used in shapes:
    B clips    T frames    Z noise    F bands of the equaliser
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dancegen.gan.plan import fade
from dancegen.gan.pose_generator import Generator
from dancegen.media.audio import SAMPLE_RATE
from dancegen.training.randomness import VALIDATION_STREAM, random_of

SEEDED_SHARE = 0.5  # of the clips start from given frames, if the generator supports it
FADE_FRAMES = 10.0  # duration of the change of a code
TONE_BANDS = 9  # about one for each octave
LOWEST_HZ = 40.0
SILENT = 1e-6  # lower bound of the loudness as divisor


@dataclass(frozen=True)
class StepNoise:
    """Samples for each clip of this worker."""

    noise: Float[Tensor, "B T Z"]
    code: Float[Tensor, "B Z"]
    """Standard normal, to sample the posterior of a real dance."""
    free: Float[Tensor, " B"]
    seeded: Float[Tensor, " B"]
    between: Float[Tensor, " B"]
    """These three are uniform in [0, 1]: whether the code is from the prior, start given, penalty's point."""
    tone: Float[Tensor, "B F"]
    """Standard normal: gains of the equaliser."""
    style: Float[Tensor, " B"]
    """Uniform in [0, 1]: whether the style is hidden from the generator."""

    def part(self, rank: int, clips: int, like: Tensor) -> "StepNoise":
        """One worker's samples, on the device and of the dtype of its batch."""
        mine = slice(rank * clips, (rank + 1) * clips)
        return StepNoise(*(getattr(self, field.name)[mine].to(like, non_blocking=True) for field in fields(self)))


def draw(seed: int, update: int, generator: Generator, clips: int, frames: int) -> StepNoise:
    """Samples for all clips of one update."""
    random = random_of(seed, update)
    return StepNoise(
        noise=_noise(generator, clips, frames, random),
        code=torch.randn(clips, generator.config.noise_dim, generator=random),
        free=torch.rand(clips, generator=random),
        seeded=torch.rand(clips, generator=random),
        between=torch.rand(clips, generator=random),
        tone=torch.randn(clips, TONE_BANDS, generator=random),
        style=torch.rand(clips, generator=random),
    )


def noise_of_each(seed: int, ids: Sequence[int], generator: Generator, frames: int) -> Float[Tensor, "B T Z"]:
    """Noise that depends only on the seed and the clip, whatever other clips are in the batch."""
    drawn = [generator.noise(1, frames, random_of(VALIDATION_STREAM, seed, each), torch.device("cpu")) for each in ids]
    return torch.cat(drawn)


def seed_of_each(seed: int, ids: Sequence[int]) -> list[int]:
    """Seeds that depend only on the seed and the clip, whatever other clips are in the batch."""
    return [random_of(VALIDATION_STREAM, seed, each).initial_seed() for each in ids]


def _noise(generator: Generator, clips: int, frames: int, random: torch.Generator) -> Float[Tensor, "B T Z"]:
    """Noise from the prior; with a code for each phrase, half of the clips change theirs at a random frame."""
    noise = generator.noise(clips, frames, random, torch.device("cpu"))
    if not generator.config.planned:
        return noise
    later = generator.noise(clips, frames, random, torch.device("cpu"))
    change = 2 * torch.rand(clips, 1, generator=random) * frames  # beyond the end in half of the clips
    return fade(noise, later, (torch.arange(frames) - change) / FADE_FRAMES)


def equalize(audio: Float[Tensor, "B T S"], gains_db: Float[Tensor, "B F"]) -> Float[Tensor, "B T S"]:
    """Audio as from another room and loudspeaker, each clip with its loudness preserved: smooth gains over the octaves,
    no phase change."""
    samples = audio.flatten(1)
    spectrum = torch.fft.rfft(samples)
    frequencies = torch.linspace(0, SAMPLE_RATE / 2, spectrum.shape[1], device=audio.device, dtype=audio.dtype)
    octave = (frequencies.clamp(min=LOWEST_HZ) / LOWEST_HZ).log2() / np.log2(SAMPLE_RATE / 2 / LOWEST_HZ)
    place = octave * (gains_db.shape[1] - 1)
    below = place.floor().long().clamp(max=gains_db.shape[1] - 2)
    share = place - below
    gain_db = gains_db[:, below] * (1 - share) + gains_db[:, below + 1] * share
    changed = torch.fft.irfft(spectrum * 10 ** (gain_db / 20), samples.shape[1])
    before, after = (sound.square().mean(dim=1, keepdim=True).sqrt() for sound in (samples, changed))
    return (changed * (before / after.clamp(min=SILENT))).view(audio.shape)
