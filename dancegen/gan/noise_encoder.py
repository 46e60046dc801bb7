"""Noise encoder: the posterior of a real dance's latent code, one code for the whole dance.

Axes used in shapes:
    B clips    T frames    J joints    R rhythm channels    Z noise
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.gan.hcn import HCN, Inputs
from dancegen.gan.settings import DanceModelConfig, NoiseEncoderConfig

FIRST_LOG_STD = -2.0  # of an untrained encoder, in standard deviations of the prior


class Code(NamedTuple):
    """Posterior of each dance's latent code: a normal distribution."""

    mean: Float[Tensor, "B Z"]
    log_std: Float[Tensor, "B Z"]

    def sample(self, normal: Float[Tensor, "B Z"]) -> Float[Tensor, "B Z"]:
        """A sample of the posterior, made from a standard normal one."""
        return self.mean + self.log_std.exp() * normal

    def divergence(self, std: float, free: float = 0.0) -> Float[Tensor, " B"]:
        """KL divergence of each dance's posterior from the prior, N(0, std^2), in nats.

        Less than `free` in a channel counts as `free` ("free bits": Kingma et al., 2016).
        """
        log_ratio = self.log_std - math.log(std)
        nats = ((2 * log_ratio).exp() + (self.mean / std).square() - 1 - 2 * log_ratio) / 2
        return nats.clamp(min=free).sum(dim=1)


class NoiseEncoder(nn.Module):
    """The pose branch of a discriminator, with mean and standard deviation as outputs."""

    def __init__(self, config: DanceModelConfig, settings: NoiseEncoderConfig, inputs: Inputs) -> None:
        super().__init__()
        self.std = config.generator.noise_std
        self.pose_encoder = HCN(settings, 2 * config.generator.noise_dim, 0.0, inputs)

    def forward(self, pose: Float[Tensor, "B T J 2"], rhythm: Float[Tensor, "B T R"]) -> Code:
        """The posterior of each dance. Its initial deviation is small, so that the generator starts to use the code."""
        mean, log_std = self.pose_encoder(pose, rhythm).chunk(2, dim=1)
        return Code(torch.tanh(mean / 3) * 3 * self.std, (log_std + FIRST_LOG_STD).clamp(-4, 1) + math.log(self.std))
