"""Forward kinematics: a root path and the bones' directions to joints.

A bone is a vector in the picture plane. Its direction is free; its length is at most that of the bone seen from the
side, times a foreshortening in [0, 1). A decoder with this output cannot detach a joint or stretch a limb, whatever its
weights are.

The root is the mid-hip. Hips and shoulders are symmetrical about the mid-hip and the neck, as they are defined in
COCO-18, so that 16 bones and the root place all 18 joints.

Axes used in shapes:
    J joints    N bones    V vectors: the root and the bones
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dancegen.pose.normalize import TORSOS_A_UNIT
from dancegen.skeleton import COCO18

SMALLEST = 1e-6  # length below which a bone's direction is not divided by it


class Bone(NamedTuple):
    """A bone of the body: it starts at a joint and ends at one, or at two that are symmetrical about its start."""

    start: str
    end: str
    mirrored_end: str | None
    longest_torsos: float
    """Upper bound of its length: the 99th percentile over dancers of AIST++ and of videos, plus about a tenth."""
    rest: tuple[float, float]
    """Its vector when standing, in torsos; y points down."""


BONES = (
    Bone("root", "neck", None, 1.3, (0.0, -1.0)),
    Bone("root", "right_hip", "left_hip", 0.33, (-0.2, 0.0)),
    Bone("neck", "right_shoulder", "left_shoulder", 0.46, (-0.32, 0.0)),
    Bone("right_shoulder", "right_elbow", None, 0.72, (-0.12, 0.45)),
    Bone("right_elbow", "right_wrist", None, 0.68, (0.0, 0.4)),
    Bone("left_shoulder", "left_elbow", None, 0.72, (0.12, 0.45)),
    Bone("left_elbow", "left_wrist", None, 0.68, (0.0, 0.4)),
    Bone("right_hip", "right_knee", None, 1.0, (0.0, 0.7)),
    Bone("right_knee", "right_ankle", None, 1.0, (0.0, 0.7)),
    Bone("left_hip", "left_knee", None, 1.0, (0.0, 0.7)),
    Bone("left_knee", "left_ankle", None, 1.0, (0.0, 0.7)),
    Bone("neck", "nose", None, 0.58, (0.0, -0.34)),
    Bone("nose", "right_eye", None, 0.18, (-0.06, -0.06)),
    Bone("nose", "left_eye", None, 0.18, (0.06, -0.06)),
    Bone("right_eye", "right_ear", None, 0.3, (-0.1, 0.02)),
    Bone("left_eye", "left_ear", None, 0.3, (0.1, 0.02)),
)
VECTORS = 1 + len(BONES)


def longest() -> Float[Tensor, " N"]:
    """Upper bounds of the bones' lengths, in units of the normalised coordinates."""
    return torch.tensor([bone.longest_torsos for bone in BONES]) / TORSOS_A_UNIT


def chains() -> Float[Tensor, "J V"]:
    """The matrix from the root and the bones' vectors to the joints: each joint is a sum of vectors."""
    sums = {"root": torch.eye(VECTORS)[0]}
    for vector, bone in zip(torch.eye(VECTORS)[1:], BONES, strict=True):
        sums[bone.end] = sums[bone.start] + vector
        if bone.mirrored_end:
            sums[bone.mirrored_end] = sums[bone.start] - vector
    return torch.stack([sums[joint] for joint in COCO18.joints])


def standing() -> Float[Tensor, "V 2"]:
    """The values of `to_joints` for a person who stands at the origin."""
    share = torch.tensor([bone.rest for bone in BONES]) / TORSOS_A_UNIT / longest()[:, None]
    length = share.norm(dim=1, keepdim=True)
    return torch.cat([torch.zeros(1, 2), share * torch.atanh(length) / length])


def to_joints(
    values: Float[Tensor, "*B V 2"], longest: Float[Tensor, "*#B N"], chains: Float[Tensor, "J V"]
) -> Float[Tensor, "*B J 2"]:
    """Joints of the root's path and the bones, both unbounded: a bone's length is its bound times the tanh of its norm.

    The bound is a little longer than any bone, so that a limb in the picture plane does not saturate the tanh.
    """
    root, bones = values[..., :1, :], values[..., 1:, :]
    norm = (bones.square().sum(dim=-1, keepdim=True) + SMALLEST**2).sqrt()
    vectors = bones * (norm.tanh() / norm) * longest[..., None]
    return chains @ torch.cat([root, vectors], dim=-2)


def from_joints(joints: Float[Tensor, "*B J 2"]) -> Float[Tensor, "*B V 2"]:
    """The root and the bones' vectors of joints. A bone that ends at two joints is half of what lies between them."""
    places = {name: joints[..., index, :] for index, name in enumerate(COCO18.joints)}
    places["root"] = (places["right_hip"] + places["left_hip"]) / 2
    vectors = [places["root"]]
    for bone in BONES:
        start = (places[bone.end] + places[bone.mirrored_end]) / 2 if bone.mirrored_end else places[bone.start]
        vectors.append(places[bone.end] - start)
    return torch.stack(vectors, dim=-2)


def seen(there: Bool[Tensor, "*B J"]) -> Bool[Tensor, "*B V"]:
    """Whether all joints are there that `from_joints` needs for the root and for each bone."""
    places = {name: there[..., index] for index, name in enumerate(COCO18.joints)}
    places["root"] = places["right_hip"] & places["left_hip"]
    found = [places["root"]]
    for bone in BONES:
        found.append(places[bone.end] & places[bone.mirrored_end or bone.start])
    return torch.stack(found, dim=-1)
