"""Dances with a known fault, and the same without."""

import numpy as np
import pytest

from dancegen.metrics import motion_quality as quality
from dancegen.skeleton import COCO18

JOINTS = len(COCO18)


def standing(frames=50):
    """A figure that stands: shoulders over hips over feet, a torso of 0.25."""
    pose = np.zeros((frames, JOINTS, 2))
    for name, height in {"neck": -0.25, "hip": 0.0, "knee": 0.25, "ankle": 0.5}.items():
        pose[:, [index for index, joint in enumerate(COCO18.joints) if name in joint], 1] = height
    return pose


def walk(seed, frames=50):
    steps = np.random.default_rng(seed).standard_normal((frames, JOINTS, 2))
    return standing(frames) + 0.01 * steps.cumsum(axis=0)


def test_speed_and_jerk_of_known_curves():
    at = np.arange(40)[:, None, None] / 10 + np.zeros((1, JOINTS, 2))
    assert quality.mean_change(at * (3.0, 4.0), 10.0, 1) == pytest.approx(5)
    assert quality.mean_change(at * (3.0, 4.0), 10.0, 3) == pytest.approx(0, abs=1e-6)
    assert quality.mean_change(at**3 * (1.0, 0.0), 10.0, 3) == pytest.approx(6)


def test_trembling_raises_jerk_far_more_than_speed():
    pose = standing() + 0.1 * np.sin(np.arange(50) / 4)[:, None, None]
    trembling = pose + np.random.default_rng(1).normal(0, 0.01, pose.shape)
    speed, jerk = (quality.mean_change(trembling, 10.0, by) / quality.mean_change(pose, 10.0, by) for by in (1, 3))
    assert jerk > 5 * speed > 5


def test_a_missing_joint_adds_nothing():
    pose = walk(0)
    without = np.delete(pose, 7, axis=1)
    pose[:, 7] = np.nan
    for order in (1, 3):
        assert quality.mean_change(pose, 10.0, order) == pytest.approx(quality.mean_change(without, 10.0, order))
    assert np.allclose(quality.window_speeds(pose, 10.0), quality.window_speeds(without, 10.0))
    assert np.isnan(quality.mean_change(np.full_like(pose, np.nan), 10.0, 1))
    assert not len(quality.window_speeds(np.full_like(pose, np.nan), 10.0))


def test_a_frozen_dance_is_seen_as_frozen_and_one_that_freezes_for_a_while_as_partly_frozen():
    real = [walk(seed, 100) for seed in range(20)]
    speeds = np.concatenate([quality.window_speeds(one, 10.0) for one in real])
    assert quality.freeze_share(speeds, speeds) == pytest.approx(0.05, abs=0.01)
    assert quality.freeze_share(quality.window_speeds(standing(), 10.0), speeds) == 1
    pausing = real[0].copy()
    pausing[30:70] = pausing[30]
    share = quality.freeze_share(quality.window_speeds(pausing, 10.0), speeds)
    assert 0.3 < share < 0.7


def test_windows_last_a_second_at_any_rate():
    assert len(quality.window_speeds(standing(50), 10.0)) == 40
    assert len(quality.window_speeds(standing(50), 25.0)) == 25
    assert len(quality.window_speeds(standing(5), 10.0)) == 1


def test_feet_that_hold_do_not_skate_those_that_slide_do_and_a_lifted_foot_may_move():
    at = np.arange(50) / 10
    right = COCO18.index("right_ankle")
    sliding, stepping = standing(), standing()
    sliding[:, COCO18.indices("right_ankle", "left_ankle"), 0] += 0.5 * at[:, None]
    stepping[20:30, right, 1] -= 0.2
    stepping[20:31, right, 0] += np.linspace(0, 0.5, 11)
    stepping[31:, right, 0] += 0.5
    assert quality.foot_skate(standing(), 10.0) == 0
    assert quality.foot_skate(sliding, 10.0) == pytest.approx(0.5 / 0.25)
    assert quality.foot_skate(stepping, 10.0) < 0.05


def test_the_slide_share_is_one_for_feet_that_tremble_where_they_stand_and_small_for_steps():
    at, ankles = np.arange(50), COCO18.indices("right_ankle", "left_ankle")
    trembling, stepping = standing(), standing()
    trembling[:, ankles] += np.random.default_rng(0).normal(0, 0.001, (50, 2, 2))
    stepping[:, ankles, 1] -= 0.3 * np.maximum(np.sin(at / 3), 0)[:, None] * (1.0, 0.0)
    stepping[:, ankles[1], 0] += 0.002 * at  # the other foot slides
    slid, lifted = 0.002 * 49, np.abs(np.diff(stepping[:, ankles[0], 1])).sum()
    assert quality.slide_share(trembling) == pytest.approx(1)
    assert quality.foot_skate(trembling, 10.0) < 0.1, "and yet they do not skate"
    assert slid / (slid + lifted) <= quality.slide_share(stepping) < 0.2
    assert np.isnan(quality.slide_share(standing())), "feet that do not move have no path"


def test_feet_are_measured_in_torsos_and_only_where_seen():
    sliding = standing()
    sliding[:, COCO18.indices("right_ankle", "left_ankle"), 0] += 0.05 * np.arange(50)[:, None]
    found = quality.foot_skate(sliding, 10.0)
    assert quality.foot_skate(3 * sliding, 10.0) == pytest.approx(found)
    sliding[10:20, COCO18.index("left_ankle")] = np.nan
    assert quality.foot_skate(sliding, 10.0) == pytest.approx(found)
    sliding[:, COCO18.indices("right_ankle", "left_ankle")] = np.nan
    assert np.isnan(quality.foot_skate(sliding, 10.0))


def test_a_head_off_its_neck_and_a_torso_twice_as_long_are_stretched_and_a_bent_arm_is_not():
    whole = standing(100)
    whole[:, COCO18.index("nose"), 1] = -0.4
    whole[:, COCO18.indices("left_shoulder", "right_shoulder")] = (0.1, -0.25)
    whole[:, COCO18.indices("left_elbow", "right_elbow")] = (0.25, -0.25)
    bent, headless, long = whole.copy(), whole.copy(), whole.copy()
    bent[:60, COCO18.index("left_elbow"), 0] = 0.12
    headless[10:15, COCO18.index("nose"), 1] -= 0.2
    long[:8, [index for index, joint in enumerate(COCO18.joints) if "hip" in joint], 1] += 0.25
    assert quality.stretched_share(whole) == quality.stretched_share(bent) == 0
    assert quality.stretched_share(headless) == pytest.approx(0.05)
    assert quality.stretched_share(long) == pytest.approx(0.08)
    assert np.isnan(quality.stretched_share(np.full((5, JOINTS, 2), np.nan)))


def test_a_leap_between_windows_is_a_seam_of_place_and_a_turn_is_one_of_velocity_alone():
    at = np.arange(100)
    smooth = standing(100) + 0.1 * np.sin(at / 5)[:, None, None]
    whole = quality.seam(smooth, [25, 50, 75])
    assert whole.position == pytest.approx(1, abs=0.5)
    assert whole.velocity == pytest.approx(1, abs=0.5)
    leaping = smooth + 0.3 * (at >= 50)[:, None, None]
    assert quality.seam(leaping, [50]).position > 5
    assert quality.seam(leaping, [25]).position < 1.5
    turning = standing(100) + 0.01 * np.abs(at - 49.5)[:, None, None]
    turning += 0.0005 * np.sin(at)[:, None, None]
    assert quality.seam(turning, [50]).velocity > 5
    assert quality.seam(turning, [50]).position < 1.5
