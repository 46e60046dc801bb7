"""Forward kinematics: bodies hold together whatever the values are, and every pose of a body can be expressed."""

import torch

from dancegen.pose.kinematics import BONES, VECTORS, chains, longest, standing, to_joints
from dancegen.pose.normalize import TORSOS_A_UNIT
from dancegen.skeleton import COCO18

RIGHT_HIP, LEFT_HIP, RIGHT_SHOULDER, LEFT_SHOULDER, NECK, NOSE, RIGHT_ANKLE = COCO18.indices(
    "right_hip", "left_hip", "right_shoulder", "left_shoulder", "neck", "nose", "right_ankle"
)


def joints(values):
    return to_joints(values, longest(), chains())


def test_no_values_make_a_bone_longer_than_its_bound():
    pose = joints(100 * torch.randn(50, 7, VECTORS, 2, generator=torch.Generator().manual_seed(0)))
    for bone, bound in zip(BONES, longest(), strict=True):
        start = (
            (pose[..., RIGHT_HIP, :] + pose[..., LEFT_HIP, :]) / 2
            if bone.start == "root"
            else pose[..., COCO18.index(bone.start), :]
        )
        length = (pose[..., COCO18.index(bone.end), :] - start).norm(dim=-1)
        assert length.max() <= bound * 1.001, bone
        assert length.max() > bound * 0.9, bone


def test_hips_and_shoulders_are_symmetrical_about_the_root_and_the_neck():
    values = torch.randn(5, VECTORS, 2)
    pose = joints(values)
    assert torch.allclose((pose[:, RIGHT_HIP] + pose[:, LEFT_HIP]) / 2, values[:, 0], atol=1e-5)
    assert torch.allclose((pose[:, RIGHT_SHOULDER] + pose[:, LEFT_SHOULDER]) / 2, pose[:, NECK], atol=1e-5)


def test_the_standing_pose_is_upright_with_its_feet_below_its_hips():
    pose = joints(standing()) * TORSOS_A_UNIT
    assert torch.allclose(pose[NECK], torch.tensor([0.0, -1.0]), atol=1e-4)
    assert pose[NOSE, 1] < -1.3
    assert torch.allclose(pose[RIGHT_ANKLE], torch.tensor([-0.2, 1.4]), atol=1e-4)


def test_a_pose_of_any_body_is_reached_by_gradient_descent():
    target = joints(standing() + 0.5 * torch.randn(VECTORS, 2, generator=torch.Generator().manual_seed(3)))
    values = standing().requires_grad_()
    optimizer = torch.optim.Adam([values], lr=0.1)
    for _ in range(120):
        optimizer.zero_grad()
        (joints(values) - target).square().sum().backward()
        optimizer.step()
    assert (joints(values) - target).abs().max() < 0.01


def test_a_bone_of_no_length_has_a_finite_gradient():
    values = torch.zeros(VECTORS, 2, requires_grad=True)
    joints(values).sum().backward()
    assert torch.isfinite(values.grad).all()
