"""Refinement of the face: where it is, and that nothing else changes."""

import pytest
import torch

from dancegen.renderer.networks.face import FaceRefiner, crop, crop_side, face_corners, paste
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.settings import GeneratorConfig, RendererConfig
from dancegen.skeleton import COCO18

FACE = COCO18.indices("nose", "right_eye", "left_eye", "right_ear", "left_ear")
MISSING = torch.tensor([float("nan"), float("nan"), 0.0])


def faces(*centres):
    """Joints whose nose, eyes and ears lie around each centre."""
    joints = MISSING.repeat(len(centres), 18, 1)
    around = torch.tensor([[0, 0.02], [-0.01, 0], [0.01, 0], [-0.02, -0.01], [0.02, -0.01]])
    for index, centre in enumerate(centres):
        joints[index, FACE] = torch.cat([torch.tensor(centre) + around, torch.ones(5, 1)], dim=1)
    return joints


def test_a_crop_is_around_the_mean_of_the_seen_joints_of_the_face():
    joints = faces((0.5, 0.25), (0.5, 0.25))
    joints[1, FACE[3:]] = MISSING  # the ears: the mean of nose and eyes is lower
    corners, seen = face_corners(joints, 64, 128)
    assert corners.tolist() == [[8, 56], [8, 56]]
    assert crop_side(64, 128) == 16
    assert seen.tolist() == [1, 1]


@pytest.mark.parametrize(("centre", "corner"), [((0.0, -0.5), [0, 0]), ((1.2, 1.0), [48, 48])])
def test_a_face_at_the_edge_has_a_crop_inside_the_picture(centre, corner):
    assert face_corners(faces(centre), 64, 64)[0].tolist() == [corner]


def test_only_the_crop_changes_and_only_where_there_is_a_face():
    torch.manual_seed(0)
    refiner = FaceRefiner(2, width=4, downsamplings=1, blocks=1).eval()
    joints = faces((0.5, 0.3), (0.3, 0.6))
    joints[1] = MISSING
    condition, picture = torch.rand(2, 2, 64, 64), torch.rand(2, 3, 64, 64) * 2 - 1
    refined = refiner(condition, picture, joints)
    changed = (refined != picture).any(1)
    assert refined[1].equal(picture[1])
    (top, left), side = face_corners(joints, 64, 64)[0][0].tolist(), crop_side(64, 64)
    assert changed[0, top : top + side, left : left + side].float().mean() > 0.9
    changed[0, top : top + side, left : left + side] = False
    assert not changed.any()
    assert refined.abs().max() <= 1


def test_the_crop_is_128_px_at_512_px_and_never_wider_than_the_picture():
    assert (crop_side(512, 512), crop_side(1024, 512), crop_side(4096, 512)) == (128, 256, 512)


def test_crops_come_back_to_their_places():
    maps, corners = torch.rand(3, 2, 20, 24), torch.tensor([[0, 0], [3, 7], [12, 16]])
    crops = crop(maps, corners, 8)
    assert crops[1].equal(maps[1, :, 3:11, 7:15])
    assert paste(maps, crops, corners).equal(maps)
    assert paste(torch.zeros_like(maps), crops, corners)[2, :, 12:, 16:].equal(crops[2])


def test_a_face_can_be_learnt_through_the_generator_of_the_person():
    config = RendererConfig(
        height_px=512, width_px=512, face=True, generator=GeneratorConfig(width=2, downsamplings=1, blocks=1)
    )
    network = PersonGenerator(config)
    condition, plate = torch.rand(1, 22, 64, 64), torch.zeros(1, 3, 64, 64)
    joints = faces((0.5, 0.3))
    generated = network(condition, None, plate, joints)
    (generated.picture - generated.colour).square().sum().backward()
    assert all(p.grad is not None for p in network.face.parameters())
    unrefined = network(condition, None, plate).picture
    assert (generated.picture != unrefined).any()
