"""Feet that bear weight stay in their place."""

import numpy as np
import pytest

from dancegen.metrics.motion_quality import slide_share
from dancegen.pose import kinematics
from dancegen.pose.foot_contact import ANKLES, FARTHEST_TORSOS, KNEES, contacts, plant_feet
from dancegen.skeleton import COCO18

FPS, POSES = 20.0, 80
RIGHT, LEFT = ANKLES
HIPS = COCO18.indices("right_hip", "left_hip")
STAND = slice(30, 50)
"""Poses in which the right foot is on the floor; before and after, it steps."""


def dance(drift_torsos: float) -> np.ndarray:
    """A body whose right foot steps, drifts by so many torsos while it stands, and steps again. The left one stands."""
    standing = kinematics.to_joints(kinematics.standing(), kinematics.longest(), kinematics.chains()).numpy()
    pose = np.repeat(standing[None], POSES, axis=0)
    torso = np.linalg.norm(pose[0, COCO18.index("neck")] - pose[0, [*HIPS]].mean(axis=0))
    lifted = np.zeros(POSES)
    lifted[: STAND.start] = np.sin(np.linspace(0, np.pi, STAND.start)) ** 2
    lifted[STAND.stop :] = np.sin(np.linspace(0, np.pi, POSES - STAND.stop)) ** 2
    pose[:, RIGHT, 1] -= 0.5 * torso * lifted
    pose[STAND, RIGHT, 0] += np.linspace(0, drift_torsos * torso, STAND.stop - STAND.start)
    pose[STAND.stop :, RIGHT, 0] += drift_torsos * torso
    return pose


def test_a_foot_that_stands_stays_in_its_place():
    before = dance(0.2)
    after = plant_feet(before, FPS)
    middle = slice(STAND.start + 2, STAND.stop - 2)
    assert np.ptp(before[middle, RIGHT, 0]) > 0.01
    assert np.ptp(after[middle, RIGHT, 0]) < 1e-4
    assert slide_share(after) < 0.6 * slide_share(before)


def test_a_foot_that_slides_on_purpose_keeps_sliding():
    before = dance(4 * FARTHEST_TORSOS)
    middle = slice(STAND.start + 5, STAND.stop - 5)
    assert np.array_equal(plant_feet(before, FPS)[middle, RIGHT], before[middle, RIGHT])


def test_only_knees_and_ankles_move_and_without_a_jump():
    before = dance(0.2)
    after = plant_feet(before, FPS)
    others = [joint for joint in range(len(COCO18)) if joint not in (*ANKLES, *KNEES)]
    assert np.array_equal(after[:, others], before[:, others])
    moved = np.linalg.norm(after - before, axis=-1)
    assert np.abs(np.diff(moved, axis=0)).max() < 0.02  # of a unit, which is four torsos


def test_contacts_are_those_of_feet_on_the_floor_that_rest():
    found = contacts(dance(0.0), FPS)
    assert found.shape == (POSES, len(ANKLES))
    assert found[STAND, 0].all()
    assert not found[5:10, 0].any()
    assert found[:, 1].all()


@pytest.mark.parametrize(("first", "last"), [(35, 70), (10, 40)])
def test_poses_outside_the_section_are_the_same_bytes(first: int, last: int):
    before = dance(0.2)
    after = plant_feet(before, FPS, first, last)
    assert np.array_equal(after[: first + 1], before[: first + 1])
    assert np.array_equal(after[last:], before[last:])


@pytest.mark.parametrize("poses", [1, 2, 3])
def test_a_dance_of_few_poses_is_left_alone(poses: int):
    short = dance(0.2)[:poses]
    assert np.allclose(plant_feet(short, FPS), short)
