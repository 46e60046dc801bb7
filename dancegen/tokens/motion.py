"""Clips and dances on the beat grid, and dances back at the poses per second of the model.

Axes used in shapes:
    B clips    T pose frames    P poses of the grid    J joints    V vectors: the root and the bones    L bones
    K given frames
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from dancegen.pose import kinematics
from dancegen.pose.section import Section
from dancegen.skeleton import COCO18
from dancegen.tokens.beat_grid import BeatGrid, all_around, sample
from dancegen.tokens.body import bone_lengths

HIPS = COCO18.indices("right_hip", "left_hip")
PATH_S = 6.0  # a dancer that wanders off is back in the middle after about this time
BLEND_S = 0.5  # in which a dance leaves the given frames


@dataclass(frozen=True)
class Motion:
    """Motion of clips on the beat grid. What is not seen has any value."""

    joints: Float[Tensor, "B P J 2"]
    mask: Bool[Tensor, "B P J"]
    vectors: Float[Tensor, "B P V 2"]
    seen: Bool[Tensor, "B P V"]
    lengths: Float[Tensor, "B L"]
    """Of the bones."""


def on_grid(pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"], grid: BeatGrid) -> Motion:
    """The motion of clips, at the poses of the grid."""
    at, there = grid.frames(), mask > 0
    joints = sample(pose.flatten(2), at).unflatten(-1, (-1, 2))
    vectors = sample(kinematics.from_joints(pose).flatten(2), at).unflatten(-1, (-1, 2))
    seen = all_around(kinematics.seen(there), at)
    return Motion(joints, all_around(there, at), vectors, seen, bone_lengths(vectors, seen))


def at_frames(joints: Float[Tensor, "B P J 2"], grid: BeatGrid, fps: float) -> Float[Tensor, "B T J 2"]:
    """A dance on the grid at the pose frames, around the middle of its stage."""
    poses = grid.poses().expand(len(joints), -1)
    return centred(sample(joints.flatten(2), poses).unflatten(-1, (-1, 2)), fps)


def centred(pose: Float[Tensor, "B T J 2"], fps: float) -> Float[Tensor, "B T J 2"]:
    """The dance without the slow part of its path from side to side, and with the hips at a height of 0."""
    hips = pose[:, :, HIPS].mean(dim=2)
    reach = round(3 * PATH_S * fps)
    times = torch.arange(-reach, reach + 1, device=pose.device) / fps
    weights = (-0.5 * (times / PATH_S).square()).exp()
    padded = F.pad(hips[:, None, :, 0], (reach, reach), mode="replicate")
    slow = F.conv1d(padded, (weights / weights.sum()).to(pose)[None, None])[:, 0]
    height = hips[..., 1].median(dim=1, keepdim=True).values.expand_as(slow)
    return pose - torch.stack([slow, height], dim=-1)[:, :, None]


def in_place(pose: Float[Tensor, "B T J 2"], section: Section) -> Float[Tensor, "B T J 2"]:
    """The dances, moved across the stage so that the hips are where those of the section's dance are at its ends."""
    frames = torch.arange(pose.shape[1], device=pose.device)
    first, last = min(section.first, len(frames) - 1), min(section.last, len(frames) - 1)
    start, end = (
        (section.dance[frame] - pose[:, frame])[:, HIPS].mean(dim=1)[:, None, None] for frame in (first, last)
    )
    share = ((frames - first) / max(last - first, 1)).clamp(0, 1)[:, None, None]
    return pose + start + share * (end - start)


def begun(pose: Float[Tensor, "B T J 2"], start: Float[Tensor, "K J 2"], fps: float) -> Float[Tensor, "B T J 2"]:
    """The dance with the given first frames; it leaves them within BLEND_S, and their place within PATH_S."""
    known = len(start)
    times = (torch.arange(pose.shape[1], device=pose.device) - known + 1).clamp(min=0) / fps
    gap = start[-1] - pose[:, known - 1]
    place = gap[:, HIPS].mean(dim=1, keepdim=True)
    near, far = (1 - times / BLEND_S).clamp(min=0), (-times / PATH_S).exp()
    moved = pose + (gap - place)[:, None] * near[:, None, None] + place[:, None] * far[:, None, None]
    return torch.cat([start.expand(len(pose), -1, -1, -1), moved[:, known:]], dim=1)
