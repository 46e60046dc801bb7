"""The losses: plain functions of what the networks say. Every one is a mean, and a missing joint adds nothing.

The mean is over all joints, present or not, so that it is the same whether a batch is judged whole or
shared out to workers.

Axes used in shapes:
    B clips    T frames    J joints
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

NORM_FLOOR = 1e-12  # under the root, whose slope at 0 has no end
PERCEPTUAL_LAYERS = (20.0, 5.0, *[1.0] * 8)  # weights of the perceptual network's ten blocks, as published
SMALLEST_FEATURE = 1e-6  # mean size of a layer's features to divide by
SMALLEST_SPREAD = 0.05  # mean distance of joints from their mean to divide by: one clip, in which hardly anybody moves


def mask_missing(pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]) -> Float[Tensor, "B T J 2"]:
    """The dance as discriminators see it: a missing joint is 0 in the real and in the generated one alike."""
    return torch.where((mask > 0)[..., None], pose, torch.zeros_like(pose))


def l1(
    fake: Float[Tensor, "B T J 2"], real: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]
) -> Float[Tensor, ""]:
    """Distance of the coordinates, weighted by the confidence in each joint."""
    return ((mask_missing(fake, mask) - mask_missing(real, mask)).abs() * mask[..., None]).mean()


def velocity(
    fake: Float[Tensor, "B T J 2"], real: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]
) -> Float[Tensor, ""]:
    """Distance of the steps from frame to frame; a step counts as far as both of its ends are trusted."""
    if fake.shape[1] < 2:
        return fake.new_zeros(())
    difference = mask_missing(fake, mask) - mask_missing(real, mask)
    steps = difference[:, 1:] - difference[:, :-1]
    return (steps.abs() * (mask[:, 1:] * mask[:, :-1])[..., None]).mean()


def pose_error(
    fake: Float[Tensor, "B T J 2"], real: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]
) -> Float[Tensor, ""]:
    """Distance of the coordinates as a multiple of what the mean real pose of the batch would have; a metric, no loss.

    1 is no better than standing in the mean pose; far above 1, poses are none of a person any more.
    """
    count = mask.sum(dim=(0, 1)).clamp(min=1e-6)[:, None]
    mean = (mask_missing(real, mask) * mask[..., None]).sum(dim=(0, 1)) / count
    spread = l1(mean.expand_as(real), real, mask).clamp(min=SMALLEST_SPREAD * mask.mean())
    return l1(fake, real, mask) / spread.clamp(min=1e-12)


def feature_distance(
    fakes: Sequence[Float[Tensor, "B ..."]],
    reals: Sequence[Float[Tensor, "B ..."]],
    counted: Float[Tensor, " B"],
    weights: Sequence[float] | None = None,
) -> Float[Tensor, ""]:
    """Mean distance of each layer's features, over the layers by their weights; clips count as `counted` says."""
    weights = weights or [1.0] * len(fakes)
    total = counted.new_zeros(())
    for weight, fake, real_one in zip(weights, fakes, reals, strict=True):
        difference = fake.to(counted) - real_one.to(counted)  # never rounded
        total = total + weight * (difference.abs().flatten(1).mean(dim=1) * counted).mean()
    return total


def relative_feature_distance(
    fakes: Sequence[Float[Tensor, "B ..."]],
    reals: Sequence[Float[Tensor, "B ..."]],
    counted: Float[Tensor, " B"],
    weights: Sequence[float],
) -> Float[Tensor, ""]:
    """Mean distance of each layer's features as a multiple of the mean size of the real dance's, averaged over layers.

    It has no unit: neither the network's scale nor the number of its layers matters. Each clip has its own scale, so
    that a batch may be shared out to workers.
    """
    scales = [real_one.to(counted).abs().flatten(1).mean(dim=1).clamp(min=SMALLEST_FEATURE) for real_one in reals]
    total = counted.new_zeros(())
    for weight, scale, fake, real_one in zip(weights, scales, fakes, reals, strict=True):
        total = total + weight * feature_distance([fake], [real_one], counted / scale)
    return total / sum(weights)


def real(scores: Tensor) -> Float[Tensor, ""]:
    """Cross entropy of logits that should say real."""
    return F.binary_cross_entropy_with_logits(scores, torch.ones_like(scores))


def generated(scores: Tensor) -> Float[Tensor, ""]:
    """Cross entropy of logits that should say generated."""
    return F.binary_cross_entropy_with_logits(scores, torch.zeros_like(scores))


def gradient_penalty(
    judge: Callable[[Tensor], Tensor],
    one: Float[Tensor, "B T J 2"],
    other: Float[Tensor, "B T J 2"],
    share: Float[Tensor, "B 1 1 1"],
) -> Float[Tensor, ""]:
    """How far the slope of `judge` is from 1, squared, at a point between each pair of dances.

    `share` says how much of `one` is in the point, drawn evenly from [0, 1] (WGAN-GP: Gulrajani et al., 2017).
    `judge` gives a score a dance, (B,), and must not mix dances or draw dropout of its own.
    """
    between = (share * one + (1 - share) * other).detach().requires_grad_()
    (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
    norm = (slope.flatten(1).square().sum(dim=1) + NORM_FLOOR).sqrt()
    return (norm - 1).square().mean()
