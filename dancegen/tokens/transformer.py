"""The masked transformer: from some codes of a dance, its music and its style to the probabilities of the others.

Attention sees how far apart two tokens are, and not where they are, so that a window may lie anywhere in a song.

Axes used in shapes:
    B windows    N tokens    G codes of a token    D values of a code    K codes to choose from    E music features
    W width    H heads
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dancegen.tokens.fsq import CODES, LEVELS
from dancegen.tokens.settings import TransformerConfig

FARTHEST = 32  # tokens: what is farther apart counts alike
MOST = 3.0  # energy; more is taken for this, and less than its inverse for that
ENERGY_GAIN = 4.0  # of its logarithm, which varies by about a quarter


class Block(nn.Module):
    """Self-attention and a perceptron, each with a norm before it and a residual connection."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_perceptron = nn.LayerNorm(width), nn.LayerNorm(width)
        self.inputs, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * width, width)
        )
        self.distance = nn.Parameter(torch.zeros(heads, 2 * FARTHEST + 1))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden: Float[Tensor, "B N W"], apart: Int[Tensor, "N N"], there: Bool[Tensor, "B N"]
    ) -> Float[Tensor, "B N W"]:
        """Features of the same shape."""
        parts = self.inputs(self.before_attention(hidden)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        bias = self.distance[:, apart] + torch.where(there, 0.0, -1e4)[:, None, None]
        found = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        hidden = hidden + self.dropout(self.output(found.transpose(1, 2).flatten(2)))
        return hidden + self.dropout(self.perceptron(self.before_perceptron(hidden)))


class MaskedTransformer(nn.Module):
    """Gives logits of all codes of a window."""

    def __init__(self, config: TransformerConfig, groups: int, music: int, styles: int) -> None:
        """With so many codes a token, music features and styles."""
        super().__init__()
        width, self.groups = config.width, groups
        self.music = nn.Sequential(nn.Linear(music, width), nn.GELU(), nn.Linear(width, width))
        self.no_music = nn.Parameter(torch.zeros(width))
        self.style = nn.Embedding(styles + 1, width)  # 0: no style
        self.energy = nn.Linear(2, width, bias=False) if config.energy else None
        self.known = nn.Linear(groups * (len(LEVELS) + 1), width)
        self.blocks = nn.ModuleList(
            [Block(width, config.attention_heads, config.dropout) for _ in range(config.blocks)]
        )
        self.norm, self.logits = nn.LayerNorm(width), nn.Linear(width, groups * CODES)
        self.styles = nn.Linear(width, styles) if styles else None
        nn.init.normal_(self.style.weight, std=0.02)
        if self.energy is not None:
            nn.init.zeros_(self.energy.weight)

    def forward(
        self,
        values: Float[Tensor, "B N G D"],
        masked: Bool[Tensor, "B N G"],
        music: Float[Tensor, "B N E"],
        style: Int[Tensor, " B"],
        heard: Bool[Tensor, " B"],
        there: Bool[Tensor, "B N"],
        energy: Float[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B N G K"]:
        """Logits of every code. `heard` is false where music, style and energy are hidden, `there` for padding.

        `energy` is the speed in proportion to the style's mean; NaN, or None for all, where it is not known.
        """
        seen = torch.cat([values * ~masked[..., None], (~masked)[..., None].to(values)], dim=-1)
        sound = torch.where(heard[:, None, None], self.music(music), self.no_music.to(values))
        told = self.style(style * heard)[:, None]
        if self.energy is not None and energy is not None:
            known = heard & energy.isfinite()
            change = energy.clamp(1 / MOST, MOST).log().where(known, 0)
            told = told + self.energy(torch.stack([known.to(change), ENERGY_GAIN * change], dim=-1).to(values))[:, None]
        hidden = self.known(seen.flatten(2)) + sound + told
        positions = torch.arange(values.shape[1], device=values.device)
        apart = (positions[:, None] - positions).clamp(-FARTHEST, FARTHEST) + FARTHEST
        for block in self.blocks:
            hidden = block(hidden, apart, there)
        return self.logits(self.norm(hidden)).unflatten(-1, (self.groups, CODES))

    def style_logits(self, music: Float[Tensor, "B N E"], there: Bool[Tensor, "B N"]) -> Float[Tensor, "B C"]:
        """Logits of the styles, from the music of a window. It requires styles."""
        assert self.styles is not None
        weights = there[..., None].to(music)
        return self.styles((self.music(music).detach() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1))
