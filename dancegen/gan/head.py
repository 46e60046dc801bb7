"""What generates the dances of a dance model: the interface, and the head of the GAN.

Axes used in shapes:
    B dances    T frames    S samples per frame    R rhythm channels    J joints    K given frames    C styles
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from dancegen.gan.plan import codes
from dancegen.gan.pose_generator import Generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.music.phrases import Phrase
from dancegen.music.song import Song
from dancegen.pose.section import Section

OVERLAP_FRAMES = 20  # of two windows
WINDOW_FRAMES = 3000  # five minutes at 10 poses per second: bounds the memory for mixes of several hours


@runtime_checkable
class Head(Protocol):
    """Generates dances in the normalised coordinates of its model. The same seed gives the same dance."""

    has_energy: bool
    """Whether it takes the energy of a dance."""

    def clips(
        self,
        audio: Float[Tensor, "B T S"],
        rhythm: Float[Tensor, "B T R"],
        seeds: Sequence[int],
        style: Int[Tensor, " B"] | None,
    ) -> Float[Tensor, "B T J 2"]:
        """Dances to short clips, with a seed and the number of a style for each."""
        ...

    def song(
        self,
        song: Song,
        seeds: Sequence[int],
        style: int,
        start: Float[Tensor, "K J 2"] | None,
        window_frames: int,
        section: Section | None = None,
        energy: float | None = None,
    ) -> Float[Tensor, "B T J 2"]:
        """Dances to a whole song, one for each seed, that begin with the frames of `start`.

        At most `window_frames` frames are generated at once where memory grows with their number. With a `section`,
        its frames continue the dance before them and lead to the one after them, if the head can do that; the caller
        replaces the frames outside. `energy` is the wanted speed in proportion to the style's mean, for a head that
        `has_energy`.
        """
        ...

    def style_logits(self, song: Song) -> Float[Tensor, " C"]:
        """Logits of the styles for the music of a song. It requires styles."""
        ...


class GanHead:
    """One pass of the generator; songs longer than a window in overlapping windows."""

    has_energy = False

    def __init__(self, generator: Generator, config: DanceModelConfig) -> None:
        self.generator, self.config = generator, config

    def clips(
        self,
        audio: Float[Tensor, "B T S"],
        rhythm: Float[Tensor, "B T R"],
        seeds: Sequence[int],
        style: Int[Tensor, " B"] | None,
    ) -> Float[Tensor, "B T J 2"]:
        """Dances to short clips, with one latent code each."""
        frames, device = audio.shape[1], torch.device("cpu")
        noise = torch.cat([self.generator.noise(1, frames, _seeded(seed), device) for seed in seeds])
        return self.generator(audio, rhythm, noise.to(audio.device), style=style)

    def song(
        self,
        song: Song,
        seeds: Sequence[int],
        style: int,
        start: Float[Tensor, "K J 2"] | None,
        window_frames: int,
        section: Section | None = None,
        energy: float | None = None,
    ) -> Float[Tensor, "B T J 2"]:
        """Dances to a whole song, with any `section`: a dance of its own, which does not know the other one.

        A song longer than `window_frames` is generated in windows: each is conditioned on the last frames of the
        previous window and cross-faded with it over two seconds, because the audio context of the two windows differs.
        """
        del section, energy
        frames, known = len(song.audio), self.config.generator.seed_frames
        noise = torch.stack([self._noise(seed, frames, song.phrases) for seed in seeds]).to(song.audio)
        overlap = max(OVERLAP_FRAMES, known + 1)
        if not known or frames <= window_frames:
            return self._part(song, slice(None), noise, style, start)
        dance = noise.new_zeros(len(seeds), frames, self.generator.pose_generator.joints, 2)
        for first in range(0, max(1, frames - overlap), window_frames - overlap):
            part = slice(first, first + window_frames)
            before = dance[:, first:][:, :known] if first else start
            after = self._part(song, part, noise[:, part], style, before)
            dance[:, part] = _faded(dance[:, part], after, known, overlap) if first else after
        return dance

    def style_logits(self, song: Song) -> Float[Tensor, " C"]:
        """Logits of the styles, from the mean of the music features."""
        music = [self.generator.audio_encoder(part[None])[0] for part in song.audio.split(WINDOW_FRAMES)]
        return self.generator.music_style_logits(torch.cat(music).mean(dim=0, keepdim=True))[0]

    def _noise(self, seed: int, frames: int, phrases: Sequence[Phrase]) -> Float[Tensor, "T Z"]:
        """The latent code of every frame; one for the whole dance without phrases."""
        random, device = _seeded(seed), torch.device("cpu")
        if not phrases:
            return self.generator.noise(1, frames, random, device)[0]
        drawn = self.generator.noise(1 + len(phrases), 1, random, device)[:, 0]
        return codes(phrases, frames, self.config.fps, drawn)

    def _part(
        self, song: Song, part: slice, noise: Tensor, style: int, given: Tensor | None
    ) -> Float[Tensor, "B T J 2"]:
        """The dances to a part of a song; their first frames are `given`."""
        audio, rhythm = (values[part].expand(len(noise), *values[part].shape) for values in (song.audio, song.rhythm))
        first = None
        if given is not None:
            given = given.expand(len(noise), *given.shape[-3:])[:, : self.config.generator.seed_frames][
                :, : len(song.audio)
            ]
            first = torch.cat([given, torch.ones_like(given[..., :1])], dim=-1) if given.shape[1] else None
        styles = torch.full((len(noise),), style, device=noise.device)
        found = self.generator(audio, rhythm, noise, first, styles)
        if given is not None:
            found[:, : given.shape[1]] = given
        return found


def _faded(
    before: Float[Tensor, "B T J 2"], after: Float[Tensor, "B T J 2"], known: int, overlap: int
) -> Float[Tensor, "B T J 2"]:
    """Cross-fade from one window's dance to the next; the first `known` frames are the same in both."""
    share = (torch.arange(after.shape[1], device=after.device) - known + 1) / (overlap - known)
    return before + share.clamp(0, 1)[:, None, None] * (after - before)


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
