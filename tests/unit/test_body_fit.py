"""A dance on another body: its proportions, its floor, its crop."""

import numpy as np
import pytest

from dancegen.renderer.driving.body_fit import ANKLES, HIPS, NECK, Body, fit, floor_line, measure
from dancegen.renderer.driving.pose_range import measure_range, share_out_of_range
from dancegen.skeleton import COCO18

FPS = 30.0
STANDING = {
    "nose": (0.5, 0.2),
    "neck": (0.5, 0.28),
    "shoulder": (0.05, 0.28),
    "elbow": (0.07, 0.4),
    "wrist": (0.08, 0.5),
    "hip": (0.035, 0.52),
    "knee": (0.04, 0.7),
    "ankle": (0.04, 0.88),
    "eye": (0.012, 0.18),
    "ear": (0.03, 0.19),
}  # x from the middle for joints of the left side


def standing(legs: float = 1.0, size: float = 1.0, floor_y: float = 0.88, middle: float = 0.5) -> np.ndarray:
    """A standing person, (18, 3): `legs` times as long legs, everything `size` times as large."""
    pose = np.ones((18, 3), dtype=np.float64)
    for index, joint in enumerate(COCO18.joints):
        side, _, name = joint.rpartition("_")
        x, y = STANDING[name]
        pose[index, :2] = (0.5 + {"left": x, "right": -x, "": 0.0}[side], y)
    hip_y = STANDING["hip"][1]
    below = pose[:, 1] > hip_y
    pose[below, 1] = hip_y + legs * (pose[below, 1] - hip_y)
    floor = pose[COCO18.index("left_ankle"), 1]
    pose[:, :2] = (middle, floor_y) + size * (pose[:, :2] - (0.5, floor))
    return pose


def dancing(pose: np.ndarray, seconds: float = 4.0, sway: float = 0.05) -> np.ndarray:
    """The pose with arms that swing in the picture and a body that sways on planted feet, float32 (T, 18, 3)."""
    time_s = np.arange(round(seconds * FPS)) / FPS
    dance = np.repeat(pose[None], len(time_s), axis=0)
    for side, sign in (("left", 1), ("right", -1)):
        shoulder, elbow, wrist = (
            dance[:, COCO18.index(f"{side}_{name}"), :2] for name in ("shoulder", "elbow", "wrist")
        )
        angle = sign * (0.9 + 0.8 * np.sin(5.1 * time_s))[:, None]
        upper, lower = (
            np.linalg.norm(pose[COCO18.index(f"{side}_{end}"), :2] - pose[COCO18.index(f"{side}_{start}"), :2])
            for start, end in (("shoulder", "elbow"), ("elbow", "wrist"))
        )
        along = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
        elbow[:] = shoulder + upper * along
        wrist[:] = elbow + lower * along
    dance[:, :, 0] += sway * np.sin(2 * np.pi * time_s / 2)[:, None]
    return dance.astype(np.float32)


def bone(dance: np.ndarray, start: str, end: str) -> np.ndarray:
    places = dance[:, COCO18.indices(start, end), :2]
    return np.linalg.norm(places[:, 1] - places[:, 0], axis=-1)


@pytest.fixture(scope="module")
def adult() -> Body:
    return measure(dancing(standing()), aspect=1.0)


def test_the_body_of_footage_is_measured_in_torsos_and_heights_of_the_crop(adult: Body):
    assert adult.torso == pytest.approx(0.24, abs=1e-6)
    assert adult.floor_y == pytest.approx(0.88, abs=1e-6)
    knee = COCO18.bones.index(("left_hip", "left_knee"))
    assert adult.bones[knee] * adult.torso == pytest.approx(np.hypot(0.005, 0.18), abs=1e-6)


def test_the_body_does_not_depend_on_the_aspect_of_the_crop(adult: Body):
    narrow = dancing(standing())
    narrow[..., 0] = 0.5 + (narrow[..., 0] - 0.5) / 0.6
    found = measure(narrow, aspect=0.6)
    assert np.allclose(found.bones, adult.bones, atol=1e-4)
    assert found.torso == pytest.approx(adult.torso, abs=1e-5)


def test_a_dance_of_the_same_body_stays_as_it_is_and_a_second_fit_changes_nothing(adult: Body):
    dance = dancing(standing())
    once = fit(dance, adult, FPS)
    assert np.allclose(once, dance, atol=3e-3)  # the median of three flattens the turning points
    assert np.allclose(fit(once, adult, FPS), once, atol=3e-3)


@pytest.mark.parametrize(("legs", "size"), [(0.6, 1.0), (0.6, 0.5), (1.2, 0.8)])
def test_a_child_gets_the_proportions_and_the_size_of_the_person(adult: Body, legs: float, size: float):
    fitted = fit(dancing(standing(legs, size, floor_y=0.8)), adult, FPS)
    for start, end in (("left_hip", "left_knee"), ("right_knee", "right_ankle"), ("left_shoulder", "left_elbow")):
        number = COCO18.bones.index((start, end))
        assert np.allclose(bone(fitted, start, end), adult.bones[number] * adult.torso, atol=2e-3), (start, end)
    assert measure(fitted, 1.0).floor_y == pytest.approx(adult.floor_y, abs=1e-4)


def test_bones_keep_their_directions_so_that_crossed_arms_stay_crossed(adult: Body):
    pose = standing(0.7, 0.9)
    right, left = COCO18.indices("right_wrist", "left_wrist")
    pose[[right, left], 0] = pose[[left, right], 0]
    dance = np.repeat(pose[None], 40, axis=0).astype(np.float32)
    fitted = fit(dance, adult, FPS)
    for start, end in COCO18.bone_indices:
        before, after = dance[:, end, :2] - dance[:, start, :2], fitted[:, end, :2] - fitted[:, start, :2]
        cosine = (before * after).sum(-1) / (np.linalg.norm(before, axis=-1) * np.linalg.norm(after, axis=-1))
        assert np.allclose(cosine, 1, atol=1e-4)


def test_a_foreshortened_bone_stays_foreshortened_by_the_same_factor(adult: Body):
    dance = dancing(standing())
    elbow, wrist = COCO18.indices("left_elbow", "left_wrist")
    dance[10:15, wrist, :2] = dance[10:15, elbow, :2] + 0.5 * (dance[10:15, wrist, :2] - dance[10:15, elbow, :2])
    fitted = fit(dance, measure(dancing(standing(size=0.8)), 1.0), FPS)
    lengths = bone(fitted, "left_elbow", "left_wrist")
    assert np.allclose(lengths[11:14] / lengths[20], 0.5, atol=5e-3)


def test_feet_lie_on_the_floor_and_planted_feet_do_not_slide(adult: Body):
    dance = dancing(standing(0.6, 0.8, floor_y=0.7), sway=0.0)
    time_s = np.arange(len(dance)) / FPS
    bend = 0.04 * np.sin(2 * np.pi * time_s) ** 2  # the body goes down, the feet stay
    dance[..., 1] += bend[:, None] * (dance[..., 1] < 0.69)
    fitted = fit(dance, adult, FPS)
    assert np.allclose(fitted[:, ANKLES, 1].max(axis=1), adult.floor_y, atol=1e-5)
    assert np.ptp(fitted[:, ANKLES, 0], axis=0).max() < 0.01


def test_a_jump_stays_a_jump(adult: Body):
    dance = dancing(standing(0.8, 0.9), sway=0.0)
    height = np.zeros(len(dance))
    height[40:55] = 0.15 * np.sin(np.linspace(0, np.pi, 15))
    dance[..., 1] -= height[:, None]
    fitted = fit(dance, adult, FPS)
    lowest = fitted[:, ANKLES, 1].max(axis=1)
    assert np.allclose(lowest[:38], adult.floor_y, atol=1e-4)
    assert adult.floor_y - lowest.min() == pytest.approx(0.15 / 0.9 / 0.8, rel=0.2)


def test_a_dance_beside_the_crop_is_shifted_as_a_whole(adult: Body):
    fitted = fit(dancing(standing(middle=0.95)), adult, FPS)
    assert fitted[..., 0].min() >= 0
    assert fitted[..., 0].max() <= 1
    moved = fitted[..., 0] - dancing(standing(middle=0.95))[..., 0]
    assert np.ptp(moved) < 5e-3


def test_a_dance_wider_than_the_crop_is_held_inside_without_jumps(adult: Body):
    dance = dancing(standing(), seconds=20.0, sway=0.0)
    walk = 0.8 * np.sin(2 * np.pi * np.arange(len(dance)) / FPS / 20)
    dance[..., 0] += walk[:, None].astype(np.float32)
    fitted = fit(dance, adult, FPS)
    assert fitted[..., 0].min() >= -1e-4
    assert fitted[..., 0].max() <= 1 + 1e-4
    shift = fitted[:, NECK, 0] - dance[:, NECK, 0]
    assert np.abs(np.diff(shift)).max() < 0.02
    assert np.abs(np.diff(shift, 2)).max() < 2e-3


def test_a_turn_through_the_line_of_sight_makes_no_jump(adult: Body):
    dance = dancing(standing(0.8), seconds=4.0)
    turn = np.cos(2 * np.pi * np.arange(len(dance)) / len(dance))
    middle = dance[:, HIPS, 0].mean(axis=1)
    dance[..., 0] = middle[:, None] + turn[:, None] * (dance[..., 0] - middle[:, None])
    fitted = fit(dance, adult, FPS)
    assert np.abs(np.diff(fitted[..., :2], axis=0)).max() < 2 * np.abs(np.diff(dance[..., :2], axis=0)).max()


def test_missing_joints_stay_missing_and_carry_those_beyond_them(adult: Body):
    dance = dancing(standing(0.8))
    elbow, wrist, ear = COCO18.indices("left_elbow", "left_wrist", "left_ear")
    dance[30:40, elbow] = (np.nan, np.nan, 0)
    dance[:, ear] = (np.nan, np.nan, 0)
    fitted = fit(dance, adult, FPS)
    assert np.isnan(fitted[30:40, elbow, :2]).all()
    assert np.isnan(fitted[:, ear, :2]).all()
    assert (fitted[..., 2] == dance[..., 2]).all()
    assert np.abs(np.diff(fitted[25:45, wrist, :2], axis=0)).max() < 0.05
    assert np.isnan(fit(np.full((5, 18, 3), np.nan), adult, FPS)[..., :2]).all()


def test_one_wrong_frame_leaves_no_trace(adult: Body):
    dance = dancing(standing())
    right = fit(dance, adult, FPS)
    dance[50, COCO18.index("left_wrist"), :2] = (0.1, 0.1)
    assert np.allclose(fit(dance, adult, FPS), right, atol=0.03)


def test_the_floor_is_where_most_ankles_are():
    ankles = np.r_[np.full(60, 0.9) + np.linspace(-0.004, 0.004, 60), np.linspace(0.3, 0.85, 40), np.nan]
    assert floor_line(ankles, 0.005) == pytest.approx(0.9, abs=1e-3)
    assert np.isnan(floor_line(np.array([np.nan]), 0.1))


def test_a_dance_like_the_footage_is_in_range_and_a_handstand_is_not(adult: Body):
    footage = dancing(standing(), seconds=20.0)
    known = measure_range(footage, adult, centres=32)
    assert known.centres.shape == (32, 36)
    assert share_out_of_range(footage, adult, known) <= 0.011
    assert share_out_of_range(fit(dancing(standing(0.7)), adult, FPS), adult, known) < 0.1
    upside_down = footage * (1, -1, 1) + (0, 1, 0)
    assert share_out_of_range(upside_down, adult, known) == 1.0
    half = np.concatenate([footage, upside_down])
    assert share_out_of_range(half, adult, known) == pytest.approx(0.5, abs=0.01)


def test_a_person_that_is_filmed_again_keeps_the_poses_of_the_earlier_footage(adult: Body):
    footage = dancing(standing(), seconds=20.0)
    upside_down = footage * (1, -1, 1) + (0, 1, 0)
    first = measure_range(footage, adult, centres=32)
    both = measure_range(upside_down, adult, centres=32, earlier=first)
    assert both.centres.shape == (64, 36)
    assert share_out_of_range(footage, adult, both) < 0.05
    assert share_out_of_range(upside_down, adult, both) <= 0.011


def test_the_same_footage_has_the_same_centres_and_unknown_joints_are_not_compared(adult: Body):
    footage = dancing(standing())
    one, other = (measure_range(footage, adult, centres=8) for _ in range(2))
    assert np.array_equal(one.centres, other.centres)
    hidden = footage.copy()
    hidden[:, COCO18.indices("left_wrist", "nose")] = (np.nan, np.nan, 0)
    assert share_out_of_range(hidden, adult, one) < 0.05
    with pytest.raises(ValueError, match="all joints"):
        measure_range(hidden, adult)
