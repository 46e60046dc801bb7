"""Features of VGG19 (Simonyan and Zisserman, ICLR 2015) at five depths.

Axes used in shapes:
    N pictures    H rows    W columns
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.renderer.classifiers.base import ImageFeatures

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in [0, 1], as in the training
STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 1))  # channels and convolutions up to relu5_1


class VGG19Features(ImageFeatures):
    """The outputs of relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, at strides 1, 2, 4, 8 and 16.

    Keys of the state dict are torchvision's: `features.N.weight` and `features.N.bias`. A picture has at least 16 rows
    and columns.
    """

    mean: Tensor
    std: Tensor
    depth_weights = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # as in pix2pixHD

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.outputs: list[int] = []
        channels = 3
        for width, convolutions in STAGES:
            if layers:
                layers.append(nn.MaxPool2d(2))
            self.outputs.append(len(layers) + 1)
            for _ in range(convolutions):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, pictures: Float[Tensor, "N 3 H W"]) -> list[Float[Tensor, "N _ _ _"]]:
        """The five feature maps of pictures in [-1, 1]."""
        hidden = ((pictures + 1) / 2 - self.mean) / self.std
        found: list[Tensor] = []
        for number, layer in enumerate(self.features):
            hidden = layer(hidden)
            if number in self.outputs:
                found.append(hidden)
        return found
