"""An unoptimised update, implemented directly from the recipe: the baseline of `train_step.py`.

Real and generated dances pass each discriminator separately, music is encoded again for each of them, the penalty has
its own forward pass, every pass builds a graph, and the perceptual network is not frozen. Networks consist of torch's
standard layers in the default memory layout.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.gan.audio_encoder import AudioEncoder
from dancegen.gan.dance_model import build_generator, build_global_discriminator, build_local_discriminator
from dancegen.gan.losses import PERCEPTUAL_LAYERS
from dancegen.gan.settings import DanceModelConfig
from dancegen.perceptual.stgcn import STGCN, GraphConvolution
from dancegen.training.batch import Batch


class PlainGraphConvolution(GraphConvolution):
    """A convolution per part of the neighbourhood, then their sum over the neighbours."""

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        """The formula, as one einsum."""
        return torch.einsum("bkctv,kvw->bctw", self.conv(x).unflatten(1, (self.parts, -1)), graph)


class PlainAudioEncoder(AudioEncoder):
    """Audio encoder, one layer after another."""

    def forward(self, audio: Tensor) -> Tensor:
        """Features of the audio, without loudness, as published."""
        hidden = audio.flatten(0, 1)[:, None]
        for convolution, activation in zip(self.encoder.cl, self.encoder.activations, strict=True):
            hidden = activation(convolution(hidden))
        return self.fc(self.rnn(hidden[:, :, 0].unflatten(0, audio.shape[:2]))[0])


class PlainStep:
    """Networks of the published recipe, and one update of them."""

    def __init__(self, config: DanceModelConfig, perceptual: STGCN) -> None:
        self.config, self.perceptual_network = config, perceptual
        self.generator = build_generator(config)
        self.local_discriminator = build_local_discriminator(config)
        self.global_discriminator = build_global_discriminator(config)
        for network in (self.generator, self.global_discriminator, perceptual):
            for module in network.modules():
                if isinstance(module, GraphConvolution):
                    module.__class__ = PlainGraphConvolution
                if isinstance(module, AudioEncoder):
                    module.__class__ = PlainAudioEncoder
        rates = config.optimizer
        self.optimizers = {
            "generator": self._adam(self.generator, rates.generator_rate),
            "local": self._adam(self.local_discriminator, rates.local_rate),
            "global": self._adam(self.global_discriminator, rates.global_rate),
        }

    def step(self, batch: Batch) -> None:
        """One update of all three networks."""
        fake = self.dance(batch)
        known = fake.detach()
        self._descend("local", 0.5 * (said(self.judge(batch, batch.pose), 1) + said(self.judge(batch, known), 0)))
        loss = 0.5 * (said(self.compare(batch, batch.pose)[0], 1) + said(self.compare(batch, known)[0], 0))
        self._descend("global", loss + self.penalty(batch, known))
        weights = self.config.losses
        score, fakes = self.compare(batch, fake)
        _, reals = self.compare(batch, batch.pose)
        loss = said(self.judge(batch, fake), 1) + said(score, 1) + weights.l1 * F.l1_loss(fake, batch.pose)
        loss = loss + weights.feature_matching * distance(fakes, reals)
        self._descend("generator", loss + weights.perceptual * self.perceptual(batch, fake))

    def dance(self, batch: Batch) -> Tensor:
        """A generated dance per clip."""
        clips, frames = batch.audio.shape[:2]
        noise = self.generator.noise(clips, frames, None, batch.audio.device)
        return self.generator(batch.audio, batch.rhythm, noise)

    def judge(self, batch: Batch, pose: Tensor) -> Tensor:
        """D_local's scores of all windows."""
        windows, rhythm = (self.local_discriminator.windows(x) for x in (pose, batch.rhythm))
        maps = self.local_discriminator.streams(windows.flatten(0, 1), rhythm.flatten(0, 1))
        return self.local_discriminator.head(maps.flatten(1))

    def compare(self, batch: Batch, pose: Tensor) -> tuple[Tensor, list[Tensor]]:
        """D_global's scores, and the features of its layers."""
        music = self.global_discriminator.music(batch.audio)
        layers = self.global_discriminator.pose_encoder.layers(pose, batch.rhythm)
        return self.global_discriminator.judge(layers[-1], music), [
            *layers,
            self.global_discriminator.joint(layers[-1], music),
        ]

    def penalty(self, batch: Batch, fake: Tensor) -> Tensor:
        """Gradient penalty on D_global, at random points between real and generated dances."""
        share = torch.rand(len(fake), 1, 1, 1, device=fake.device)
        between = (share * batch.pose + (1 - share) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(self.compare(batch, between)[0].sum(), between, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()

    def perceptual(self, batch: Batch, fake: Tensor) -> Tensor:
        """Perceptual loss between generated and real dances."""
        features = self.perceptual_network.features
        return distance(features(fake), features(batch.pose), PERCEPTUAL_LAYERS)

    def to(self, device: str) -> "PlainStep":
        """Move the networks to a device; optimizers have no state yet."""
        for network in (self.generator, self.local_discriminator, self.global_discriminator, self.perceptual_network):
            network.to(device)
        return self

    def _descend(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()

    def _adam(self, network: nn.Module, rate: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=rate, betas=self.config.optimizer.betas)


def said(scores: Tensor, truth: float) -> Tensor:
    """Binary cross entropy of logits with target `truth`."""
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, truth))


def distance(ones: Sequence[Tensor], others: Sequence[Tensor], weights: Iterable[float] | None = None) -> Tensor:
    """Sum over layers of the weighted mean distance."""
    weights = weights or [1.0] * len(ones)
    parts = (weight * F.l1_loss(one, other) for weight, one, other in zip(weights, ones, others, strict=True))
    return sum(parts, ones[0].new_zeros(()))
