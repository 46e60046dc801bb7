import json
import typing
from pathlib import Path

import numpy as np
import pytest

from dancegen import storage
from dancegen.errors import BadMediaError
from dancegen.estimators import ESTIMATORS, load_estimator
from dancegen.estimators.openpose_json import BODY_25, OpenPoseJson
from dancegen.media.video import VideoInfo, probe
from dancegen.settings.extract_poses import EstimatorConfig
from dancegen.skeleton import COCO18

INFO = VideoInfo(width_px=200, height_px=100, fps=30, seconds=None, has_audio=False)
DANCER = Path(__file__).parents[3] / "shared/media/videos/solo/CDCD__cd3.mp4"


def person(count, x=100.0, y=50.0, confidence=0.8):
    return {"pose_keypoints_2d": np.tile([x, y, confidence], count).tolist()}


def write(folder, frames):
    """`frames`: number -> people."""
    for number, people in frames.items():
        storage.write_text(f"{folder}/a_{number:012d}_keypoints.json", json.dumps({"version": 1.3, "people": people}))


def estimate(uri, fps=10, **settings):
    return OpenPoseJson(EstimatorConfig(name="openpose_json", **settings))(Path("unread"), uri, INFO, fps)


def test_every_name_that_the_settings_allow_is_in_the_table():
    assert set(typing.get_args(EstimatorConfig.model_fields["name"].annotation)) == set(ESTIMATORS)


def test_pixels_become_fractions_and_frames_come_at_the_wanted_rate(tmp_path):
    write(tmp_path / "a_openpose", {number: [person(18, x=number)] for number in range(30)})
    joints = estimate(f"{tmp_path}/a.mp4")
    assert joints.shape == (10, 18, 3)
    assert np.allclose(joints[:, 0, 0] * 200, np.arange(0, 30, 3))
    assert np.allclose(joints[:, 0, 1], 0.5)
    assert np.allclose(joints[..., 2], 0.8)


def test_body_25_is_read_by_the_names_of_its_joints(tmp_path):
    numbers = np.array([[place, 10, 1] for place in range(25)], dtype=float)
    write(tmp_path / "a_openpose", {0: [{"pose_keypoints_2d": numbers.ravel().tolist()}]})
    joints = estimate(f"{tmp_path}/a.mp4")
    assert [round(x * 200) for x in joints[0, :, 0]] == [BODY_25.index(name) for name in COCO18.joints]


def test_the_surest_person_is_taken_and_frames_without_anyone_are_missing(tmp_path):
    frames = {0: [person(18, x=10, confidence=0.4), person(18, x=90, confidence=0.9)], 1: [], 3: [person(18)]}
    write(tmp_path / "a_openpose", frames)
    joints = estimate(f"{tmp_path}/a.mp4", fps=30)
    assert joints.shape == (4, 18, 3)
    assert np.allclose(joints[0, :, 0], 90 / 200)
    assert np.isnan(joints[1:3, :, :2]).all(), "frame 2 has no file"
    assert (joints[1:3, :, 2] == 0).all()


def test_unsure_joints_are_missing(tmp_path):
    write(tmp_path / "a_openpose", {0: [person(18, confidence=0.2)]})
    assert np.isnan(estimate(f"{tmp_path}/a.mp4")[..., 0]).all()


@pytest.mark.parametrize("folder", ["elsewhere/a_openpose", "elsewhere/a"])
def test_the_files_may_be_in_another_folder(tmp_path, folder):
    write(tmp_path / folder, {0: [person(18)]})
    assert len(estimate(f"{tmp_path}/videos/a.mp4", json_folder=str(tmp_path / "elsewhere"))) == 1


def test_files_on_s3_are_read(s3):
    write(f"{s3}/videos/a_openpose", {number: [person(18, x=number)] for number in range(9)})
    assert np.allclose(estimate(f"{s3}/videos/a.mp4")[:, 0, 0] * 200, [0, 3, 6])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "3 numbers a person, and 54 or 75 are known"),
        ("[]", "is not what OpenPose writes"),
        ("{", "is not what OpenPose writes"),
    ],
)
def test_a_file_of_another_kind_is_named_with_what_is_wrong(tmp_path, content, told):
    storage.write_text(f"{tmp_path}/a_openpose/a_000_keypoints.json", content)
    with pytest.raises(BadMediaError, match=told):
        estimate(f"{tmp_path}/a.mp4")


def test_a_video_without_files_says_where_they_were_looked_for(tmp_path):
    with pytest.raises(BadMediaError, match="a_openpose"):
        estimate(f"{tmp_path}/a.mp4")


def test_mediapipe_finds_nobody_in_noise(tmp_path, make_video):
    pytest.importorskip("mediapipe")
    noise = np.random.default_rng(0).integers(0, 255, (10, 96, 128, 3), dtype=np.uint8)
    path = make_video(tmp_path / "noise.mp4", noise, fps=10)
    joints = load_estimator(EstimatorConfig())(path, str(path), probe(path, str(path)), 10)
    assert joints.shape == (10, 18, 3)
    assert (joints[..., 2] == 0).all()


def test_mediapipe_finds_a_dancer_with_the_head_above_the_feet():
    pytest.importorskip("mediapipe")
    if not DANCER.exists():
        pytest.skip(f"no real video of a dancer at {DANCER}")
    joints = load_estimator(EstimatorConfig())(DANCER, str(DANCER), probe(DANCER, str(DANCER)), 2)
    assert (joints[..., 2] > 0).mean() > 0.9
    nose, ankle = joints[:, COCO18.index("nose"), 1], joints[:, COCO18.index("left_ankle"), 1]
    assert (ankle - nose > 0.15).all()
