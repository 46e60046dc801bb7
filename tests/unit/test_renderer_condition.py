"""What the generator is conditioned on: limb maps and stick figures."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dancegen.drawing.draw import draw_skeleton
from dancegen.renderer.condition import DISCS, condition_channels, draw_condition, limb_maps, stick_figure
from dancegen.renderer.settings import DEFAULT, PAPER
from dancegen.skeleton import COCO18

BONES = len(COCO18.bones)
NAN = float("nan")


def poses(count=1, seed=0):
    """Random joints with confidences in [0.2, 1]."""
    random = torch.Generator().manual_seed(seed)
    return torch.rand(count, 18, 3, generator=random) * torch.tensor([0.8, 0.8, 0.8]) + torch.tensor([0.1, 0.1, 0.2])


def without(joints, *names):
    joints = joints.clone()
    joints[:, COCO18.indices(*names)] = torch.tensor([NAN, NAN, 0.0])
    return joints


@pytest.mark.parametrize("config", [DEFAULT, PAPER])
def test_a_condition_has_the_channels_that_the_settings_say(config):
    drawn = draw_condition(poses(3), 48, 32, config)
    assert drawn.shape == (3, condition_channels(config), 48, 32)
    assert drawn.dtype == torch.float32
    assert -1 <= drawn.min() < drawn.max() <= 1


@pytest.mark.parametrize("joint", COCO18.joints)
def test_a_limb_with_a_missing_joint_leaves_no_pixel(joint):
    maps = limb_maps(without(poses(), joint), 64, 64)[0]
    for index, bone in enumerate(COCO18.bones):
        assert bool(maps[index].any()) == (joint not in bone)
    if joint in DISCS:
        assert not maps[BONES + DISCS.index(joint)].any()


def test_a_joint_of_confidence_0_or_infinite_place_is_missing():
    joints = poses()
    missing = limb_maps(without(joints, "left_knee", "neck"), 64, 64)
    joints[:, COCO18.index("left_knee"), 2] = 0
    joints[:, COCO18.index("neck"), 0] = torch.inf
    assert limb_maps(joints, 64, 64).equal(missing)


def test_nobody_is_an_empty_condition():
    nobody = without(poses(2), *COCO18.joints)
    assert not limb_maps(nobody, 32, 32).any()
    assert (stick_figure(nobody, 32, 32) == -1).all()


def test_a_map_has_the_lower_confidence_on_the_bone_and_0_at_the_radius():
    joints = without(poses(), *COCO18.joints)
    joints[0, COCO18.index("left_hip")] = torch.tensor([0.25, 0.5, 0.9])
    joints[0, COCO18.index("left_knee")] = torch.tensor([0.75, 0.5, 0.6])
    maps = limb_maps(joints, 200, 100, limb_radius=0.02)[0]
    thigh = maps[COCO18.bones.index(("left_hip", "left_knee"))]
    on_the_bone = thigh[99:101, 30:70]  # half a pixel above and below it, of four pixels of radius
    torch.testing.assert_close(on_the_bone, torch.full((2, 40), 0.6 * (1 - 0.5 / 4)))
    assert thigh[:, 50].nonzero().flatten().tolist() == list(range(96, 104))
    assert thigh[100].nonzero().flatten().tolist() == list(range(21, 79))


def test_a_bone_without_length_is_a_dot():
    joints = poses()
    joints[:, COCO18.index("left_ankle")] = joints[:, COCO18.index("left_knee")]
    shin = limb_maps(joints, 64, 64)[0, COCO18.bones.index(("left_knee", "left_ankle"))]
    assert 0 < (shin > 0).sum() < 12


def test_hands_feet_and_head_have_maps_of_their_own():
    joints = poses()
    maps = limb_maps(joints, 128, 128)[0]
    for index, name in enumerate(DISCS[:-1]):
        x, y, confidence = joints[0, COCO18.index(name)]
        row, column = divmod(int(maps[BONES + index].argmax()), 128)
        assert (column + 0.5) / 128 == pytest.approx(float(x), abs=0.008)
        assert (row + 0.5) / 128 == pytest.approx(float(y), abs=0.008)
        assert maps[BONES + index].max() == pytest.approx(float(confidence), abs=0.2)


def test_the_head_stays_when_the_nose_is_missing():
    behind = without(poses(), "nose", "left_eye", "right_eye", "left_ear")
    ear = behind[0, COCO18.index("right_ear")]
    row, column = divmod(int(limb_maps(behind, 128, 128)[0, -1].argmax()), 128)
    assert ((column + 0.5) / 128, (row + 0.5) / 128) == pytest.approx((float(ear[0]), float(ear[1])), abs=0.008)
    assert not limb_maps(without(behind, "right_ear"), 128, 128)[0, -1].any()


def test_exchanging_left_and_right_joints_exchanges_their_maps():
    mirror = {"left": "right", "right": "left"}

    def other(name):
        return "_".join(mirror.get(part, part) for part in name.split("_"))

    bones = [COCO18.bones.index((other(start), other(end))) for start, end in COCO18.bones]
    discs = [BONES + DISCS.index(other(name)) for name in DISCS]
    joints = poses(2)
    exchanged = limb_maps(joints[:, COCO18.mirror], 64, 48)
    torch.testing.assert_close(exchanged, limb_maps(joints, 64, 48)[:, bones + discs])
    assert sum(index != place for place, index in enumerate(bones + discs)) == 20


def test_a_mirrored_pose_is_the_mirrored_map():
    joints = poses()
    turned = joints * torch.tensor([-1.0, 1.0, 1.0]) + torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(limb_maps(turned, 64, 48), limb_maps(joints, 64, 48).flip(-1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("config", [DEFAULT, PAPER])
def test_a_pose_has_the_same_bytes_in_any_batch_and_at_any_number_of_threads(config):
    joints = without(poses(7), "left_wrist")
    together = draw_condition(joints, 62, 46, config)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if threads == 1 else 1)
        alone = torch.cat([draw_condition(pose[None], 62, 46, config) for pose in joints])
    finally:
        torch.set_num_threads(threads)
    assert alone.numpy().tobytes() == together.numpy().tobytes()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 96)])
def test_maps_do_not_depend_on_the_resolution(height, width):
    coarse = limb_maps(poses(), height, width)
    fine = F.avg_pool2d(limb_maps(poses(), 4 * height, 4 * width), 4)
    assert (coarse - fine).abs().max() < 0.15
    assert (coarse - fine).abs().mean() < 0.002
    assert coarse.mean().item() == pytest.approx(fine.mean().item(), rel=0.02)


def test_every_limb_is_visible_at_the_smallest_size():
    assert limb_maps(poses(20), 32, 32).flatten(2).amax(2).min() > 0


def test_the_stick_figure_is_that_of_the_look():
    joints = without(poses(), "right_ear")
    pose = joints[0].numpy() * np.float32([96, 64, 1])
    drawn = stick_figure(joints, 64, 96)[0]
    assert np.rint((drawn.permute(1, 2, 0).numpy() + 1) * 127.5).astype(np.uint8).tolist() == (
        draw_skeleton(pose, 96, 64).tolist()
    )
    assert (stick_figure(without(joints, *COCO18.joints), 64, 96, "light") == 1).all()
