"""Poses in generated frames against driving poses of a known distance."""

from pathlib import Path

import numpy as np
import pytest

from dancegen.estimators.base import load_estimator
from dancegen.estimators.settings import EstimatorConfig
from dancegen.media.video import frames
from dancegen.metrics.video.pose_consistency import compare, pose_consistency
from dancegen.skeleton import COCO18

DANCER = Path(__file__).parents[3] / "shared/media/videos/silent/aistplusplus_api__gBR_sBM_c01_d06_mBR2_ch06.mp4"


@pytest.fixture
def driving():
    """Ten frames of a body whose torso is 0.2 of the height."""
    body = np.zeros((10, 18, 3), dtype=np.float32)
    body[..., :2] = (0.5, 0.4)
    body[:, COCO18.indices("right_hip", "left_hip"), 1] = 0.6
    body[..., 2] = 1.0
    return body


def test_the_driving_pose_itself_is_consistent(driving):
    assert compare(driving, driving, 1.0).within == (180, 180)
    assert compare(driving, driving, 1.0).detected == 10


def test_joints_are_counted_within_a_tenth_and_a_fifth_of_the_torso(driving):
    found = driving.copy()
    found[:, 4, 0] += 0.15 * 0.2
    found[:, 7, 0] += 0.3 * 0.2
    found[:5, 9] = (np.nan, np.nan, 0)
    counts = compare(found, driving, 1.0)
    assert (counts.joints, counts.within) == (180, (180 - 25, 180 - 15))


def test_a_frame_without_anybody_is_not_detected_and_one_without_a_driving_pose_does_not_count(driving):
    found = driving.copy()
    found[:3] = (np.nan, np.nan, 0)
    driving[8:] = (np.nan, np.nan, 0)
    counts = compare(found, driving, 1.0)
    assert (counts.frames, counts.detected, counts.joints) == (8, 5, 144)


def test_without_a_torso_joints_cannot_be_measured(driving):
    driving[:, COCO18.index("neck")] = (np.nan, np.nan, 0)
    assert compare(driving, driving, 1.0).joints == 0


@pytest.fixture(scope="module")
def dancer():
    pytest.importorskip("mediapipe", reason="the extra mediapipe is not installed")
    if not DANCER.exists():
        pytest.skip(f"no real video of a dancer at {DANCER}")
    pictures = np.stack(list(frames(DANCER, DANCER.name, 10, 0, 12)))
    return np.ascontiguousarray(pictures[:, ::2, ::2])


def test_real_footage_is_consistent_with_its_own_poses_and_not_with_those_of_its_mirror(dancer):
    from dancegen.estimators.base import VideoPart
    from dancegen.media.video import VideoInfo

    estimator = load_estimator(EstimatorConfig(max_people=1))
    part = VideoPart("dancer", VideoInfo(dancer.shape[2], dancer.shape[1], 10, 1.2, has_audio=False), 10, 0, 12)
    driving = np.concatenate(estimator(part, iter(dancer)))
    own = pose_consistency(estimator, "dancer", dancer, driving, 10.0)
    assert own.within == (own.joints, own.joints)  # the estimator starts anew for each segment
    mirrored = driving * np.array([-1, 1, 1], dtype=np.float32) + np.array([1, 0, 0], dtype=np.float32)
    other = pose_consistency(estimator, "dancer", dancer, mirrored, 10.0)
    assert other.within[1] < 0.5 * other.joints
    black = pose_consistency(estimator, "black", np.zeros_like(dancer), driving, 10.0)
    assert (black.detected, black.within) == (0, (0, 0))
