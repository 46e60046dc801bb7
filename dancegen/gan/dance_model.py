"""Dance model: generates a dance for a song, including the preprocessing of audio and rhythm.

Axes used in shapes:
    S samples of a song (mono, 16 kHz), or of a frame    T frames    J joints    K given frames
    B clips    R rhythm channels    N beats
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from dancegen.gan.global_discriminator import GlobalDiscriminator
from dancegen.gan.hcn import Inputs
from dancegen.gan.head import WINDOW_FRAMES, GanHead, Head
from dancegen.gan.local_discriminator import LocalDiscriminator
from dancegen.gan.noise_encoder import NoiseEncoder
from dancegen.gan.pose_generator import Generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.gan.styles import check_energy, known_numbers, number
from dancegen.media.audio import SAMPLE_RATE, normalize_loudness
from dancegen.music.beats import RHYTHM_CHANNELS, Heard, hear, rhythm_channels
from dancegen.music.phrases import find_phrases
from dancegen.music.rhythm import beats_of_rhythm
from dancegen.music.song import Song
from dancegen.music.spectrum import bands_db
from dancegen.pose.beat_warp import on_the_beat
from dancegen.pose.foot_contact import plant_feet
from dancegen.pose.kinematic_beats import NO_BEATS
from dancegen.pose.section import Section
from dancegen.skeleton import COCO18
from dancegen.tokens.generator import TokenGenerator

Network = Generator | TokenGenerator


class DanceModel:
    """A trained generator for inference."""

    def __init__(
        self,
        generator: Network,
        config: DanceModelConfig,
        rhythm_channels: Sequence[str] = RHYTHM_CHANNELS,
        styles: Sequence[str] = (),
    ) -> None:
        """`rhythm_channels` is the subset of RHYTHM_CHANNELS that the generator was built for.

        `styles` are the names of its styles, by number from 1 on.
        """
        self.generator, self.config = generator.eval(), config
        self.head: Head = generator if isinstance(generator, TokenGenerator) else GanHead(generator, config)
        self.rhythm_channels, self.styles = tuple(rhythm_channels), tuple(styles)

    def dance(
        self,
        samples: Float32[np.ndarray, " S"],
        seed: int,
        start: Float32[np.ndarray, "K J 2"] | None = None,
        window_frames: int = WINDOW_FRAMES,
        heard: Heard | None = None,
        style: str | None = None,
        section: Section | None = None,
        energy: float | None = None,
    ) -> Float32[np.ndarray, "T J 2"]:
        """Normalised joints for a whole song, `fps` poses per second. The same seed gives the same bytes.

        With `mirror_odd_seeds`, dances of odd seeds are mirrored. The dance begins with the frames of `start`, if the
        model supports seed frames (at most `seed_frames`). At most `window_frames` frames are generated at once where
        memory grows with their number. `heard` is the result of `hear`, if it is known. With a `section` of a dance to
        this song, the frames of the section fit that dance, if the head can draw them so. `energy` is the wanted speed
        in proportion to the mean of the style's clips; None leaves it to the music. Raises ConfigError for a `style`
        that is not among `styles`, and for `energy` with a head that does not take it.
        """
        return self._dances(samples, [seed], start, window_frames, heard, style, section, energy)[0]

    def candidates(
        self,
        samples: Float32[np.ndarray, " S"],
        seeds: Sequence[int],
        heard: Heard | None = None,
        style: str | None = None,
        section: Section | None = None,
        energy: float | None = None,
    ) -> Float32[np.ndarray, "B T J 2"]:
        """The dances of several seeds to one song, generated as a batch: those of `dance`, up to rounding.

        For a song longer than WINDOW_FRAMES they are generated one by one.
        """
        if self._frames(samples) > WINDOW_FRAMES:
            told = {"heard": heard, "style": style, "section": section, "energy": energy}
            return np.stack([self.dance(samples, seed, **told) for seed in seeds])
        return self._dances(samples, seeds, None, WINDOW_FRAMES, heard, style, section, energy)

    def hear(self, samples: Float32[np.ndarray, " S"]) -> Heard | None:
        """The beats that the model dances to; None for a model without rhythm input, because beat tracking is slow."""
        return hear(self._level(samples)) if self._rhythm else None

    @torch.inference_mode()
    def style_of(self, samples: Float32[np.ndarray, " S"], heard: Heard | None = None) -> str | None:
        """The style that fits a song best, by its music; None for a model without styles."""
        if not self.styles:
            return None
        return self.styles[int(self.head.style_logits(self._song(samples, heard)[0]).argmax())]

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
        columns = [RHYTHM_CHANNELS.index(name) for name in self.rhythm_channels]
        known = [0] * len(audio) if categories is None else known_numbers(categories, self.styles)
        style = torch.tensor(known, device=self._device)
        found = self.head.clips(audio.to(self._device), rhythm[..., columns].to(self._device), seeds, style).cpu()
        beats = [beats_of_rhythm(each, self.config.fps) for each in rhythm.cpu().numpy()]
        finished = [self._finished(dance, each) for dance, each in zip(found.numpy(), beats, strict=True)]
        found = torch.from_numpy(np.stack(finished))
        turned = self.config.mirror_odd_seeds * torch.tensor([seed % 2 for seed in seeds])[:, None, None, None]
        return torch.where(turned > 0, found[:, :, COCO18.mirror] * torch.tensor([-1.0, 1.0]), found)

    @torch.inference_mode()
    def _dances(
        self,
        samples: np.ndarray,
        seeds: Sequence[int],
        start: np.ndarray | None,
        window_frames: int,
        heard: Heard | None,
        style: str | None,
        section: Section | None,
        energy: float | None,
    ) -> Float32[np.ndarray, "B T J 2"]:
        chosen = number(style, self.styles)
        check_energy(energy, self.head.has_energy)
        odd = [bool(self.config.mirror_odd_seeds and seed % 2) for seed in seeds]
        given = None
        if start is not None and self.config.generator.seed_frames:
            first = start[: self.config.generator.seed_frames][: self._frames(samples)]
            given = torch.from_numpy(mirrored(first) if odd[0] else first).to(self._device) if len(first) else None
        if section is not None:
            section = replace(section, dance=section.dance.to(self._device))
        song, heard = self._song(samples, heard)
        found = self.head.song(song, seeds, chosen, given, window_frames, section, energy).cpu().numpy()
        beats_s = NO_BEATS if heard is None else heard.count.beat_times()
        first, last = (None if given is None else len(given) - 1), None
        if section is not None:
            first, last = max(section.first - 1, 0), section.last
        finished = [self._finished(dance, beats_s, first, last) for dance in found]
        return np.stack([mirrored(dance) if turned else dance for dance, turned in zip(finished, odd, strict=True)])

    def _finished(
        self,
        dance: Float32[np.ndarray, "T J 2"],
        beats_s: Float[np.ndarray, " N"],
        first: int | None = None,
        last: int | None = None,
    ) -> Float32[np.ndarray, "T J 2"]:
        """The dance with its moments of rest on the beats, and with planted feet, as far as the settings say so.

        With `first` and `last`, only poses after the one and before the other are changed.
        """
        if self.config.beat_warp_s:
            dance = on_the_beat(dance, self.config.fps, beats_s, self.config.beat_warp_s, first, last)
        if self.config.plant_feet and self.config.normalization == "body":
            dance = plant_feet(dance, self.config.fps, first, last)
        return dance

    def _song(self, samples: Float32[np.ndarray, " S"], heard: Heard | None) -> tuple[Song, Heard | None]:
        """The music of a song, on the device, and its beats.

        For a model without rhythm input, the rhythm is 0, and there are no phrases and no beats but the given ones.
        """
        frames, samples = self._frames(samples), self._level(samples)
        audio = torch.from_numpy(_pieces(samples, frames, samples_per_frame(self.config))).to(self._device)
        if not self._rhythm:
            return Song(audio, audio.new_zeros(frames, len(self.rhythm_channels)), []), heard
        bands = bands_db(samples)
        heard = hear(samples, bands) if heard is None else heard
        channels = rhythm_channels(bands, heard, frames, self.config.fps)
        columns = [RHYTHM_CHANNELS.index(name) for name in self.rhythm_channels]
        phrases = find_phrases(bands, heard, frames / self.config.fps) if self.config.generator.planned else []
        return Song(audio, torch.from_numpy(channels[:, columns]).to(self._device), phrases), heard

    @property
    def _rhythm(self) -> bool:
        """Whether the head takes the beat."""
        return self.config.rhythm or self.config.head == "tokens"

    def _frames(self, samples: Float32[np.ndarray, " S"]) -> int:
        """Poses of the dance to a song."""
        return max(1, math.ceil(len(samples) * self.config.fps / SAMPLE_RATE))

    @property
    def _device(self) -> torch.device:
        return next(self.generator.parameters()).device

    def _level(self, samples: Float32[np.ndarray, " S"]) -> Float32[np.ndarray, " S"]:
        """The samples at the loudness of the model's input."""
        return normalize_loudness(samples) if self.config.equal_loudness else samples


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


def build_network(config: DanceModelConfig, rhythm_channels: int, styles: int) -> Network:
    """An untrained generator of the settings' head."""
    if config.head == "tokens":
        return build_token_generator(config, styles)
    return build_generator(config, rhythm_channels, styles)


def build_token_generator(config: DanceModelConfig, styles: int) -> TokenGenerator:
    """An untrained generator of tokens for these settings."""
    return TokenGenerator(config.tokens, config.fps, styles if config.generator.style_dim else 0)


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
