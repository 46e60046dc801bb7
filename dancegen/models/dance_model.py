"""A song in, a dance out: the generator with what it needs to know of sound, rhythm and joints.

Axes used in shapes:
    S samples of a song (mono, 16 kHz)    T frames    J joints
"""

import math

import numpy as np
import torch
from jaxtyping import Float32

from dancegen.media.audio import SAMPLE_RATE, normalize_loudness
from dancegen.models.global_discriminator import GlobalDiscriminator
from dancegen.models.local_discriminator import LocalDiscriminator
from dancegen.models.pose_generator import Generator
from dancegen.motion.beats import RHYTHM_CHANNELS, rhythm
from dancegen.settings.dance_model import DanceModelConfig
from dancegen.skeleton import COCO18


class DanceModel:
    """A trained generator, ready to dance."""

    def __init__(self, generator: Generator, config: DanceModelConfig) -> None:
        self.generator, self.config = generator.eval(), config

    @torch.inference_mode()
    def dance(self, samples: Float32[np.ndarray, " S"], seed: int) -> Float32[np.ndarray, "T J 2"]:
        """Normalised joints for a whole song, `fps` a second, to its end; same seed, same bytes.

        The whole song goes through in one pass, so the dance has no seams.
        """
        frames = max(1, math.ceil(len(samples) * self.config.fps / SAMPLE_RATE))
        samples = normalize_loudness(samples) if self.config.equal_loudness else samples
        pieces = _pieces(samples, frames, samples_per_frame(self.config))
        beat = torch.from_numpy(rhythm(samples, frames, self.config.fps))[None]
        device = next(self.generator.parameters()).device
        noise = self.generator.noise(1, frames, torch.Generator().manual_seed(seed), torch.device("cpu"))
        audio = torch.from_numpy(pieces)[None]
        return self.generator(audio.to(device), beat.to(device), noise.to(device))[0].cpu().numpy()


def samples_per_frame(config: DanceModelConfig) -> int:
    """Samples of sound that belong to one pose."""
    return round(SAMPLE_RATE / config.fps)


def build_generator(config: DanceModelConfig) -> Generator:
    """An untrained generator for these settings."""
    return Generator(config, samples_per_frame(config), len(RHYTHM_CHANNELS), len(COCO18))


def build_local_discriminator(config: DanceModelConfig) -> LocalDiscriminator:
    """An untrained D_local for these settings."""
    return LocalDiscriminator(config, len(RHYTHM_CHANNELS), len(COCO18))


def build_global_discriminator(config: DanceModelConfig) -> GlobalDiscriminator:
    """An untrained D_global for these settings."""
    return GlobalDiscriminator(config, samples_per_frame(config), len(RHYTHM_CHANNELS), len(COCO18))


def _pieces(samples: np.ndarray, frames: int, size: int) -> np.ndarray:
    """(frames, size): the sound of each frame; the last one is filled with silence."""
    padded = np.zeros(frames * size, dtype=np.float32)
    count = min(len(samples), len(padded))
    padded[:count] = samples[:count]
    return padded.reshape(frames, size)
