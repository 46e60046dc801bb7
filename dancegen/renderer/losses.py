"""The renderer's losses, as functions of pictures, mattes and the outputs of the discriminators.

A loss inside a mask is the mean over the mask of each picture, then the mean over the pictures, so that a batch may be
sharded over workers. A picture with an empty mask adds 0. The outputs of a multiscale discriminator are a list over
scales, full resolution first, of the activations of its layers; the last activation is the map of scores.

Axes used in shapes:
    N pictures    C channels    H rows    W columns    h, w rows and columns of the flow, a quarter of the picture's
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional as F

Outputs = Sequence[Sequence[Tensor]]
SMALLEST_SHARE = 1e-6  # lower bound of a matte inside the logarithm
MATCHING_LAYERS = 4.0  # layers of the published discriminator, to which feature matching is scaled


def generator_adversarial(generated: Outputs) -> Float[Tensor, ""]:
    """Sum over scales of the mean of (D(G(x)) - 1)^2: least squares GAN (Mao et al., ICCV 2017, equation 9)."""
    return torch.stack([(scale[-1].float() - 1).square().mean() for scale in generated]).sum()


def discriminator_adversarial(generated: Outputs, real: Outputs) -> Float[Tensor, ""]:
    """Sum over scales of half the mean of (D(y) - 1)^2 plus half that of D(G(x))^2 (Mao et al., ICCV 2017, equation 9).

    `generated` must come from detached pictures.
    """
    terms = [
        0.5 * ((ours[-1].float().square().mean()) + (theirs[-1].float() - 1).square().mean())
        for ours, theirs in zip(generated, real, strict=True)
    ]
    return torch.stack(terms).sum()


def feature_matching(generated: Outputs, real: Outputs) -> Float[Tensor, ""]:
    """L1 distance of the activations, the scores excluded (Wang et al., "pix2pixHD", CVPR 2018, equation 4).

    Each layer's mean has the weight 4 / layers / scales, with `layers` the activations of a scale without the scores,
    as in the published code (its factor of 10 is the weight of this loss). `real` is detached.
    """
    terms = [
        MATCHING_LAYERS / (len(theirs) - 1) / len(real) * (one.float() - other.detach().float()).abs().mean()
        for ours, theirs in zip(generated, real, strict=True)
        for one, other in zip(ours[:-1], theirs[:-1], strict=True)
    ]
    return torch.stack(terms).sum()


def colour_l1(
    colour: Float[Tensor, "N C H W"], real: Float[Tensor, "N C H W"], matte: Float[Tensor, "N 1 H W"]
) -> Float[Tensor, ""]:
    """Mean absolute difference of the colours, weighted by the matte."""
    return _masked_mean((colour - real).abs().mean(dim=1, keepdim=True), matte)


def matte_cross_entropy(
    matte: Float[Tensor, "N 1 H W"], target: Float[Tensor, "N 1 H W"], known: Float[Tensor, " N"]
) -> Float[Tensor, ""]:
    """Mean binary cross-entropy of the matte with its target, in nats, where the target is known (1), not 0.

    An L1 distance has no gradient where the sigmoid is saturated, and is smallest for an empty matte as long as most
    pixels are background.
    """
    share = matte.float().clamp(SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    return (F.binary_cross_entropy(share, target.float(), reduction="none").mean(dim=(1, 2, 3)) * known).mean()


def matte_entropy(matte: Float[Tensor, "N 1 H W"]) -> Float[Tensor, ""]:
    """Mean binary entropy of the matte in nats: 0 where it is 0 or 1, log 2 where it is 1/2."""
    share = matte.float().clamp(SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    return -(share * share.log() + (1 - share) * (1 - share).log()).mean()


def warp_l1(
    current: Float[Tensor, "N C H W"],
    previous: Float[Tensor, "N C H W"],
    flow: Float[Tensor, "N 2 h w"],
    valid: Bool[Tensor, "N h w"] | UInt8[Tensor, "N h w"] | Float[Tensor, "N h w"],
) -> Float[Tensor, ""]:
    """Mean of |y_t - warp(y_t-1)| where the flow is valid: the short-term loss of Lai et al. (ECCV 2018).

    The flow is that of the real frames (see `warp`). Where `valid` is 0, forward and backward flow disagree.
    """
    mask = F.interpolate(valid[:, None].float(), size=current.shape[-2:], mode="nearest-exact")
    change = (current - warp(previous, flow)).abs().mean(dim=1, keepdim=True)
    return _masked_mean(change, mask)


def warp(picture: Float[Tensor, "N C H W"], flow: Float[Tensor, "N 2 h w"]) -> Float[Tensor, "N C H W"]:
    """The picture sampled at p + flow(p), bilinear; its border is continued outwards.

    The flow (x, y) is in pixels of the picture; a flow of lower resolution is upsampled.
    """
    height, width = picture.shape[-2:]
    full = F.interpolate(flow.float(), size=(height, width), mode="bilinear", align_corners=False)
    x = torch.arange(width, device=picture.device) + full[:, 0]
    y = torch.arange(height, device=picture.device)[:, None] + full[:, 1]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return F.grid_sample(picture.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)


def _masked_mean(values: Float[Tensor, "N 1 H W"], mask: Float[Tensor, "N 1 H W"]) -> Float[Tensor, ""]:
    mask = mask.float()
    total, area = (values.float() * mask).flatten(1).sum(dim=1), mask.flatten(1).sum(dim=1)
    return torch.where(area > 0, total / area.clamp(min=SMALLEST_SHARE), 0.0).mean()
