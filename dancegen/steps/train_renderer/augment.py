"""Random changes of the inputs in training, so that the generator works on what it gets when it renders a dance.

Generated dances are smoother than extracted poses, and the previous picture is then the generator's own.

Axes used in shapes:
    B windows    L frames of a window    H height    W width, in pixels
"""

import torch
from jaxtyping import Float
from torch import Tensor

from dancegen.skeleton import COCO18

NECK, HIPS = COCO18.index("neck"), COCO18.indices("right_hip", "left_hip")
LIMB_ENDS = COCO18.indices(
    "right_elbow", "right_wrist", "left_elbow", "left_wrist", "right_knee", "right_ankle", "left_knee", "left_ankle"
)
SURE_SHARE = 0.5  # of the windows: those whose joints get the confidence of a generated dance
PREVIOUS_NOISE = 0.05  # standard deviation, of a range of 2
PREVIOUS_SHIFT_PX = 4  # at most, in each direction
PREVIOUS_DROP = 0.2  # probability of a black previous picture, as at the start of a video


def jittered(joints: Float[Tensor, "B L 18 3"], share: float, aspect: float) -> Float[Tensor, "B L 18 3"]:
    """Joints with noise whose standard deviation is this share of the torso. `aspect` is width / height."""
    scale = joints.new_tensor([aspect, 1.0])
    torso = ((joints[:, :, NECK, :2] - joints[:, :, HIPS, :2].mean(2)) * scale).norm(dim=-1)
    torso = torso.nan_to_num().flatten(1).amax(1)[:, None, None, None]
    noise = torch.randn_like(joints[..., :2]) * torso * share / scale
    return torch.cat([joints[..., :2] + noise, joints[..., 2:]], dim=-1)


def sure(joints: Float[Tensor, "B L 18 3"]) -> Float[Tensor, "B L 18 3"]:
    """In some windows all known joints have the confidence 1.

    Joints of a generated dance always have it. A generator that is only trained on poses of footage learns from low
    confidences which limb is hidden behind the body, and draws all limbs in front when there are none.
    """
    chosen = torch.rand(len(joints), 1, 1, 1, device=joints.device) < SURE_SHARE
    confidence = torch.where(chosen & (joints[..., 2:] > 0), 1.0, joints[..., 2:])
    return torch.cat([joints[..., :2], confidence], dim=-1)


def without_limbs(joints: Float[Tensor, "B L 18 3"], probability: float) -> Float[Tensor, "B L 18 3"]:
    """Joints of arms and legs go missing, each for a whole window."""
    gone = torch.rand(len(joints), 1, len(LIMB_ENDS), 1, device=joints.device) < probability
    changed = joints.clone()
    changed[:, :, LIMB_ENDS] = torch.where(gone, 0.0, joints[:, :, LIMB_ENDS])
    return changed


def corrupted(pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
    """Previous pictures with noise and a shift, some of them black.

    A generator that gets flawless ones copies them, and on its own pictures the errors grow.
    """
    most = PREVIOUS_SHIFT_PX
    shifts = torch.randint(-most, most + 1, (len(pictures), 2)).tolist()
    moved = torch.stack([one.roll(shift, dims=(1, 2)) for one, shift in zip(pictures, shifts, strict=True)])
    noisy = (moved + PREVIOUS_NOISE * torch.randn_like(moved)).clamp(-1, 1)
    kept = torch.rand(len(pictures), 1, 1, 1, device=pictures.device) >= PREVIOUS_DROP
    return torch.where(kept, noisy, 0.0)
