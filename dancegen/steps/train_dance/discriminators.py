"""One update of each discriminator, and the generator's losses by it, from one pass of the network.

The generator is judged by the discriminators as they are before their update (as in pix2pixHD: Wang et al., 2018), so
that real and generated dances pass each network once in an update.

Axes used in shapes:
    B clips    T frames    J joints    N windows
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.gan import losses
from dancegen.gan.global_discriminator import GlobalDiscriminator, Judgement
from dancegen.gan.local_discriminator import LocalDiscriminator
from dancegen.gan.settings import LossConfig
from dancegen.precision import Precision, autocast
from dancegen.steps.train_dance.generator_output import GeneratorOutput
from dancegen.steps.train_dance.joint_losses import JointLosses, weighted
from dancegen.training.batch import neighbours

LEAST_SLOPE = 1e-12  # of D_local's loss by a generated window's score: else that of a low score would round to 0

Descend = Callable[[Tensor], None]
"""Backward pass and optimizer step for a loss: one for each update, because a second one would break DDP."""


@dataclass(frozen=True)
class LocalUpdate:
    """Trains D_local."""

    network: LocalDiscriminator
    wrapped: nn.Module
    """The network, in DDP if there are several workers."""
    precision: Precision

    def __call__(
        self, generated: GeneratorOutput, weights: dict[str, float], descend: Descend
    ) -> tuple[dict[str, Tensor], JointLosses]:
        """The parts of D_local's own loss, and the generator's losses by it; `weights` are those of the latter.

        One backward pass serves both. The loss of a window depends on its score alone, so the gradient of the
        generator's loss at a window is that of D_local's, rescaled.
        """
        joints = generated.leaf()
        fakes = self.network.windows(losses.mask_missing(joints, generated.batch.mask))
        shown = fakes.detach().requires_grad_()
        rhythm = self.network.windows(generated.batch.rhythm)
        with autocast(self.precision, joints):
            dances = torch.cat([self.network.windows(generated.real), shown])
            real_scores, fake_scores = self.wrapped(dances, rhythm.repeat(2, 1, 1, 1)).chunk(2)
            caught = losses.generated(fake_scores) + LEAST_SLOPE * fake_scores.mean()
            loss = 0.5 * (losses.real(real_scores) + caught)
        descend(loss)
        parts = {"local_discriminator": loss, "local_right": right(real_scores, fake_scores)}
        found = {"adversarial_local": losses.real(fake_scores.detach())}
        assert shown.grad is not None
        turned = weights["adversarial_local"] * _turned(fake_scores.detach().to(joints))
        (gradient,) = torch.autograd.grad(fakes, joints, shown.grad * turned[..., None, None, None])
        return parts, JointLosses(found, weighted(weights, found), gradient)


def _turned(scores: Float[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    """Derivative of the generator's loss by that of D_local's, for each score."""
    return -2 * (-scores).sigmoid() / (scores.sigmoid() + LEAST_SLOPE)


@dataclass(frozen=True)
class GlobalUpdate:
    """Trains D_global."""

    network: GlobalDiscriminator
    wrapped: nn.Module
    """The network, in DDP if there are several workers."""
    precision: Precision
    config: LossConfig

    def __call__(
        self,
        generated: GeneratorOutput,
        between: Float[Tensor, " B"],
        weights: dict[str, float],
        descend: Descend,
    ) -> tuple[dict[str, Tensor], JointLosses]:
        """As that of D_local; `between` is each clip's point of the gradient penalty, in [0, 1].

        The generator's losses take their own backward pass to the joints, without gradients of weights: feature
        matching depends on more than the score.
        """
        joints, batch = generated.leaf(), generated.batch
        real, fake = generated.real, losses.mask_missing(joints, batch.mask)
        with autocast(self.precision, joints):
            judgement = self.wrapped(batch.audio, batch.rhythm, (real, fake))
            loss, parts = self._scored(judgement)
            found = self._heard(judgement, weights, generated.reconstruction_mask)
            total = weighted(weights, found)
        (gradient,) = torch.autograd.grad(total, joints, retain_graph=True)
        if self.config.gradient_penalty:
            parts["gradient_penalty"] = self._penalty(judgement, generated, between)
            loss = loss + self.config.gradient_penalty * parts["gradient_penalty"]
        descend(loss)
        found = {name: value.detach() for name, value in found.items()}
        return {"global_discriminator": loss, **parts}, JointLosses(found, total.detach(), gradient)

    def _scored(self, judgement: Judgement) -> tuple[Tensor, dict[str, Tensor]]:
        """D_global's own loss without the penalty, and its parts."""
        real_scores, fake_scores = judgement.scores
        parts = {"global_right": right(real_scores, fake_scores)}
        loss = 0.5 * (losses.real(real_scores) + losses.generated(fake_scores))
        if self.config.mismatched_music and len(real_scores) > 1:
            music = judgement.music[neighbours(len(real_scores))]
            scores = self.network.judge(judgement.dances[0][-1], music)
            parts["mismatched_music"] = losses.generated(scores)
            parts["mismatched_right"] = (scores < real_scores).float().mean()
            loss = loss + self.config.mismatched_music * parts["mismatched_music"]
        return loss, parts

    def _heard(
        self, judgement: Judgement, weights: dict[str, float], counted: Float[Tensor, " B"]
    ) -> dict[str, Tensor]:
        """Adversarial loss of the generator, and feature matching loss over the layers of D_global."""
        found = {}
        if weights["adversarial_global"]:
            found["adversarial_global"] = losses.real(judgement.scores[1])
        if weights["feature_matching"]:
            reals, fakes = ([*layers, self.network.joint(layers[-1], judgement.music)] for layers in judgement.dances)
            reals = [layer.detach() for layer in reals]
            found["feature_matching"] = losses.feature_distance(fakes, reals, counted)
        return found

    def _penalty(self, judgement: Judgement, generated: GeneratorOutput, between: Float[Tensor, " B"]) -> Tensor:
        """Gradient penalty, in full precision, without dropout and without mixing of samples."""
        batch, encoder = generated.batch, self.network.pose_encoder
        music = judgement.music.detach().to(batch.pose)
        encoder.eval()
        penalty = losses.gradient_penalty(
            lambda pose: self.network.judge(encoder(pose, batch.rhythm), music),
            generated.real,
            losses.mask_missing(generated.fake.detach(), batch.mask),
            between[:, None, None, None],
        )
        encoder.train()
        return penalty


def right(real_scores: Tensor, fake_scores: Tensor) -> Float[Tensor, ""]:
    """Accuracy of a discriminator over dances or windows."""
    return 0.5 * ((real_scores > 0).float().mean() + (fake_scores < 0).float().mean())
