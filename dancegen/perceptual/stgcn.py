"""ST-GCN: convolutions over the skeleton's graph and over time. Its features define the perceptual loss.

Yan et al., "Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition" (AAAI 2018), with
18 joints and two coordinates as in Ren et al. Parameters have the names of the released weights.

A graph convolution sums, for each joint, over three parts of its neighbourhood with separate weights: the
joint itself, its neighbours farther from the neck, and the one nearer to it.

Axes used in shapes:
    B clips    T frames    J joints    K parts of a neighbourhood    C channels    E embedding
"""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.skeleton import COCO18

CENTRE = "neck"
# The published graph: hips are linked to the shoulders, not to the neck as in drawings.
LINKS = (
    *((f"{side}_shoulder", "neck") for side in ("left", "right")),
    *((f"{side}_elbow", f"{side}_shoulder") for side in ("left", "right")),
    *((f"{side}_wrist", f"{side}_elbow") for side in ("left", "right")),
    *((f"{side}_hip", f"{side}_shoulder") for side in ("left", "right")),
    *((f"{side}_knee", f"{side}_hip") for side in ("left", "right")),
    *((f"{side}_ankle", f"{side}_knee") for side in ("left", "right")),
    ("nose", "neck"),
    *((f"{side}_eye", "nose") for side in ("left", "right")),
    *((f"{side}_ear", f"{side}_eye") for side in ("left", "right")),
)
BLOCKS = (4, 3, 3)  # of each width; the first of the later widths halves the frames


class GraphConvolution(nn.Module):
    """One feature map for each part of the neighbourhood, summed over the neighbours."""

    def __init__(self, inputs: int, outputs: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.conv = nn.Conv2d(inputs, parts * outputs, 1)

    def forward(self, x: Float[Tensor, "B C T J"], graph: Float[Tensor, "K J J"]) -> Float[Tensor, "B C2 T J"]:
        """New features of every joint; `graph[k, v, w]` is the weight of joint v in joint w.

        Joints are gathered before the convolution, which does not change the result: one multiplication by a small
        matrix per frame and one by a large matrix for all. Memory is channels-last, to avoid copies.
        """
        clips, channels, frames, joints = x.shape
        gather = graph.permute(2, 0, 1).flatten(0, 1)  # (J * K, J)
        frame = x.permute(0, 2, 3, 1).reshape(clips * frames, joints, channels)
        near = torch.bmm(gather.expand(len(frame), -1, -1), frame)  # (B * T, J * K, C)
        weight, bias = (value.view(self.parts, -1, *value.shape[1:2]) for value in self.conv.parameters())
        matrix = weight.transpose(1, 2).reshape(self.parts * channels, -1)  # (K * C, C2)
        changed = (near.view(-1, self.parts * channels) @ matrix).view(clips, frames, joints, -1)
        changed = changed + graph.sum(dim=1).T @ bias  # (J, C2): the bias, summed over a joint's neighbours
        return changed.permute(0, 3, 1, 2)


class Block(nn.Module):
    """Graph convolution, convolution over time, and a residual connection."""

    def __init__(self, inputs: int, outputs: int, stride: int, first: bool, parts: int, config: STGCNConfig) -> None:
        super().__init__()
        kernel = config.temporal_kernel_frames
        self.gcn = GraphConvolution(inputs, outputs, parts)
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, (kernel, 1), (stride, 1), (kernel // 2, 0)),
            nn.BatchNorm2d(outputs),
            nn.Dropout(0.0 if first else config.dropout),
        )
        self.residual: nn.Module | None = None
        if not first:
            straight = inputs == outputs and stride == 1
            self.residual = (
                nn.Identity()
                if straight
                else nn.Sequential(nn.Conv2d(inputs, outputs, 1, (stride, 1)), nn.BatchNorm2d(outputs))
            )

    def forward(self, x: Float[Tensor, "B C T J"], graph: Float[Tensor, "K J J"]) -> Float[Tensor, "B C2 T2 J"]:
        """The next map."""
        changed = self.tcn(self.gcn(x, graph))
        return (changed if self.residual is None else changed + self.residual(x)).relu()


class STGCN(nn.Module):
    """Maps a dance to ten feature maps, one embedding and class logits."""

    A: Tensor

    def __init__(self, config: STGCNConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        graph = partitioned_graph()
        self.register_buffer("A", torch.from_numpy(graph))
        self.data_bn = nn.BatchNorm1d(2 * len(COCO18))
        widths = [width for width, count in zip(config.widths, BLOCKS, strict=True) for _ in range(count)]
        self.st_gcn_networks = nn.ModuleList(
            Block(before, width, 2 if index and width != before else 1, index == 0, len(graph), config)
            for index, (before, width) in enumerate(zip([2, *widths[:-1]], widths, strict=True))
        )
        self.edge_importance = nn.ParameterList(torch.ones(graph.shape) for _ in widths)
        self.fcn = nn.Conv2d(widths[-1], classes, 1)

    def features(self, pose: Float[Tensor, "B T J 2"]) -> list[Float[Tensor, "B C T2 J"]]:
        """The map after each block; a missing joint must be 0 in `pose`."""
        flat = pose.permute(0, 2, 3, 1).flatten(1, 2)  # (B, J * 2, T)
        x = self.data_bn(flat).unflatten(1, (len(COCO18), 2)).permute(0, 2, 3, 1)  # (B, 2, T, J)
        maps = []
        for block, importance in zip(self.st_gcn_networks, self.edge_importance, strict=True):
            x = block(x, self.A * importance)
            maps.append(x)
        return maps

    def embed(self, pose: Float[Tensor, "B T J 2"]) -> Float[Tensor, "B E"]:
        """The mean of the last map: one vector per dance."""
        return self.features(pose)[-1].mean(dim=(2, 3))

    def forward(self, pose: Float[Tensor, "B T J 2"]) -> Float[Tensor, "B classes"]:
        """A logit for each class."""
        return self.classify(self.embed(pose))

    def classify(self, embedding: Float[Tensor, "B E"]) -> Float[Tensor, "B classes"]:
        """A logit for each class, from the vector of each dance."""
        return self.fcn(embedding[..., None, None])[..., 0, 0]


def partitioned_graph() -> Float32[np.ndarray, "K J J"]:
    """Weight of joint v in joint w, `[k, v, w]`, in three parts by distance from the neck; the sum for each w is 1."""
    joints = len(COCO18)
    linked = np.eye(joints, dtype=bool)
    for start, end in LINKS:
        one, other = COCO18.indices(start, end)
        linked[one, other] = linked[other, one] = True
    distance = _distances(linked, COCO18.index(CENTRE))
    weight = linked / linked.sum(axis=0)
    farther = distance[:, None] - distance[None, :]  # [v, w]: by how many links v is farther than w
    return np.stack([weight * (farther == 0), weight * (farther > 0), weight * (farther < 0)]).astype(np.float32)


def _distances(linked: np.ndarray, start: int) -> np.ndarray:
    """Number of links between each joint and `start`."""
    distance = np.full(len(linked), -1)
    here, steps = np.arange(len(linked)) == start, 0
    while here.any():
        distance[here] = steps
        here, steps = linked[here].any(axis=0) & (distance < 0), steps + 1
    return distance
