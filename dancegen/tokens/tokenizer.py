"""The tokenizer: motion on the beat grid to codes, and back to joints.

The encoder sees directions and foreshortenings of the bones and the root's path; the decoder gives them, and joints
follow by forward kinematics over any body. Codes hold no place across the floor: the root's x is the sum of its steps.

Axes used in shapes:
    B clips    P poses of the grid    N tokens    J joints    V vectors: the root and the bones    L bones
    G codes of a token    D values of a code    W width    C channels
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from dancegen.pose import kinematics
from dancegen.tokens.beat_grid import POSES
from dancegen.tokens.body import LONGER
from dancegen.tokens.fsq import FSQ, LEVELS
from dancegen.tokens.settings import TokenizerConfig

STEP_GAIN, HEIGHT_GAIN, BONE_GAIN = 30.0, 8.0, 2.0  # of the root's steps and height, and of bones: about 1 each
FIRST_LATENT_STD = 1.2  # smaller ones are all rounded to one level
FINE = 64  # channels of the decoder at each pose
VECTORS, BONES = kinematics.VECTORS, len(kinematics.BONES)
SEEN = 2 * VECTORS + VECTORS + 1  # values of a pose that the encoder sees


class ResidualConv(nn.Module):
    """Norm, convolution over time, GELU and a pointwise convolution, with a residual connection."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, kernel, padding="same")
        self.out = nn.Conv1d(width, width, 1)

    def forward(self, hidden: Float[Tensor, "B T W"]) -> Float[Tensor, "B T W"]:
        """Features of the same shape."""
        changed = self.conv(self.norm(hidden).transpose(1, 2))
        return hidden + self.out(nn.functional.gelu(changed)).transpose(1, 2)


class MotionTokenizer(nn.Module):
    """Encodes POSES poses of the beat grid as a token of `groups` codes."""

    chains: Tensor
    rest: Tensor

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        width, self.groups = config.width, config.groups
        self.fsq = FSQ()
        latent = config.groups * len(LEVELS)
        into = nn.Linear(width, latent)
        nn.init.normal_(into.weight, std=FIRST_LATENT_STD / width**0.5)
        self.encoder = nn.Sequential(
            nn.Linear(POSES * SEEN, width),
            *[ResidualConv(width, 3) for _ in range(config.blocks)],
            nn.LayerNorm(width),
            into,
        )
        self.enter = nn.Linear(latent, width)
        self.body = nn.Linear(BONES, width)
        self.decoder = nn.Sequential(*[ResidualConv(width, 3) for _ in range(config.blocks)], nn.LayerNorm(width))
        self.unfold = nn.Linear(width, POSES * FINE)
        self.fine = nn.Sequential(ResidualConv(FINE, 5), ResidualConv(FINE, 5), nn.LayerNorm(FINE))
        self.last = nn.Linear(FINE, 2 * VECTORS)
        for values in (self.last.weight, self.last.bias):  # noise at first would teach the encoder to say nothing
            nn.init.zeros_(values)
        rest = torch.tensor([bone.rest for bone in kinematics.BONES])
        self.register_buffer("rest", rest / rest.norm(dim=1, keepdim=True), persistent=False)
        self.register_buffer("chains", kinematics.chains(), persistent=False)

    def latents(
        self,
        vectors: Float[Tensor, "B P V 2"],
        seen: Bool[Tensor, "B P V"],
        lengths: Float[Tensor, "B L"],
    ) -> Float[Tensor, "B N G D"]:
        """Quantized latent values of the tokens of motion."""
        there = seen.to(vectors)
        bones = BONE_GAIN * (vectors[:, :, 1:] / lengths[:, None, :, None] - self.rest)
        root = vectors[:, :, :1]
        step = nn.functional.pad(root.diff(dim=1), (0, 0, 0, 0, 1, 0)) * STEP_GAIN
        both = (there * nn.functional.pad(there[:, :-1], (0, 0, 1, 0)))[:, :, :1, None]  # the root, in both poses
        shown = torch.cat([step * both, bones * there[:, :, 1:, None]], dim=2).clamp(-5, 5).flatten(2)
        height = root[:, :, 0, 1:] * HEIGHT_GAIN * there[:, :, :1]
        features = torch.cat([shown, 1 - there, height], dim=-1)
        hidden = self.encoder(features.unflatten(1, (-1, POSES)).flatten(2))
        return self.fsq(hidden.unflatten(-1, (self.groups, len(LEVELS))))

    def decode(self, latents: Float[Tensor, "B N G D"], lengths: Float[Tensor, "B L"]) -> Float[Tensor, "B P J 2"]:
        """Joints of the tokens, for a body. The first root has x 0."""
        hidden = self.enter(latents.flatten(2)) + self.body(lengths)[:, None]
        fine = self.unfold(self.decoder(hidden)).unflatten(-1, (POSES, FINE)).flatten(1, 2)
        with torch.autocast(fine.device.type, enabled=False):  # rounding would cause jitter
            values = self.last(self.fine(fine.float())).unflatten(-1, (VECTORS, 2))
            path = values[:, :, 0, 0].cumsum(dim=1) / STEP_GAIN
            root = torch.stack([path - path[:, :1], values[:, :, 0, 1] / HEIGHT_GAIN], dim=-1)[:, :, None]
            bones = values[:, :, 1:] / BONE_GAIN + self.rest
            shorter = (LONGER / bones.norm(dim=-1, keepdim=True).clamp(min=1e-6)).clamp(max=1)
            bones = bones * shorter * lengths[:, None, :, None]
            return self.chains @ torch.cat([root, bones], dim=2)
