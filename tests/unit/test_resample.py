"""Motion at another frame rate."""

import numpy as np
import pytest

from dancegen.pose.resample import resample


def walk(frames=40, joints=18):
    return np.random.default_rng(0).standard_normal((frames, joints, 2)).cumsum(axis=0).astype(np.float32) / 10


@pytest.mark.parametrize("fps", [20, 30, 60])
def test_every_pose_is_met_exactly_at_its_time(fps):
    pose = walk()
    dense = resample(pose, 10, fps, 40 * fps // 10)
    assert np.allclose(dense[:: fps // 10], pose, atol=1e-5)


def test_speed_has_no_kinks_where_a_straight_line_between_poses_has():
    seconds = np.arange(30) / 10
    pose = np.stack([np.sin(2 * np.pi * seconds), np.cos(2 * np.pi * seconds)], axis=-1)[:, None]
    dense = resample(pose, 10, 60, 170)
    true = np.arange(170) / 60
    assert np.abs(dense[:, 0, 0] - np.sin(2 * np.pi * true)).max() < 0.005
    jerk = np.abs(np.diff(dense[:, 0, 0], n=3))
    assert jerk.max() < 0.003


@pytest.mark.parametrize("fps", [25.0, 29.97, 50.0])
def test_a_dance_is_as_long_as_was_asked_for_and_holds_still_at_its_end(fps):
    pose = walk()
    dense = resample(pose, 10, fps, round(4.5 * fps))
    assert dense.shape == (round(4.5 * fps), 18, 2)
    assert np.allclose(dense[int(3.95 * fps) :], pose[-1], atol=1e-5)


@pytest.mark.parametrize("poses", [1, 2, 3, 4])
def test_short_dances_work(poses):
    assert np.isfinite(resample(walk(poses), 10, 30, 12)).all()


def test_a_missing_joint_is_missing_between_its_neighbours_and_moves_no_other():
    pose = walk()
    holed = pose.copy()
    holed[10:12, 3] = np.nan
    dense, whole = resample(holed, 10, 30, 120), resample(pose, 10, 30, 120)
    gone = np.isnan(dense[..., 0])
    assert gone[28:36, 3].all()
    assert gone.sum() == 8
    assert np.array_equal(np.delete(dense, 3, axis=1), np.delete(whole, 3, axis=1))
    assert np.allclose(dense[:24, 3], whole[:24, 3], atol=0.05)


def test_a_joint_that_is_never_seen_stays_missing():
    pose = walk()
    pose[:, 5] = np.nan
    assert np.isnan(resample(pose, 10, 25, 50)[:, 5]).all()
