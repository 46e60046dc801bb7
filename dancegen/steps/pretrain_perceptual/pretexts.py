"""Pretext tasks: changes of dances that a network is trained to detect, so that its features describe natural dancing.

Each task applies to a share of the batch only and leaves the other clips unchanged, so that many clips of a batch are
entirely real, however many tasks there are. The labels of a task are balanced.

All samples are from torch's CPU generator, and all changes are applied to the whole batch at once.

Axes used in shapes:
    B clips    T frames    J joints
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from dancegen.gan.losses import mask_missing
from dancegen.skeleton import COCO18
from dancegen.steps.pretrain_perceptual.clips import Dances
from dancegen.steps.pretrain_perceptual.settings import TasksConfig
from dancegen.training.classification import IGNORED

CLASSES = {
    "direction": ("forward", "backward"),
    "order": ("as danced", "two parts swapped"),
    "pace": ("as danced", "slower", "faster"),
    "surface": ("as danced", "shaken", "smoothed"),
    "legs": ("the dancer's own", "another dancer's"),
}
LEGS = [(f"{side}_hip", (f"{side}_knee", f"{side}_ankle")) for side in ("left", "right")]
FEWEST_FRAMES = 4


@dataclass(frozen=True)
class PretextBatch:
    """Changed dances and the labels of the changes."""

    pose: Float[Tensor, "B T J 2"]
    """A missing joint is 0."""
    labels: dict[str, Int[Tensor, " B"]]
    """For each task, indices in CLASSES; IGNORED for clips without the task."""

    def to(self, device: torch.device | str) -> "PretextBatch":
        """The batch on a device."""
        labels = {name: label.to(device, non_blocking=True) for name, label in self.labels.items()}
        return PretextBatch(self.pose.to(device, non_blocking=True), labels)


def make_pretext_batch(dances: Dances, config: TasksConfig, fps: float) -> PretextBatch:
    """Change a batch of dances. The result has fewer frames, because a faster dance is shorter."""
    labels = {name: _labels(len(dances.pose), len(classes), config) for name, classes in CLASSES.items()}
    if len(dances.pose) == 1:
        labels["legs"] = torch.full((1,), IGNORED)  # there is no other dancer
    dances = _paced(dances, labels["pace"], config)
    dances = _with_legs(dances, labels["legs"] == 1)
    dances = _in_order(dances, labels["order"] == 1, labels["direction"] == 1)
    pose = _surface(dances, labels["surface"], config, fps)
    if config.mirror:
        pose, mask = _mirrored(pose, dances.mask)
        dances = replace(dances, mask=mask)
    return PretextBatch(mask_missing(pose, dances.mask * _kept(dances.mask, config.joint_dropout)), labels)


def _labels(clips: int, classes: int, config: TasksConfig) -> Int[Tensor, " B"]:
    """Balanced labels for some of the clips; the first class is the unchanged dance."""
    labels = torch.full((clips,), IGNORED)
    asked = torch.randperm(clips)[: max(1, round(config.active_share * clips))]
    labels[asked] = (torch.arange(len(asked)) + int(torch.randint(classes, ()))) % classes
    return labels


def _uniform(low: float | Tensor, high: float | Tensor, clips: int) -> Float[Tensor, " B"]:
    return low + (high - low) * torch.rand(clips)


def _paced(dances: Dances, label: Tensor, config: TasksConfig) -> Dances:
    """Each dance at its pace, from a random start. All are interpolated between frames, so that their smoothness does
    not reveal the label.
    """
    clips, frames = dances.pose.shape[:2]
    fastest = config.pace * (1 + config.pace_jitter)
    length = max(min(FEWEST_FRAMES, frames), math.floor((frames - 1) / fastest))
    pace = torch.tensor([1.0, 1 / config.pace, config.pace])[label.clamp(min=0)]
    pace = pace * _uniform(1 - config.pace_jitter, 1 + config.pace_jitter, clips)
    start = _uniform(0.0, (frames - 1 - pace * (length - 1)).clamp(min=0), clips)
    moment = (start[:, None] + pace[:, None] * torch.arange(length)).clamp(max=frames - 1)
    return _read(dances, moment)


def _read(dances: Dances, moment: Float[Tensor, "B N"]) -> Dances:
    """The dances at times between frames, by Catmull-Rom interpolation of four frames.

    A joint is present if it is present in all four.
    """
    last = dances.pose.shape[1] - 1
    before = moment.floor()
    t = (moment - before)[..., None, None]
    frames = [(before.long() + offset).clamp(0, last) for offset in (-1, 0, 1, 2)]
    clip = torch.arange(len(moment))[:, None]
    a, b, c, d = (dances.pose[clip, frame] for frame in frames)
    pose = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    mask = torch.stack([dances.mask[clip, frame] for frame in frames]).amin(dim=0)
    return replace(dances, pose=pose, mask=mask)


def _with_legs(dances: Dances, changed: Bool[Tensor, " B"]) -> Dances:
    """Some dances with the legs of the next one, attached to their own hips: the feet are independent of the body."""
    pose, mask = dances.pose.clone(), dances.mask.clone()
    for name, below in LEGS:
        hip, leg = COCO18.index(name), COCO18.indices(*below)
        other, there = dances.pose.roll(1, 0), dances.mask.roll(1, 0)
        moved = other[:, :, leg] - other[:, :, [hip]] + pose[:, :, [hip]]
        known = torch.minimum(there[:, :, leg], torch.minimum(there[:, :, [hip]], mask[:, :, [hip]]))
        pose[:, :, leg] = torch.where(changed[:, None, None, None], moved, pose[:, :, leg])
        mask[:, :, leg] = torch.where(changed[:, None, None], known, mask[:, :, leg])
    return replace(dances, pose=pose, mask=mask)


def _in_order(dances: Dances, swapped: Bool[Tensor, " B"], backward: Bool[Tensor, " B"]) -> Dances:
    """Some dances cut in two somewhere in their middle half, the second part first; and some backward."""
    clips, frames = dances.pose.shape[:2]
    cut = _uniform(0.25, 0.75, clips).mul(frames).long().clamp(1, frames - 1) * swapped
    at = (torch.arange(frames) + cut[:, None]) % frames
    at = torch.where(backward[:, None], at.flip(1), at)
    clip = torch.arange(clips)[:, None]
    return replace(dances, pose=dances.pose[clip, at], mask=dances.mask[clip, at])


def _surface(dances: Dances, label: Tensor, config: TasksConfig, fps: float) -> Float[Tensor, "B T J 2"]:
    """Some dances with noise on each joint, some smoothed over time; missing joints are left out."""
    clips, frames = dances.pose.shape[:2]
    strength = _uniform(math.log(config.jitter_std[0]), math.log(config.jitter_std[1]), clips).exp()
    shaken = dances.pose + strength[:, None, None, None] * torch.randn(dances.pose.shape)
    width = fps * _uniform(*config.smooth_s, clips)[:, None, None]
    apart = torch.arange(frames)[:, None] - torch.arange(frames)
    window = (-0.5 * (apart / width).square()).exp()  # (B, T, T)
    there = (dances.mask > 0).float()
    total = torch.bmm(window, there)[..., None].clamp(min=1e-6)
    known = (dances.pose * there[..., None]).flatten(2)
    smoothed = torch.bmm(window, known).view_as(dances.pose) / total
    which = label[:, None, None, None]
    return torch.where(which == 1, shaken, torch.where(which == 2, smoothed, dances.pose))


def _mirrored(
    pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"]
) -> tuple[Float[Tensor, "B T J 2"], Float[Tensor, "B T J"]]:
    """About half of the dances mirrored left to right."""
    chosen = torch.rand(len(pose)) < 0.5
    other = pose[:, :, COCO18.mirror] * torch.tensor([-1.0, 1.0])
    pose = torch.where(chosen[:, None, None, None], other, pose)
    return pose, torch.where(chosen[:, None, None], mask[:, :, COCO18.mirror], mask)


def _kept(mask: Float[Tensor, "B T J"], share: float) -> Float[Tensor, "B T J"]:
    """0 where a joint is dropped, for one interval of the clip; otherwise 1."""
    clips, frames, joints = mask.shape
    one, other = torch.rand(2, clips, 1, joints) * frames
    at = torch.arange(frames)[:, None]
    within = (at >= torch.minimum(one, other)) & (at <= torch.maximum(one, other))
    return (~(within & (torch.rand(clips, 1, joints) < share))).float()
