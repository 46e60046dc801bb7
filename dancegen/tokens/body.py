"""Lengths of a dancer's bones. Tokens hold directions and foreshortenings, so that all bodies share them.

Axes used in shapes:
    B clips    P poses    N bones    V vectors: the root and the bones
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dancegen.pose import kinematics

FULL_LENGTH = 0.95  # quantile of a bone's length in the picture: it is rarely foreshortened then
LONGER = 1.04  # the bound of a decoded length
SHORTEST = 0.25  # of the upper bound of a bone's length
PAIRS = tuple(
    (left, right)
    for left, one in enumerate(kinematics.BONES)
    for right, other in enumerate(kinematics.BONES)
    if one.end == other.end.replace("right", "left") and left != right
)


def bone_lengths(vectors: Float[Tensor, "B P V 2"], seen: Bool[Tensor, "B P V"]) -> Float[Tensor, "B N"]:
    """The length of each bone seen from the side; the same left and right. A bone never seen has a usual length."""
    lengths = vectors[:, :, 1:].norm(dim=-1).where(seen[:, :, 1:], torch.nan)
    found = lengths.nanquantile(FULL_LENGTH, dim=1)
    for left, right in PAIRS:
        both = torch.stack([found[:, left], found[:, right]]).nanmean(dim=0)
        found[:, left] = found[:, right] = both
    longest = kinematics.longest().to(found)
    return found.where(found.isfinite(), 0.85 * longest).clamp(SHORTEST * longest, longest)
