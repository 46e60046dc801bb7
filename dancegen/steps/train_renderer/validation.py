"""Scores of a generator on held-out frames, generated one after the other from its own frames.

Axes used in shapes:
    B windows    L frames of a window    H height    W width, in pixels
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from dancegen.metrics.video.similarity import gmsd, matte_box, ssim
from dancegen.precision import Precision, autocast
from dancegen.renderer.classifiers.base import ImageFeatures
from dancegen.renderer.condition import draw_condition
from dancegen.renderer.image_features import perceptual_distance
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.steps.train_renderer.frames import FrameBatch

WHITE = 255.0


@torch.no_grad()
def rolled_out(
    generator: PersonGenerator, batch: FrameBatch, precision: Precision
) -> Iterator[tuple[Float[Tensor, "B C H W"], Float[Tensor, "B 3 H W"]]]:
    """Condition and picture of each frame of the windows. The first one has no previous picture, as in a new video."""
    height, width = batch.pictures.shape[-2:]
    previous = None
    for number in range(batch.joints.shape[1]):
        joints = batch.joints[:, number]
        condition = draw_condition(joints, height, width, generator.config)
        with autocast(precision, condition):
            previous = generator(condition, previous, batch.plate, joints).picture.float()
        yield condition, previous


def score(made: Float[Tensor, "B 3 H W"], batch: FrameBatch, features: ImageFeatures | None) -> list[dict[str, Tensor]]:
    """Scores of the last frame of each window, inside the box of the matte: l1 (of a range of 1), ssim, gmsd, and
    perceptual where `features` are given."""
    real = batch.pictures[:, -1]
    found = []
    for ours, theirs, matte, one, other in zip(
        as_bytes(made), as_bytes(real), as_bytes(2 * batch.matte - 1)[..., 0], made, real, strict=True
    ):
        box = matte_box(matte) or (slice(None), slice(None))
        mine, true = ours[box], theirs[box]
        l1 = np.abs(mine.astype(np.float64) - true).mean() / WHITE
        values = {"l1": l1, "ssim": ssim(mine, true), "gmsd": gmsd(mine, true)}
        scores = {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}
        if features is not None:
            with torch.no_grad():
                scores["perceptual"] = perceptual_distance(features, one[None], other[None]).double().cpu()
        found.append(scores)
    return found


def as_bytes(pictures: Float[Tensor, "N C H W"]) -> UInt8[np.ndarray, "N H W C"]:
    """Pictures in [-1, 1] as 8-bit channels-last arrays."""
    return ((pictures.float() + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
