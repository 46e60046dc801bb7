"""The losses, as functions of the networks' outputs. Each is a mean, and a missing joint adds nothing.

The mean is over all joints, present or not, so that it is the same whether a batch is processed whole or
sharded across workers.

Axes used in shapes:
    B clips    T frames    J joints
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from dancegen.pose.normalize import FLOOR_QUANTILE, FLOOR_TORSOS, TORSOS_A_UNIT
from dancegen.skeleton import COCO18

NORM_FLOOR = 1e-12  # added under the square root, whose gradient at 0 is infinite
PERCEPTUAL_LAYERS = (20.0, 5.0, *[1.0] * 8)  # weights of the perceptual network's ten blocks, as published
SMALLEST_FEATURE = 1e-6  # lower bound of a layer's mean feature size as divisor
STILL = 0.002  # mean speed in units a frame (0.008 torsos) that counts as little; it bounds the ratio of energies
PLANTED = 0.0125  # speed in units a frame (half a torso a second at 10 poses a second) below which a foot bears weight
SMALLEST_SPREAD = 0.05  # lower bound of the joints' mean distance from their mean as divisor: static clips


def mask_missing(pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]) -> Float[Tensor, "B T J 2"]:
    """The dance as input of the discriminators: a missing joint is 0 in the real and in the generated dance."""
    return torch.where((mask > 0)[..., None], pose, torch.zeros_like(pose))


def l1(
    fake: Float[Tensor, "B T J 2"],
    real: Float[Tensor, "B T J 2"],
    mask: Float[Tensor, "B T J"],
    root_weight: float = 1.0,
) -> Float[Tensor, ""]:
    """L1 distance of the coordinates, weighted by the confidence in each joint.

    `root_weight` is the share that counts of the error of the mid-hip, which moves all joints alike; 1 is plain L1.
    """
    difference = mask_missing(fake, mask) - mask_missing(real, mask)
    if root_weight != 1:
        hips = COCO18.indices("right_hip", "left_hip")
        seen = (mask[:, :, hips] > 0).all(dim=-1)[..., None, None]
        difference = difference - (1 - root_weight) * seen * difference[:, :, hips].mean(dim=2, keepdim=True)
    return (difference.abs() * mask[..., None]).mean()


def velocity(
    fake: Float[Tensor, "B T J 2"], real: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]
) -> Float[Tensor, ""]:
    """L1 distance of the frame-to-frame differences, weighted by the confidence in both frames."""
    if fake.shape[1] < 2:
        return fake.new_zeros(())
    difference = mask_missing(fake, mask) - mask_missing(real, mask)
    steps = difference[:, 1:] - difference[:, :-1]
    return (steps.abs() * (mask[:, 1:] * mask[:, :-1])[..., None]).mean()


def motion_energy(
    fake: Float[Tensor, "B T J 2"], real: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]
) -> Float[Tensor, ""]:
    """Difference of each joint's speed over a clip, and of its acceleration (root mean squares): |log(fake / real)|.

    It compares how much each joint moves, not when and where to. L1 to one of many possible dances is smallest for
    their mean, which moves less than each of them; this loss is not. Squares give fast steps of a foot that else stands
    their weight.
    """
    if fake.shape[1] < 3:
        return fake.new_zeros(())
    total = fake.new_zeros(())
    seen, both = mask > 0, [mask_missing(pose, mask) for pose in (fake, real)]
    for _ in range(2):
        seen, both = seen[:, 1:] & seen[:, :-1], [pose[:, 1:] - pose[:, :-1] for pose in both]
        counted = seen.to(fake)
        count = counted.sum(dim=1).clamp(min=1)
        squares = [(pose.square().sum(dim=-1) * counted).sum(dim=1) / count for pose in both]
        made, shown = (square + STILL**2 for square in squares)
        total = total + ((made / shown).log().abs() / 2 * (counted.sum(dim=1) > 0)).mean() / 2
    return total


def foot_slide(
    fake: Float[Tensor, "B T J 2"], real: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]
) -> Float[Tensor, ""]:
    """L1 speed of the generated ankles in the frames in which the real ones are planted: low and slow."""
    if fake.shape[1] < 2:
        return fake.new_zeros(())
    feet = COCO18.indices("right_ankle", "left_ankle")
    real, fake, mask = mask_missing(real, mask)[:, :, feet], fake[:, :, feet], mask[:, :, feet]
    floor = real[..., 1].quantile(FLOOR_QUANTILE, dim=1, keepdim=True)
    low = real[..., 1] > floor - FLOOR_TORSOS / TORSOS_A_UNIT
    slow = (real[:, 1:] - real[:, :-1]).norm(dim=-1) < PLANTED
    planted = low[:, 1:] & low[:, :-1] & slow
    steps = (fake[:, 1:] - fake[:, :-1]).abs().mean(dim=-1)
    return (steps * planted * mask[:, 1:] * mask[:, :-1]).mean()


def pose_error(
    fake: Float[Tensor, "B T J 2"], real: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]
) -> Float[Tensor, ""]:
    """L1 distance of the coordinates as a multiple of that of the batch's mean real pose; a metric, not a loss.

    1 is no better than the constant mean pose; far above 1, poses are outside the range of human poses.
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
    """Sum over the layers of weight times mean feature distance; `counted` is the weight of each clip."""
    weights = weights or [1.0] * len(fakes)
    total = counted.new_zeros(())
    for weight, fake, real_one in zip(weights, fakes, reals, strict=True):
        difference = fake.to(counted) - real_one.to(counted)  # in full precision
        total = total + weight * (_mean_of_each(difference.abs()) * counted).mean()
    return total


def _mean_of_each(features: Float[Tensor, "B ..."]) -> Float[Tensor, " B"]:
    """The mean of each clip; flattening would copy the channels-last features, and their gradients once more."""
    return features.mean(dim=tuple(range(1, features.ndim)))


def relative_feature_distance(
    fakes: Sequence[Float[Tensor, "B ..."]],
    reals: Sequence[Float[Tensor, "B ..."]],
    counted: Float[Tensor, " B"],
    weights: Sequence[float],
) -> Float[Tensor, ""]:
    """Mean distance of each layer's features as a multiple of the mean size of the real dance's, averaged over layers.

    It is dimensionless: neither the network's scale nor the number of its layers matters. Each clip has its own scale,
    so that a batch can be sharded across workers.
    """
    scales = [_mean_of_each(real_one.to(counted).abs()).clamp(min=SMALLEST_FEATURE) for real_one in reals]
    total = counted.new_zeros(())
    for weight, scale, fake, real_one in zip(weights, scales, fakes, reals, strict=True):
        total = total + weight * feature_distance([fake], [real_one], counted / scale)
    return total / sum(weights)


def real(scores: Tensor) -> Float[Tensor, ""]:
    """Binary cross entropy of logits with the target real."""
    return F.binary_cross_entropy_with_logits(scores, torch.ones_like(scores))


def generated(scores: Tensor) -> Float[Tensor, ""]:
    """Binary cross entropy of logits with the target generated."""
    return F.binary_cross_entropy_with_logits(scores, torch.zeros_like(scores))


def gradient_penalty(
    judge: Callable[[Tensor], Tensor],
    one: Float[Tensor, "B T J 2"],
    other: Float[Tensor, "B T J 2"],
    share: Float[Tensor, "B 1 1 1"],
) -> Float[Tensor, ""]:
    """Squared difference of the gradient norm of `judge` from 1, at a point between each pair of dances.

    `share` is the weight of `one` in the point, sampled uniformly from [0, 1] (WGAN-GP: Gulrajani et al., 2017).
    `judge` returns one score per dance, (B,), and must neither mix dances nor apply dropout.
    """
    between = (share * one + (1 - share) * other).detach().requires_grad_()
    (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
    norm = (slope.flatten(1).square().sum(dim=1) + NORM_FLOOR).sqrt()
    return (norm - 1).square().mean()
