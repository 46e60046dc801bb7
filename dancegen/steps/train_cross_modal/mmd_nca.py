"""The MMD-NCA loss: groups of points of one class get the same distribution, and groups of others a different one.

Coskun et al., "Human Motion Analysis with Deep Metric Learning" (ECCV 2018): neighbourhood components analysis with
whole groups in place of points, and their maximum mean discrepancy (Gretton et al., 2012) in place of a distance.

Axes used in shapes:
    N, K points    G groups    M features
"""

import torch
from jaxtyping import Float
from torch import Tensor

ROUND = 1e-8  # keeps the gradient of a square root finite
VARIANCES = (1.0, 4.0, 16.0, 64.0, 256.0)  # of the kernels that are summed, as published


def kernel(x: Float[Tensor, "N M"], y: Float[Tensor, "K M"]) -> Float[Tensor, "N K"]:
    """The sum over s2 in VARIANCES of exp(-|x - y|^2 / (2 s2))."""
    squared = (x[:, None] - y[None]).square().sum(dim=-1)
    return torch.stack([(squared / (-2 * variance)).exp() for variance in VARIANCES]).sum(dim=0)


def mmd2(x: Float[Tensor, "N M"], y: Float[Tensor, "K M"]) -> Float[Tensor, ""]:
    """The squared maximum mean discrepancy of two sets, by its biased estimator: 0 for equal sets, never negative."""
    return kernel(x, x).mean() + kernel(y, y).mean() - 2 * kernel(x, y).mean()


def mmd(x: Float[Tensor, "N M"], y: Float[Tensor, "K M"]) -> Float[Tensor, ""]:
    """The maximum mean discrepancy: the square root of `mmd2`, with a finite gradient where two sets are equal.

    The root is necessary: where all points nearly coincide, the square has no gradient, and a network that maps all
    inputs to one point would not recover.
    """
    return (mmd2(x, y).clamp(min=0) + ROUND).sqrt() - ROUND**0.5


def mmd_nca(groups: Float[Tensor, "G N M"]) -> Float[Tensor, ""]:
    """-log( exp(-d(anchor, positive)) / sum over negatives of exp(-d(anchor, negative)) ), where d is `mmd`.

    The groups are the anchor, the positive one, and the negatives. The positive one is not in the denominator, so that
    the loss may be negative.
    """
    anchor, positive, *negatives = groups
    if not negatives:
        raise ValueError(f"the loss needs at least three groups, and there are {len(groups)}")
    apart = torch.stack([mmd(anchor, negative) for negative in negatives])
    return mmd(anchor, positive) + (-apart).logsumexp(dim=0)
