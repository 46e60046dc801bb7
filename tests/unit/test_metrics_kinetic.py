"""Kinetic features of dances whose movement is known."""

import numpy as np
import pytest

from dancegen.metrics.kinetic import div_k2, fid_k2, kinetic_features
from dancegen.skeleton import COCO18

JOINTS = len(COCO18)


def sway(seed, frames=50, size=0.1):
    random = np.random.default_rng(seed)
    seconds = np.arange(frames)[:, None, None] / 10
    turns = random.uniform(0.3, 0.8, (1, JOINTS, 2)), random.uniform(0, 1, (1, JOINTS, 2))
    return random.uniform(-1, 1, (1, JOINTS, 2)) + size * np.sin(2 * np.pi * (seconds * turns[0] + turns[1]))


def features(dances):
    return np.stack([kinetic_features(dance, 10.0) for dance in dances])


def test_a_joint_that_goes_sideways_has_horizontal_energy_and_one_that_falls_has_expenditure_too():
    seconds = np.arange(20) / 10
    pose = np.zeros((20, JOINTS, 2))
    pose[:, COCO18.index("nose"), 0] = 3 * seconds
    pose[:, COCO18.index("neck"), 1] = 5 * seconds**2
    horizontal, vertical, expenditure = kinetic_features(pose, 10.0).reshape(3, JOINTS)
    nose, neck = COCO18.indices("nose", "neck")
    assert horizontal[nose] == pytest.approx(9)
    assert expenditure[nose] == pytest.approx(0, abs=1e-9)
    assert vertical[neck] == pytest.approx(np.mean((10 * seconds[1:-1]) ** 2))
    assert expenditure[neck] == pytest.approx(10)
    others = np.delete(np.arange(JOINTS), [nose, neck])
    assert not np.any([horizontal[others], vertical[others], expenditure[others]])


def test_they_are_in_seconds_not_in_frames():
    seconds = [np.arange(rate * 4 + 1)[:, None, None] / rate for rate in (10, 40)]
    slow, fast = (np.sin(time + np.zeros((1, JOINTS, 2))) for time in seconds)
    assert np.allclose(kinetic_features(slow, 10.0), kinetic_features(fast, 40.0), rtol=0.05)


def test_a_joint_that_is_missing_for_a_while_changes_no_other_and_little_of_itself():
    pose, holed = sway(0, 200), sway(0, 200)
    holed[50:60, 4] = np.nan
    whole, seen = (kinetic_features(one, 10.0).reshape(3, JOINTS) for one in (pose, holed))
    assert np.array_equal(np.delete(whole, 4, axis=1), np.delete(seen, 4, axis=1))
    assert np.allclose(whole[:, 4], seen[:, 4], rtol=0.1)


def test_a_joint_that_nobody_saw_changes_nothing_about_the_sets():
    real, other = [sway(seed) for seed in range(30)], [sway(seed, size=0.15) for seed in range(30, 60)]
    without = fid_k2(
        np.delete(features(real), [5, 5 + JOINTS, 5 + 2 * JOINTS], axis=1),
        np.delete(features(other), [5, 5 + JOINTS, 5 + 2 * JOINTS], axis=1),
    )
    for dance in (*real, *other):
        dance[:, 5] = np.nan
    assert fid_k2(features(real), features(other)) == pytest.approx(without, rel=0.05)
    assert np.isfinite(div_k2(features(other), features(real)))


def test_units_of_length_do_not_count_and_freezing_and_trembling_do():
    real = [sway(seed) for seed in range(40)]
    others = [sway(seed) for seed in range(40, 80)]
    tremble = np.random.default_rng(0).normal(0, 0.05, others[0].shape)
    alike = fid_k2(features(real), features(others))
    assert fid_k2(features([4 * one for one in real]), features([4 * one for one in others])) == pytest.approx(alike)
    assert fid_k2(features(real), features([one * 0 for one in others])) > 2 * alike
    assert fid_k2(features(real), features([one + tremble for one in others])) > 2 * alike
    assert div_k2(features([others[0]] * 5), features(real)) == 0 < div_k2(features(others), features(real))
