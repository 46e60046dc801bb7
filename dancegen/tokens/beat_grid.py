"""Pose frames <-> the beat grid: POSES poses in each half of a counted beat, which is a token.

On this grid a move is the same at every tempo, a token never straddles a beat, and a phrase that comes again has as
many tokens. Music without a beat is divided as if it had FREE_BPM.

Axes used in shapes:
    B clips    T pose frames    P poses of the grid    N tokens    C channels
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from dancegen.music.rhythm import RHYTHM_CHANNELS

POSES = 6  # of a token
TOKENS_A_BEAT = 2
FREE_BPM = 120.0
LEAST_STEP = 1e-3  # beats a frame
BEAT = tuple(RHYTHM_CHANNELS.index(name) for name in ("beat_sin", "beat_cos"))


@dataclass(frozen=True)
class BeatGrid:
    """The beat grid of each clip. Clips of a batch have different numbers of tokens: the last ones are padding."""

    beats: Float[Tensor, "B T"]
    """Beat number of each pose frame; it rises with time."""
    first: Int[Tensor, " B"]
    """Half-beats before the first token."""
    counts: Int[Tensor, " B"]
    """Tokens of each clip."""

    @cached_property
    def tokens(self) -> int:
        """Tokens of the longest clip. A GPU is waited for, once."""
        return int(self.counts.max())

    @property
    def there(self) -> Bool[Tensor, "B N"]:
        """False for padding."""
        return torch.arange(self.tokens, device=self.counts.device) < self.counts[:, None]

    def frames(self, points: int = POSES) -> Float[Tensor, "B P"]:
        """The pose frame, with fraction, of each of `points` evenly spaced times in each token."""
        at = (torch.arange(self.tokens * points, device=self.beats.device) + 0.5) / points
        return _inverse(self.beats, (self.first[:, None] + at) / TOKENS_A_BEAT)

    def poses(self) -> Float[Tensor, "B T"]:
        """The pose of the grid, with fraction, at each pose frame."""
        return (self.beats * TOKENS_A_BEAT - self.first[:, None]) * POSES - 0.5

    def token_at(self, frame: Float[Tensor, "B K"]) -> Int[Tensor, "B K"]:
        """The token that starts nearest to each pose frame."""
        at = sample(self.beats[..., None], frame)[..., 0] * TOKENS_A_BEAT - self.first[:, None]
        return at.round().long().clamp(min=0).minimum(self.counts[:, None])

    def ended(self, frames: int) -> int:
        """Tokens of the first clip that end within the first frames."""
        ends = self.frames(1)[0] + self.beat_frames()[0] / 4
        return int((ends <= frames - 0.5).sum())

    def beat_frames(self) -> Float[Tensor, "B N"]:
        """Duration in pose frames of the beat around each token."""
        edges = _inverse(
            self.beats,
            (self.first[:, None] + torch.arange(self.tokens + 1, device=self.beats.device)) / TOKENS_A_BEAT,
        )
        return TOKENS_A_BEAT * edges.diff(dim=1)


def beat_grid(rhythm: Float[Tensor, "B T R"], fps: float, inside: bool) -> BeatGrid:
    """The grid of clips with these rhythm channels.

    With `inside`, tokens lie wholly between the first and the last frame; otherwise they cover both.
    """
    beats = beat_numbers(rhythm, fps)
    ends = beats[:, [0, -1]] * TOKENS_A_BEAT
    if inside:
        first, last = (ends[:, 0] - 1e-4).ceil(), (ends[:, 1] + 1e-4).floor()
    else:
        first, last = ends[:, 0].floor(), ends[:, 1].floor() + 1
    return BeatGrid(beats, first.long(), (last - first).long().clamp(min=1))


def beat_numbers(rhythm: Float[Tensor, "B T R"], fps: float) -> Float[Tensor, "B T"]:
    """The beat number of each frame, from the beat's phase; its whole numbers are the beats."""
    sine, cosine = (rhythm[..., column].double() for column in BEAT)
    turns = torch.atan2(sine, cosine) / (2 * math.pi)
    steps = turns.diff(dim=1)
    steps = (steps - (steps + 0.25).floor()).clamp(min=LEAST_STEP)  # a step back of a quarter is one of noise
    known = ((sine.square() + cosine.square()) > 0).all(dim=1, keepdim=True)
    steps = torch.where(known, steps, FREE_BPM / 60 / fps)
    return torch.cat([turns[:, :1] * known, turns[:, :1] * known + steps.cumsum(dim=1)], dim=1).float()


def sample(values: Float[Tensor, "B T C"], at: Float[Tensor, "B P"]) -> Float[Tensor, "B P C"]:
    """The values at fractional frames, by Catmull-Rom splines; those at the ends hold beyond them."""
    last = values.shape[1] - 1
    at = at.clamp(0, last)
    start = at.floor().clamp(max=max(last - 1, 0))
    share = (at - start)[..., None]
    before, here, after, later = (_take(values, (start.long() + offset).clamp(0, last)) for offset in (-1, 0, 1, 2))
    slope, slope_after = (after - before) / 2, (later - here) / 2
    square, cube = share.square(), share**3
    return (
        (2 * cube - 3 * square + 1) * here
        + (cube - 2 * square + share) * slope
        + (3 * square - 2 * cube) * after
        + (cube - square) * slope_after
    )


def all_around(there: Bool[Tensor, "B T C"], at: Float[Tensor, "B P"]) -> Bool[Tensor, "B P C"]:
    """Whether all values are there that `sample` uses."""
    last = there.shape[1] - 1
    start = at.clamp(0, last).floor().long()
    found = _take(there, start)
    for offset in (-1, 1, 2):
        found = found & _take(there, (start + offset).clamp(0, last))
    return found


def _take(values: Tensor, frames: Int[Tensor, "B P"]) -> Tensor:
    return values.gather(1, frames[..., None].expand(-1, -1, values.shape[2]))


def _inverse(rising: Float[Tensor, "B T"], at: Float[Tensor, "B P"]) -> Float[Tensor, "B P"]:
    """The fractional frame at which a rising sequence has each value, on lines that go on beyond its ends."""
    if rising.shape[1] < 2:
        return torch.zeros_like(at)
    after = torch.searchsorted(rising.contiguous(), at.contiguous()).clamp(1, rising.shape[1] - 1)
    low, high = rising.gather(1, after - 1), rising.gather(1, after)
    return after - 1 + (at - low) / (high - low)
