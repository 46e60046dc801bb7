"""Losses of the generator that enter its update by their gradient at the joints.

They are computed from the dances alone, so nothing needs to be kept of the networks that judged them, and each can be
limited there.

Axes used in shapes:
    B clips    T frames    J joints
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dancegen.gan import losses
from dancegen.gan.settings import LossConfig
from dancegen.steps.train_dance.generator_output import GeneratorOutput


@dataclass(frozen=True)
class JointLosses:
    """What one network says about the generated dances."""

    losses: dict[str, Tensor]
    """By their names in LossConfig."""
    total: Float[Tensor, ""]
    """Their weighted sum."""
    gradient: Float[Tensor, "B T J 2"]
    """That of the weighted sum at the joints."""

    def limited(self, weights: LossConfig) -> Float[Tensor, "B T J 2"]:
        """The gradient, clipped for each clip to `gradient_limit` times that of l1.

        The gradient of l1 has the same size wherever the joints are, so the limit is in the data's own unit.
        """
        if weights.gradient_limit is None or not weights.l1:
            return self.gradient
        limit = weights.gradient_limit * weights.l1 / (len(self.gradient) * self.gradient[0].numel() ** 0.5)
        norm = self.gradient.flatten(1).norm(dim=1).clamp(min=limit)
        return self.gradient * (limit / norm)[:, None, None, None]


def weighted(weights: dict[str, float], parts: dict[str, Tensor]) -> Float[Tensor, ""]:
    """The weighted sum of losses."""
    return sum((weights[name] * loss for name, loss in parts.items()), torch.zeros(()))


def perceptual(
    features: Callable[[Tensor], list[Tensor]], generated: GeneratorOutput, weight: float, scale: str
) -> JointLosses:
    """Pose perceptual loss (section 3.3): distance of the two dances in a frozen network's features.

    Only the clips that count pass the network.
    """
    joints, counted = generated.leaf(), generated.reconstruction_mask
    chosen = counted.nonzero()[:, 0]
    if not len(chosen):
        return JointLosses({"perceptual": counted.new_zeros(())}, counted.new_zeros(()), torch.zeros_like(joints))
    with torch.no_grad():
        reals = features(generated.real[chosen])
    fakes = features(losses.mask_missing(joints, generated.batch.mask)[chosen])
    distance = losses.relative_feature_distance if scale == "relative" else losses.feature_distance
    share = len(chosen) / len(counted)  # of the mean over the whole batch
    loss = distance(fakes, reals, counted[chosen] * share, losses.PERCEPTUAL_LAYERS)
    (gradient,) = torch.autograd.grad(weight * loss, joints)
    return JointLosses({"perceptual": loss.detach()}, weight * loss.detach(), gradient)
