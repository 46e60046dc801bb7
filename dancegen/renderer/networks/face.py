"""Refinement of the face: a residual on a crop around it (Chan et al. 2019, section 3.3).

The crop has a fixed size in pixels and no resampling. Its discriminator is a `MultiscaleDiscriminator` on the same crop
of condition and picture.

Axes used in shapes:
    N pictures    C channels    H height    W width, in pixels    S side of a crop
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dancegen.renderer.networks.global_generator import GlobalGenerator
from dancegen.renderer.networks.layers import PICTURE_CHANNELS
from dancegen.skeleton import COCO18

FACE = COCO18.indices("nose", "right_eye", "left_eye", "right_ear", "left_ear")
CROPS_PER_HEIGHT = 4  # the side of a crop is a fourth of the picture's height: 128 px at 512 px
CROP_MULTIPLE_PX = 8


class FaceRefiner(nn.Module):
    """A small global generator on the face crops of the condition and of the generated picture."""

    def __init__(self, condition_channels: int, width: int = 32, downsamplings: int = 3, blocks: int = 5) -> None:
        super().__init__()
        self.network = GlobalGenerator(
            condition_channels + PICTURE_CHANNELS, PICTURE_CHANNELS, width, downsamplings, blocks
        )

    def forward(
        self, condition: Float[Tensor, "N C H W"], picture: Float[Tensor, "N 3 H W"], joints: Float[Tensor, "N 18 3"]
    ) -> Float[Tensor, "N 3 H W"]:
        """The pictures with refined faces. One without any joint of the face is unchanged.

        In training, values may leave [-1, 1], where clamping them would remove the gradient.
        """
        corners, seen = face_corners(joints, *picture.shape[2:])
        side = crop_side(*picture.shape[2:])
        seen_condition, before = (crop(maps, corners, side) for maps in (condition, picture))
        residual = self.network(torch.cat([seen_condition, before], dim=1))
        refined = before + residual * seen[:, None, None, None]
        refined = refined if self.training else refined.clamp(-1, 1)
        return paste(picture, refined, corners)


def crop_side(height: int, width: int) -> int:
    """Side of the face crop of a picture of this size, in pixels."""
    side = min(height // CROPS_PER_HEIGHT, width)
    return max(1, side // CROP_MULTIPLE_PX) * CROP_MULTIPLE_PX


def face_corners(
    joints: Float[Tensor, "N 18 3"], height: int, width: int
) -> tuple[Int[Tensor, "N 2"], Float[Tensor, " N"]]:
    """Row and column of the upper left corner of each face crop, and 1 where a joint of the face is seen, else 0.

    The centre is the mean of nose, eyes and ears, as far as they are seen. The crop is moved into the picture.
    """
    face = joints[:, FACE]
    known = (face[..., 2] > 0) & face.isfinite().all(dim=-1)
    places = torch.where(known[..., None], face[..., :2], 0)
    centre = places.sum(1) / known.sum(1, keepdim=True).clamp_min(1)
    side = crop_side(height, width)
    size = joints.new_tensor([height, width])
    corner = (centre.flip(1) * size - side / 2).round()
    corner = torch.minimum(corner.clamp_min(0), (size - side).clamp_min(0))
    return corner.long(), known.any(1).to(joints.dtype)


def crop(maps: Float[Tensor, "N C H W"], corners: Int[Tensor, "N 2"], side: int) -> Float[Tensor, "N C S S"]:
    """The square of `side` pixels at each picture's corner."""
    picture, rows, columns = _places(corners, side)
    return maps.permute(0, 2, 3, 1)[picture, rows, columns].permute(0, 3, 1, 2)


def paste(
    maps: Float[Tensor, "N C H W"], crops: Float[Tensor, "N C S S"], corners: Int[Tensor, "N 2"]
) -> Float[Tensor, "N C H W"]:
    """The pictures with their squares replaced."""
    put = maps.permute(0, 2, 3, 1).index_put(_places(corners, crops.shape[-1]), crops.permute(0, 2, 3, 1))
    return put.permute(0, 3, 1, 2)


def _places(corners: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of picture, row and column of every pixel of the squares, which broadcast to (N, S, S)."""
    steps = torch.arange(side, device=corners.device)
    picture = torch.arange(len(corners), device=corners.device)[:, None, None]
    return picture, (corners[:, :1] + steps)[:, :, None], (corners[:, 1:] + steps)[:, None, :]
