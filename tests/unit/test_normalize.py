"""Normalisations, and the way back into a picture."""

import numpy as np
import pytest

from dancegen.pose.normalize import CAMERA_ASPECT, NORMALIZATIONS, place_in_frame, square
from dancegen.skeleton import COCO18

STANDING = {
    "nose": (0, -1.5), "neck": (0, -1), "right_shoulder": (-0.35, -1), "right_elbow": (-0.45, -0.5),
    "right_wrist": (-0.5, 0), "left_shoulder": (0.35, -1), "left_elbow": (0.45, -0.5), "left_wrist": (0.5, 0),
    "right_hip": (-0.2, 0), "right_knee": (-0.2, 0.9), "right_ankle": (-0.2, 1.8), "left_hip": (0.2, 0),
    "left_knee": (0.2, 0.9), "left_ankle": (0.2, 1.8), "right_eye": (-0.05, -1.6), "left_eye": (0.05, -1.6),
    "right_ear": (-0.1, -1.55), "left_ear": (0.1, -1.55),
}  # fmt: skip


def standing(frames=20, scale=0.15, at=(0.5, 0.5), aspect=1.0):
    """A standing dancer as fractions of a picture, a little unsteady."""
    torsos = np.array([STANDING[joint] for joint in COCO18.joints])
    unsteady = torsos + 0.01 * np.random.default_rng(0).standard_normal((frames, len(COCO18), 2))
    joints = np.ones((frames, len(COCO18), 3), dtype=np.float32)
    joints[..., :2] = unsteady * (scale / aspect, scale) + at
    return joints


def test_size_place_and_picture_shape_change_nothing_in_body_units():
    body = NORMALIZATIONS["body"]
    pose, mask = body(standing(), 1.0)
    other, _ = body(standing(scale=0.05, at=(0.2, 0.7), aspect=16 / 9), 16 / 9)
    assert np.allclose(pose, other, atol=1e-4)
    assert mask.min() == 1
    neck, hip = pose[:, COCO18.index("neck")].mean(axis=0), pose[:, COCO18.index("right_hip")].mean(axis=0)
    assert hip[1] - neck[1] == pytest.approx(0.25, abs=0.01)


def test_the_way_across_the_floor_stays():
    joints = standing(frames=40)
    joints[..., 0] += np.linspace(-0.2, 0.2, 40)[:, None]
    pose, _ = NORMALIZATIONS["body"](joints, 1.0)
    assert np.ptp(pose[:, COCO18.index("neck"), 0]) > 0.5


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_missing_joint_has_confidence_zero_and_moves_no_other(name):
    joints = standing()
    joints[5:9, COCO18.index("left_wrist")] = (np.nan, np.nan, 0)
    pose, mask = NORMALIZATIONS[name](joints, 1.5)
    whole, _ = NORMALIZATIONS[name](standing(), 1.5)
    assert np.isfinite(pose).all()
    assert (mask == 0).sum() == 4
    assert np.allclose(pose[mask > 0], whole[mask > 0], atol=1e-5)


@pytest.mark.parametrize("hidden", [("right_hip", "left_hip"), ("neck",), COCO18.joints])
def test_a_clip_without_a_torso_is_normalised_all_the_same(hidden):
    joints = standing()
    joints[:, COCO18.indices(*hidden)] = (np.nan, np.nan, 0)
    pose, _ = NORMALIZATIONS["body"](joints, 1.0)
    assert np.isfinite(pose).all()
    assert np.abs(pose).max() < 2


def test_camera_coordinates_are_the_published_ones():
    joints = np.array([[[0.5, 0.5, 1.0], [1.0, 0.0, 0.9], [np.nan, np.nan, 0.0]]])
    pose, _ = NORMALIZATIONS["camera"](joints, 16 / 9)
    assert pose.tolist() == [[[0, 0], [1, -1], [-1, -1]]]


@pytest.mark.parametrize("size", [(1280, 720), (640, 640), (360, 640)])
def test_a_standing_dancer_fills_most_of_the_picture_with_the_feet_near_its_lower_edge(size):
    width, height = size
    pose, _ = NORMALIZATIONS["body"](standing(), 1.0)
    placed = place_in_frame(pose, width, height)
    tall = np.ptp(placed[..., 1], axis=1).mean() / height
    assert tall == pytest.approx(0.72, abs=0.03)
    assert placed[..., 1].max() == pytest.approx(0.92 * height, abs=0.02 * height)
    assert placed[..., 0].mean() == pytest.approx(width / 2, abs=0.02 * width)


@pytest.mark.parametrize("reach", [(5.0, 0.0), (0.0, 3.0)])
def test_a_dance_that_needs_room_stays_inside_the_picture_at_one_scale(reach):
    pose, _ = NORMALIZATIONS["body"](standing(frames=50), 1.0)
    wide = pose + np.linspace(-0.5, 0.5, 50)[:, None, None] * np.array(reach, dtype=np.float32)
    placed = place_in_frame(wide, 640, 360)
    assert placed[..., :2].min() > 0
    assert placed[..., 0].max() < 640
    assert placed[..., 1].max() < 360
    for axis in (0, 1):
        line = np.polyfit(wide[..., axis].ravel(), placed[..., axis].ravel(), 1)
        assert np.allclose(np.polyval(line, wide[..., axis]), placed[..., axis], atol=0.1)


def test_what_is_missing_stays_missing_in_the_picture():
    pose = np.array(NORMALIZATIONS["body"](standing(), 1.0)[0])
    pose[3, 4] = np.nan
    placed = place_in_frame(pose, 640, 360)
    assert placed[3, 4, 2] == 0
    assert np.isnan(placed[3, 4, :2]).all()
    assert np.isfinite(np.delete(placed.reshape(-1, 3), 3 * 18 + 4, axis=0)).all()


@pytest.mark.parametrize("normalization", ["body", "camera"])
def test_a_body_keeps_its_proportions_on_the_way_back_into_a_picture(normalization):
    pose, _ = NORMALIZATIONS[normalization](standing(aspect=CAMERA_ASPECT), CAMERA_ASPECT)
    placed = place_in_frame(square(pose, normalization), 1280, 720).mean(axis=0)
    right, left, neck, ankle = COCO18.indices("right_wrist", "left_wrist", "neck", "right_ankle")
    width, height = placed[left, 0] - placed[right, 0], placed[ankle, 1] - placed[neck, 1]
    assert width / height == pytest.approx(1.0 / 2.8, rel=0.02)
