"""The network that draws dances as tokens: the tokenizer, the transformer, and a dance of any length from them.

The parts of a song's plan are drawn in windows, all at once. Where the music repeats, their tokens are repeated. Then
the tokens around each join of two parts are drawn again, between those on both sides.

Axes used in shapes:
    B clips, or dances of a song    T pose frames    S samples per frame    R rhythm channels    J joints
    K given frames    N tokens    G codes of a token    E music features    L bones    C styles    M tokens of a part
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Generator as Random
from torch import Tensor, nn

from dancegen.music.phrases import Phrase
from dancegen.music.song import Song
from dancegen.pose import kinematics
from dancegen.pose.section import Section
from dancegen.tokens import plan
from dancegen.tokens.beat_grid import BeatGrid, beat_grid
from dancegen.tokens.drawing import Windows, draw
from dancegen.tokens.motion import at_frames, begun, in_place, on_grid
from dancegen.tokens.music import TokenMusic
from dancegen.tokens.settings import TokensConfig
from dancegen.tokens.tokenizer import MotionTokenizer
from dancegen.tokens.transformer import MaskedTransformer

WINDOWS_AT_ONCE = 64
JOIN_STEPS = 4  # in which the few codes of a join are drawn, between known ones
CALMEST, LIVELIEST = 0.5, 1.6  # energy by loudness, in proportion to that of the dance
USUAL_LENGTH = 0.85  # of the upper bound of a bone's length


class Told(NamedTuple):
    """What the transformer is told of a dance."""

    style: int
    log_energy: Float[Tensor, " N"]
    """Of each token; NaN for none."""


class TokenGenerator(nn.Module):
    """Generates a dance from music, style and energy."""

    lengths: Tensor
    log_speeds: Tensor

    def __init__(self, config: TokensConfig, fps: float, styles: int) -> None:
        super().__init__()
        self.config, self.fps, self.has_energy = config, fps, config.transformer.energy
        self.tokenizer = MotionTokenizer(config.tokenizer)
        self.music = TokenMusic(config.transformer.mel_bands)
        self.transformer = MaskedTransformer(config.transformer, config.tokenizer.groups, self.music.size, styles)
        self.register_buffer("lengths", USUAL_LENGTH * kinematics.longest())  # of the bones: the mean of the clips'
        if config.transformer.energy:
            self.register_buffer("log_speeds", torch.zeros(1 + styles))  # mean of each style's clips; 0: of all clips

    def clips(
        self,
        audio: Float[Tensor, "B T S"],
        rhythm: Float[Tensor, "B T R"],
        seeds: Sequence[int],
        style: Int[Tensor, " B"] | None,
    ) -> Float[Tensor, "B T J 2"]:
        """Dances to clips, each drawn in one window, with a seed for each."""
        style = torch.zeros(len(seeds), dtype=torch.long, device=audio.device) if style is None else style
        grid = beat_grid(rhythm, self.fps, inside=False)
        music = self.music(audio, rhythm, grid, self.fps)
        codes = torch.zeros(*music.shape[:2], self.config.tokenizer.groups, dtype=torch.long, device=music.device)
        energy = music.new_full((len(music),), math.nan)
        windows = Windows(codes, torch.ones_like(codes, dtype=torch.bool), music, style, grid.there, energy)
        return self._joints(self._draw(windows, [_random(seed, 0) for seed in seeds], self.config.steps), grid)

    def reconstructed(
        self, pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"], rhythm: Float[Tensor, "B T R"]
    ) -> Float[Tensor, "B T J 2"]:
        """The dances of clips, encoded and decoded."""
        grid = beat_grid(rhythm, self.fps, inside=False)
        motion = on_grid(pose, mask, grid)
        latents = self.tokenizer.latents(motion.vectors, motion.seen, motion.lengths)
        return at_frames(self.tokenizer.decode(latents, motion.lengths), grid, self.fps)

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
        """Dances to a whole song, one for each seed.

        They begin with the frames of `start`, or are that of `section` with other tokens in the section.
        """
        del window_frames  # memory hardly grows with their number
        grid = beat_grid(song.rhythm[None], self.fps, inside=False)
        music = self.music(song.audio[None], song.rhythm[None], grid, self.fps)[0]
        told = Told(style, self._log_energy(energy, music))
        codes = torch.zeros(
            len(seeds), grid.tokens, self.config.tokenizer.groups, dtype=torch.long, device=music.device
        )
        given = 0
        if start is not None:
            known = self._encoded(start, grid)
            given = grid.ended(len(start))
            codes[:, :given] = known[:given]
        if section is not None:
            codes[:] = self._encoded(section.dance, grid)
            ends = codes.new_tensor([[section.first, section.last]], dtype=torch.float)
            first, last = grid.token_at(ends)[0].tolist()
            for span in plan.section(first, last, grid.tokens):
                self._fill(codes, [span], music, seeds, told, self.config.steps)
            return in_place(self._joints(codes, grid), section)
        parts = plan.find_parts(*_starts(song.phrases, grid, self.fps), grid.tokens)
        self._fill(codes, plan.drawn(parts, given), music, seeds, told, self.config.steps)
        for spans in plan.joins(parts, given):
            self._fill(codes, spans, music, seeds, told, min(JOIN_STEPS, self.config.steps))
        dance = self._joints(codes, grid)
        return dance if start is None else begun(dance, start, self.fps)

    @property
    def statistics(self) -> list[Tensor]:
        """Running means of training."""
        return [self.lengths, self.log_speeds] if self.has_energy else [self.lengths]

    def style_logits(self, song: Song) -> Float[Tensor, " C"]:
        """Logits of the styles for the music of a song."""
        grid = beat_grid(song.rhythm[None], self.fps, inside=False)
        return self.transformer.style_logits(
            self.music(song.audio[None], song.rhythm[None], grid, self.fps), grid.there
        )[0]

    def _log_energy(self, wanted: float | None, music: Float[Tensor, "N E"]) -> Float[Tensor, " N"]:
        """Logarithm of the energy that the transformer is told for each token; NaN for none.

        It is that of the wanted energy, and more where the music is louder than in the mean of the song.
        """
        if not self.has_energy or (wanted is None and not self.config.dynamics):
            return music.new_full((len(music),), math.nan)
        loudness = self.music.loudness(music)
        more = (self.config.dynamics * (loudness - loudness.mean())).clamp(math.log(CALMEST), math.log(LIVELIEST))
        return self.config.energy_exponent * (math.log(wanted or 1.0) + more)

    def _fill(
        self,
        codes: Int[Tensor, "B N G"],
        spans: Sequence[plan.Span],
        music: Float[Tensor, "N E"],
        seeds: Sequence[int],
        told: Told,
        steps: int,
    ) -> None:
        """Draw the codes of the spans in so many steps, for all seeds, then repeat those of spans with a source."""
        todo = [(row, span) for span in spans if span.source is None for row in range(len(seeds))]
        for at in range(0, len(todo), WINDOWS_AT_ONCE):
            chunk = todo[at : at + WINDOWS_AT_ONCE]
            windows = _windows(codes, chunk, music, told)
            found = self._draw(windows, [_random(seeds[row], span.start, span.end) for row, span in chunk], steps)
            for (row, span), window in zip(chunk, found, strict=True):
                codes[row, span.start : span.end] = window[span.start - span.first : span.end - span.first]
        for span in spans:
            if span.source is not None:
                codes[:, span.start : span.end] = codes[:, span.source :][:, : span.end - span.start].clone()

    def _draw(self, windows: Windows, random: Sequence[Random], steps: int) -> Int[Tensor, "B N G"]:
        return draw(self.transformer, self.tokenizer.fsq, self.config, windows, random, steps)

    def _joints(self, codes: Int[Tensor, "B N G"], grid: BeatGrid) -> Float[Tensor, "B T J 2"]:
        lengths = self.lengths.expand(len(codes), -1)
        return at_frames(self.tokenizer.decode(self.tokenizer.fsq.values(codes), lengths), grid, self.fps)

    def _encoded(self, dance: Float[Tensor, "K J 2"], grid: BeatGrid) -> Int[Tensor, "N G"]:
        """Codes of a dance, or of its beginning, whose last pose is held."""
        frames = grid.beats.shape[1]
        dance = dance[:frames]
        pose = torch.cat([dance, dance[-1:].expand(frames - len(dance), -1, -1)])[None]
        motion = on_grid(pose, torch.ones_like(pose[..., 0]), grid)
        return self.tokenizer.fsq.codes(self.tokenizer.latents(motion.vectors, motion.seen, motion.lengths))[0]


def _starts(phrases: Sequence[Phrase], grid: BeatGrid, fps: float) -> tuple[list[int], list[str]]:
    """The first token and the label of each phrase."""
    if not phrases:
        return [0], ["dance"]
    frames = torch.tensor([[phrase.start_s * fps for phrase in phrases]], device=grid.beats.device)
    return [0, *grid.token_at(frames)[0, 1:].tolist()], [phrase.label for phrase in phrases]


def _windows(
    codes: Int[Tensor, "B N G"], todo: Sequence[tuple[int, plan.Span]], music: Float[Tensor, "N E"], told: Told
) -> Windows:
    """The windows of spans of rows of `codes`, padded to the longest."""
    longest = max(span.last - span.first for _, span in todo)
    offsets = torch.arange(longest, device=codes.device)
    edges = torch.tensor([span[:4] for _, span in todo], device=codes.device)
    rows = torch.tensor([row for row, _ in todo], device=codes.device)
    at = edges[:, :1] + offsets
    there = at < edges[:, 1:2]
    inside = at.clamp(max=codes.shape[1] - 1)
    masked = (at >= edges[:, 2:3]) & (at < edges[:, 3:4])
    return Windows(
        codes[rows[:, None], inside],
        masked[..., None].expand(-1, -1, codes.shape[2]),
        music[inside],
        torch.full((len(todo),), told.style, device=codes.device),
        there,
        torch.stack([told.log_energy[span.start : span.end].mean() for _, span in todo]).exp(),
    )


def _random(*words: int) -> Random:
    """As training.randomness.random_of, from which this layer cannot import."""
    state = np.random.SeedSequence([word % 2**64 for word in words]).generate_state(1, np.uint64)
    return Random().manual_seed(int(state[0] >> np.uint64(1)))
