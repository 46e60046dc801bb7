"""Interface of a classifier without its last layers, and the one of no classifier.

Axes used in shapes:
    N pictures    H rows    W columns
"""

from jaxtyping import Float
from torch import Tensor, nn


class ImageFeatures(nn.Module):
    """A classifier without its last layers. It is never trained, and stays in evaluation mode."""

    depth_weights: tuple[float, ...]
    """Weight of each feature map in the perceptual distance, shallow first."""

    def forward(self, pictures: Float[Tensor, "N 3 H W"]) -> list[Float[Tensor, "N _ _ _"]]:
        """The feature maps of pictures in [-1, 1], shallow first."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> "ImageFeatures":
        """Evaluation mode, whatever `mode` is: the statistics of batch norm are those of the weights."""
        return super().train(False)


class NoFeatures(ImageFeatures):
    """No feature maps: every perceptual distance is 0."""

    depth_weights = ()

    def forward(self, pictures: Float[Tensor, "N 3 H W"]) -> list[Float[Tensor, "N _ _ _"]]:
        """An empty list."""
        return []
