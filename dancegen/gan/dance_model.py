"""Dance model: generates a dance for a song, including the preprocessing of audio and rhythm.

Axes used in shapes:
    S samples of a song (mono, 16 kHz), or of a frame    T frames    J joints    K given frames
    B clips    R rhythm channels
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from dancegen.gan.global_discriminator import GlobalDiscriminator
from dancegen.gan.hcn import Inputs
from dancegen.gan.local_discriminator import LocalDiscriminator
from dancegen.gan.noise_encoder import NoiseEncoder
from dancegen.gan.plan import Phrase, codes, find_phrases
from dancegen.gan.pose_generator import Generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.gan.styles import known_numbers, number
from dancegen.media.audio import SAMPLE_RATE, normalize_loudness
from dancegen.music.beats import RHYTHM_CHANNELS, Heard, hear, rhythm_channels
from dancegen.music.spectrum import bands_db
from dancegen.skeleton import COCO18

OVERLAP_FRAMES = 20  # of two windows
WINDOW_FRAMES = 3000  # five minutes at 10 poses per second: bounds the memory for mixes of several hours


class DanceModel:
    """A trained generator for inference."""

    def __init__(
        self,
        generator: Generator,
        config: DanceModelConfig,
        rhythm_channels: Sequence[str] = RHYTHM_CHANNELS,
        styles: Sequence[str] = (),
    ) -> None:
        """`rhythm_channels` is the subset of RHYTHM_CHANNELS that the generator was built for.

        `styles` are the names of its styles, by number from 1 on.
        """
        self.generator, self.config = generator.eval(), config
        self.rhythm_channels, self.styles = tuple(rhythm_channels), tuple(styles)

    @torch.inference_mode()
    def dance(
        self,
        samples: Float32[np.ndarray, " S"],
        seed: int,
        start: Float32[np.ndarray, "K J 2"] | None = None,
        window_frames: int = WINDOW_FRAMES,
        heard: Heard | None = None,
        style: str | None = None,
    ) -> Float32[np.ndarray, "T J 2"]:
        """Normalised joints for a whole song, `fps` poses per second. The same seed gives the same bytes.

        With `mirror_odd_seeds`, dances of odd seeds are mirrored. The dance begins with the frames of `start`, if the
        model supports seed frames (at most `seed_frames`). A song longer than `window_frames` is generated in windows:
        each is conditioned on the last frames of the previous window and cross-faded with it over two seconds, because
        the audio context of the two windows differs. `heard` is the result of `hear`, if it is known. Raises
        ConfigError for a `style` that is not among `styles`.
        """
        chosen = number(style, self.styles)
        if self.config.mirror_odd_seeds and seed % 2:
            given = None if start is None else mirrored(start)
            return mirrored(self._dance(samples, seed, given, window_frames, heard, chosen))
        return self._dance(samples, seed, start, window_frames, heard, chosen)

    @torch.inference_mode()
    def candidates(
        self,
        samples: Float32[np.ndarray, " S"],
        seeds: Sequence[int],
        heard: Heard | None = None,
        style: str | None = None,
    ) -> Float32[np.ndarray, "B T J 2"]:
        """The dances of several seeds to one song, generated as a batch: those of `dance`, up to rounding.

        For a song longer than WINDOW_FRAMES they are generated one by one.
        """
        frames = self._frames(samples)
        if frames > WINDOW_FRAMES:
            return np.stack([self.dance(samples, seed, heard=heard, style=style) for seed in seeds])
        samples = self._level(samples)
        beat, phrases = self._listen(samples, frames, heard)
        device = self._device
        shared = (torch.from_numpy(part) for part in (_pieces(samples, frames, samples_per_frame(self.config)), beat))
        audio, rhythm = (part.to(device).expand(len(seeds), *part.shape) for part in shared)
        noise = torch.from_numpy(np.stack([self._noise(seed, frames, phrases) for seed in seeds])).to(device)
        styles = torch.full((len(seeds),), number(style, self.styles), device=device)
        found = self.generator(audio, rhythm, noise, style=styles).cpu().numpy()
        odd = [self.config.mirror_odd_seeds and seed % 2 for seed in seeds]
        return np.stack([mirrored(dance) if turn else dance for dance, turn in zip(found, odd, strict=True)])

    def hear(self, samples: Float32[np.ndarray, " S"]) -> Heard | None:
        """The beats that the model dances to; None for a model without rhythm input, because beat tracking is slow."""
        return hear(self._level(samples)) if self.config.rhythm else None

    @torch.inference_mode()
    def style_of(self, samples: Float32[np.ndarray, " S"]) -> str | None:
        """The style that fits a song best, by its music; None for a model without styles."""
        if not self.styles:
            return None
        frames = self._frames(samples)
        pieces = torch.from_numpy(_pieces(self._level(samples), frames, samples_per_frame(self.config)))
        device = self._device
        music = [self.generator.audio_encoder(part[None].to(device))[0] for part in pieces.split(WINDOW_FRAMES)]
        logits = self.generator.music_style_logits(torch.cat(music).mean(dim=0, keepdim=True))
        return self.styles[int(logits.argmax())]

    @torch.inference_mode()
    def dances(
        self,
        audio: Float[Tensor, "B T S"],
        rhythm: Float[Tensor, "B T R"],
        seeds: Sequence[int],
        categories: Sequence[str] | None = None,
    ) -> Float[Tensor, "B T J 2"]:
        """Normalised joints for clips whose audio and rhythm are already preprocessed, with one seed per clip.

        A clip's category is the style of its dance, if the model has that.
        """
        device = self._device
        columns = [RHYTHM_CHANNELS.index(name) for name in self.rhythm_channels]
        frames = audio.shape[1]
        noise = torch.cat(
            [
                self.generator.noise(1, frames, torch.Generator().manual_seed(seed), torch.device("cpu"))
                for seed in seeds
            ]
        )
        style = None
        if categories is not None:
            style = torch.tensor(known_numbers(categories, self.styles), device=device)
        found = self.generator(audio.to(device), rhythm[..., columns].to(device), noise.to(device), style=style).cpu()
        turned = self.config.mirror_odd_seeds * torch.tensor([seed % 2 for seed in seeds])[:, None, None, None]
        return torch.where(turned > 0, found[:, :, COCO18.mirror] * torch.tensor([-1.0, 1.0]), found)

    def _dance(
        self,
        samples: np.ndarray,
        seed: int,
        start: np.ndarray | None,
        window_frames: int,
        heard: Heard | None,
        style: int,
    ) -> Float32[np.ndarray, "T J 2"]:
        frames = self._frames(samples)
        samples = self._level(samples)
        pieces = _pieces(samples, frames, samples_per_frame(self.config))
        beat, phrases = self._listen(samples, frames, heard)
        noise = self._noise(seed, frames, phrases)
        known = self.config.generator.seed_frames
        overlap = max(OVERLAP_FRAMES, known + 1)
        dance = np.zeros((frames, len(COCO18), 2), dtype=np.float32)
        for first in range(0, max(1, frames - overlap), window_frames - overlap) if known else (0,):
            part = slice(first, first + window_frames if known else frames)
            before = dance[first:][:known] if first else dance[:0] if start is None else start[:known][:frames]
            after = self._part(pieces[part], beat[part], noise[part], style, before)
            dance[part] = _faded(dance[part], after, known, overlap) if first else after
        return dance

    def _frames(self, samples: Float32[np.ndarray, " S"]) -> int:
        """Poses of the dance to a song."""
        return max(1, math.ceil(len(samples) * self.config.fps / SAMPLE_RATE))

    @property
    def _device(self) -> torch.device:
        return next(self.generator.parameters()).device

    def _level(self, samples: Float32[np.ndarray, " S"]) -> Float32[np.ndarray, " S"]:
        """The samples at the loudness of the model's input."""
        return normalize_loudness(samples) if self.config.equal_loudness else samples

    def _listen(self, samples: np.ndarray, frames: int, heard: Heard | None) -> tuple[np.ndarray, list[Phrase]]:
        """The rhythm channels and the phrases; zeros and none for a model without rhythm input."""
        if not self.config.rhythm:
            return np.zeros((frames, len(self.rhythm_channels)), dtype=np.float32), []
        bands = bands_db(samples)
        heard = hear(samples, bands) if heard is None else heard
        channels = rhythm_channels(bands, heard, frames, self.config.fps)
        planned = self.config.generator.planned
        phrases = find_phrases(bands, heard, frames / self.config.fps) if planned else []
        return channels[:, [RHYTHM_CHANNELS.index(name) for name in self.rhythm_channels]], phrases

    def _noise(self, seed: int, frames: int, phrases: list[Phrase]) -> np.ndarray:
        """The latent code of every frame; one for the whole dance without phrases."""
        random, device = torch.Generator().manual_seed(seed), torch.device("cpu")
        if not phrases:
            return self.generator.noise(1, frames, random, device)[0].numpy()
        drawn = self.generator.noise(1 + len(phrases), 1, random, device)[:, 0]
        return codes(phrases, frames, self.config.fps, drawn).numpy()

    def _part(
        self, audio: np.ndarray, beat: np.ndarray, noise: np.ndarray, style: int, given: np.ndarray
    ) -> np.ndarray:
        """The dance to a part of a song; its first frames are `given`."""
        device = self._device
        inputs = (torch.from_numpy(part)[None].to(device) for part in (audio, beat, noise))
        start = np.concatenate([given, np.ones_like(given[..., :1])], axis=-1)[None]
        first = torch.from_numpy(start).to(device) if len(given) else None
        found = self.generator(*inputs, first, torch.tensor([style], device=device))[0].cpu().numpy()
        found[: len(given)] = given
        return found


def _faded(before: np.ndarray, after: np.ndarray, known: int, overlap: int) -> np.ndarray:
    """Cross-fade from one window's dance to the next; the first `known` frames are the same in both."""
    share = (np.arange(len(after)) - known + 1) / (overlap - known)
    return before + np.clip(share, 0, 1)[:, None, None].astype(np.float32) * (after - before)


def mirrored(pose: Float32[np.ndarray, "T J 2"]) -> Float32[np.ndarray, "T J 2"]:
    """The dance mirrored left to right, in any normalisation: x is 0 in the middle."""
    return pose[:, COCO18.mirror] * np.array([-1, 1], dtype=np.float32)


def samples_per_frame(config: DanceModelConfig) -> int:
    """Audio samples per pose."""
    return round(SAMPLE_RATE / config.fps)


def build_generator(
    config: DanceModelConfig, rhythm_channels: int = len(RHYTHM_CHANNELS), styles: int = 0
) -> Generator:
    """An untrained generator for these settings, with so many styles if the settings have an embedding of them."""
    return Generator(config, samples_per_frame(config), rhythm_channels, len(COCO18), styles)


def build_local_discriminator(config: DanceModelConfig) -> LocalDiscriminator:
    """An untrained D_local for these settings."""
    return LocalDiscriminator(config, len(RHYTHM_CHANNELS), len(COCO18))


def build_global_discriminator(config: DanceModelConfig) -> GlobalDiscriminator:
    """An untrained D_global for these settings."""
    return GlobalDiscriminator(config, samples_per_frame(config), len(RHYTHM_CHANNELS), len(COCO18))


def build_noise_encoder(config: DanceModelConfig) -> NoiseEncoder | None:
    """An untrained noise encoder for these settings; None if they have none."""
    inputs = Inputs(len(COCO18), len(RHYTHM_CHANNELS) if config.rhythm else 0)
    return NoiseEncoder(config, config.noise_encoder, inputs) if config.noise_encoder else None


def _pieces(samples: np.ndarray, frames: int, size: int) -> np.ndarray:
    """(frames, size): the audio of each frame; the last one is zero-padded."""
    padded = np.zeros(frames * size, dtype=np.float32)
    count = min(len(samples), len(padded))
    padded[:count] = samples[:count]
    return padded.reshape(frames, size)
