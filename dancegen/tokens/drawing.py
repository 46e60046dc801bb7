"""Draws the masked codes of windows in a few steps: at first the ones that the transformer is surest of.

Parallel decoding of Chang et al., "MaskGIT" (CVPR 2022), with classifier-free guidance. Every window has random numbers
of its own, so that its codes do not depend on the windows beside it in the batch.

Axes used in shapes:
    B windows    N tokens    G codes of a token    K codes to choose from    E music features
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator as Random
from torch import Tensor

from dancegen.tokens.fsq import FSQ
from dancegen.tokens.settings import TokensConfig
from dancegen.tokens.transformer import MaskedTransformer

LIKELY, LIKELY_CODES = 0.95, 64  # codes that may be drawn: the likeliest, with this share of the probability together
GUIDED = 0.5  # share of the steps with guidance: the first codes decide on the style, and later ones follow them
ORDER_NOISE = 4.0  # of the confidence in the first step: which codes are drawn early is partly random


@dataclass(frozen=True)
class Windows:
    """Windows of dances, and what is known of them."""

    codes: Int[Tensor, "B N G"]
    """Those of masked places are ignored."""
    masked: Bool[Tensor, "B N G"]
    music: Float[Tensor, "B N E"]
    style: Int[Tensor, " B"]
    there: Bool[Tensor, "B N"]
    """False for padding."""
    energy: Float[Tensor, " B"]
    """NaN where none is wanted."""


@torch.inference_mode()
def draw(
    network: MaskedTransformer, fsq: FSQ, config: TokensConfig, windows: Windows, random: Sequence[Random], steps: int
) -> Int[Tensor, "B N G"]:
    """The codes of the windows, drawn in so many steps; the ones that were not masked stay."""
    codes, masked = windows.codes.clone(), windows.masked & windows.there[..., None]
    count = masked.flatten(1).sum(dim=1)
    conditions = _conditions(config, windows)
    for step in range(steps):
        guided = step < GUIDED * steps
        logits = _logits(network, fsq, windows, codes, masked, conditions if guided else conditions[:1])
        likely, which = logits.log_softmax(dim=-1).topk(LIKELY_CODES)
        noise = torch.stack([_gumbel(likely.shape[1:], each) for each in random]).to(likely, non_blocking=True)
        before = likely.exp().cumsum(dim=-1) - likely.exp()
        chosen = (likely / config.temperature + noise).masked_fill(before > LIKELY, -math.inf).argmax(dim=-1)[..., None]
        drawn, sure = which.gather(-1, chosen)[..., 0], likely.gather(-1, chosen)[..., 0]
        order = torch.stack([_gumbel(sure.shape[1:], each) for each in random]).to(likely, non_blocking=True)
        done = (step + 1) / steps
        sure = (sure + ORDER_NOISE * (1 - done) * order).where(masked, math.inf)
        codes = torch.where(masked, drawn, codes)
        left = (count * math.cos(math.pi / 2 * done)).long() if done < 1 else torch.zeros_like(count)
        ranks = sure.flatten(1).argsort(dim=1).argsort(dim=1).view_as(masked)  # the least sure first
        masked = masked & (ranks < left[:, None, None])
    return codes


class _Condition(NamedTuple):
    """What the network is told, and how far the logits are moved on from those that it then gives."""

    weight: float
    style: Int[Tensor, " B"]
    heard: Bool[Tensor, " B"]
    energy: Float[Tensor, " B"]


def _conditions(config: TokensConfig, windows: Windows) -> list[_Condition]:
    """All that is known; then, for guidance: nothing, all but the style, and all but the energy."""
    style, energy, heard = windows.style, windows.energy, torch.ones_like(windows.style, dtype=torch.bool)
    found = [_Condition(0.0, style, heard, energy)]
    if config.guidance:
        found.append(_Condition(config.guidance, style, ~heard, energy))
    if config.style_guidance and (style > 0).any():
        found.append(_Condition(config.style_guidance, torch.zeros_like(style), heard, energy))
    if config.energy_guidance and energy.isfinite().any():
        found.append(_Condition(config.energy_guidance, style, heard, torch.full_like(energy, math.nan)))
    return found


def _logits(
    network: MaskedTransformer,
    fsq: FSQ,
    windows: Windows,
    codes: Int[Tensor, "B N G"],
    masked: Bool[Tensor, "B N G"],
    conditions: Sequence[_Condition],
) -> Float[Tensor, "B N G K"]:
    """Logits with the first of the conditions, moved on from those with the others."""
    weights, styles, hearing, energies = zip(*conditions, strict=True)
    times = len(conditions)
    all_of = network(  # at once: few windows make small matrices
        fsq.values(codes.clamp(min=0)).repeat(times, 1, 1, 1),
        masked.repeat(times, 1, 1),
        windows.music.repeat(times, 1, 1),
        torch.cat(styles),
        torch.cat(hearing),
        windows.there.repeat(times, 1),
        torch.cat(energies),
    )
    own, *found = all_of.float().chunk(times)
    moved = own
    for weight, other in zip(weights[1:], found, strict=True):
        moved = moved + weight * (own - other)
    return moved


def _gumbel(shape: torch.Size, random: Random) -> Tensor:
    uniform = torch.rand(shape, generator=random).clamp(1e-9, 1 - 1e-7)
    return -(-uniform.log()).log()
