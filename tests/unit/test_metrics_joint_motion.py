"""Motion of joints with known answers."""

import numpy as np
import pytest

from dancegen.metrics.joint_motion import JOINTS, body_height, joint_motion
from dancegen.skeleton import COCO18


def standing(seconds=8.0, fps=30.0):
    pose = np.zeros((round(seconds * fps), 18, 2))
    heights = {"nose": -1.0, "neck": -0.8, "hip": -0.5, "knee": -0.25, "ankle": 0.0, "shoulder": -0.8}
    for name, y in heights.items():
        pose[:, [index for index, joint in enumerate(COCO18.joints) if name in joint], 1] = y
    for joint, y in (("elbow", -0.65), ("wrist", -0.5)):
        pose[:, COCO18.indices(f"left_{joint}", f"right_{joint}")] = (0.0, y)
    pose[:, [index for index, joint in enumerate(COCO18.joints) if "eye" in joint or "ear" in joint], 1] = -1.0
    return pose


def test_a_body_that_stands_does_not_move():
    for motion in joint_motion(standing(), 30.0).values():
        assert (motion.speed, motion.range, motion.rotation) == (0, 0, 0)


def test_wrists_that_circle_have_the_speed_the_range_and_the_rotation_of_the_circle():
    pose, radius = standing(), 0.3
    phase = np.arange(len(pose)) / 30.0  # a radian per second
    circle = radius * np.stack([np.cos(phase), np.sin(phase)], axis=-1)
    pose[:, COCO18.indices("left_wrist", "right_wrist")] = (0.0, -0.65) + circle[:, None]
    motion = joint_motion(pose, 30.0)
    assert motion["wrists"].speed == pytest.approx(radius, rel=0.01)
    assert motion["wrists"].rotation == pytest.approx(1.0, rel=0.01)
    assert motion["wrists"].range == pytest.approx(2 * radius * np.sqrt(2), rel=0.03)
    assert motion["elbows"].speed == motion["ankles"].speed == 0


def test_size_and_frame_rate_do_not_matter_and_missing_joints_add_nothing():
    pose = standing(fps=60.0)
    pose[:, COCO18.indices("left_ankle", "left_knee"), 0] += 0.1 * np.sin(np.arange(len(pose)) / 20)[:, None]
    first, large, slow = joint_motion(pose, 60.0), joint_motion(500 * pose, 60.0), joint_motion(pose[::2], 30.0)
    assert body_height(500 * pose) == pytest.approx(500)
    for joint in JOINTS:
        assert large[joint].speed == pytest.approx(first[joint].speed)
        assert slow[joint].rotation == pytest.approx(first[joint].rotation)
    pose[10:40, COCO18.index("right_wrist")] = np.nan
    assert joint_motion(pose, 60.0)["wrists"].speed == 0
