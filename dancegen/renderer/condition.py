"""Poses -> what the generator is conditioned on: a map per limb, or a stick figure.

Training and rendering draw with the functions of this file, on the device of the joints. The same joints give the same
values in any batch.

Axes used in shapes:
    N poses    C channels    H height    W width, in pixels    L limbs
"""

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from dancegen.drawing.draw import draw_skeleton
from dancegen.renderer.settings import ConditionConfig, RendererConfig
from dancegen.skeleton import COCO18

DISCS = ("right_wrist", "left_wrist", "right_ankle", "left_ankle", "head")
HEAD = ("nose", "right_eye", "left_eye", "right_ear", "left_ear")
STICK_FIGURE_CHANNELS = 3


def condition_channels(config: RendererConfig) -> int:
    """Channels of `draw_condition`."""
    return len(COCO18.bones) + len(DISCS) if config.condition.kind == "limb_maps" else STICK_FIGURE_CHANNELS


def draw_condition(
    joints: Float[Tensor, "N 18 3"], height: int, width: int, config: RendererConfig
) -> Float[Tensor, "N C H W"]:
    """The condition of the settings' kind. Joints are x, y as fractions of the picture, and a confidence."""
    own = config.condition
    if own.kind == "limb_maps":
        return limb_maps(joints, height, width, own.limb_radius, own.joint_radius)
    return stick_figure(joints, height, width, own.theme)


def limb_maps(
    joints: Float[Tensor, "N 18 3"],
    height: int,
    width: int,
    limb_radius: float = ConditionConfig().limb_radius,
    joint_radius: float = ConditionConfig().joint_radius,
) -> Float[Tensor, "N C H W"]:
    """Maps in [0, 1] of 17 bones in the order of COCO18 and 5 discs in the order of DISCS.

    A bone has the lower confidence of its joints on its axis, falling linearly to 0 at `limb_radius` (a fraction of the
    height) from it. The head is at the mean of its joints, weighted by their confidences.
    """
    places = _with_head(joints)
    limbs = _joints(joints.device)
    bones = len(COCO18.bones)
    radius = torch.cat([joints.new_full((bones,), limb_radius), joints.new_full((len(DISCS),), joint_radius)])
    return _capsules(places[:, limbs.starts], places[:, limbs.ends], radius, height, width)


class _Joints(NamedTuple):
    """Indices of joints; the one after all of COCO18 is the centre of the head."""

    starts: Int[Tensor, " L"]
    ends: Int[Tensor, " L"]
    head: Int[Tensor, " H"]


@cache
@torch.inference_mode(mode=False)
def _joints(device: torch.device) -> _Joints:
    """Where limbs start and end, and the joints of the head. Kept on the device: a GPU would wait for new ones."""
    starts, ends = zip(*COCO18.bone_indices, strict=True)
    discs = (*COCO18.indices(*DISCS[:-1]), len(COCO18))
    head = COCO18.indices(*HEAD)
    return _Joints(*(torch.tensor(each, device=device) for each in ((*starts, *discs), (*ends, *discs), head)))


def stick_figure(
    joints: Float[Tensor, "N 18 3"], height: int, width: int, theme: Literal["dark", "light"] = "dark"
) -> Float[Tensor, "N 3 H W"]:
    """The coloured stick figure of the look `skeleton`, in [-1, 1]."""
    size = np.array([width, height, 1], dtype=np.float32)
    poses = joints.detach().cpu().numpy() * size
    drawn = np.stack([draw_skeleton(pose, width, height, theme) for pose in poses])
    return torch.from_numpy(drawn).to(joints).permute(0, 3, 1, 2) / 127.5 - 1


def _with_head(joints: Tensor) -> Float[Tensor, "N 19 3"]:
    """The joints and the centre of the head. A missing joint is (0, 0, 0)."""
    seen = (joints[..., 2:] > 0) & joints.isfinite().all(dim=-1, keepdim=True)
    joints = torch.where(seen, joints, 0)
    parts = joints[:, _joints(joints.device).head]
    confidence = parts[..., 2:]
    centre = (parts[..., :2] * confidence).sum(1) / confidence.sum(1).clamp_min(torch.finfo(joints.dtype).tiny)
    head = torch.cat([centre, confidence.amax(1)], dim=-1)
    return torch.cat([joints, head[:, None]], dim=1)


def _capsules(
    start: Float[Tensor, "N L 3"], end: Float[Tensor, "N L 3"], radius: Float[Tensor, " L"], height: int, width: int
) -> Float[Tensor, "N L H W"]:
    """Maps that fall from the confidence on a segment to 0 at the radius. Lengths are fractions of the height.

    Distances along and across a segment are a sum of a term per column and a term per row. Square roots and products
    are rounded exactly, so that a pose has the same values in every batch.
    """
    aspect = width / height
    scale, along_x = start.new_ones(2), start.new_zeros(2)
    scale[0], along_x[0] = aspect, 1.0
    middle = (start[..., :2] + end[..., :2]) / 2 * scale
    along = (end[..., :2] - start[..., :2]) * scale
    length = (along[..., 0] ** 2 + along[..., 1] ** 2).sqrt()
    unit = torch.where(length[..., None] > 0, along / length[..., None], along_x)
    x = (torch.arange(width, device=start.device, dtype=start.dtype) + 0.5) / height - middle[..., :1]  # (N, L, W)
    y = (torch.arange(height, device=start.device, dtype=start.dtype) + 0.5) / height - middle[..., 1:]  # (N, L, H)
    cosine, sine = unit[..., :1], unit[..., 1:]
    # In place: fresh memory for each of these maps would take most of the time.
    distance = ((x * cosine)[..., None, :] + (y * sine)[..., :, None]).abs_()
    distance.sub_(length[..., None, None] / 2).relu_().square_()
    across = (y * cosine)[..., :, None] - (x * sine)[..., None, :]
    distance.add_(across.square_()).sqrt_()
    confidence = torch.minimum(start[..., 2], end[..., 2])
    return distance.div_(-radius[:, None, None]).add_(1).relu_().mul_(confidence[..., None, None])
