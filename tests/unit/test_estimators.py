import json
import pickle
import typing
from pathlib import Path

import cv2
import numpy as np
import pytest

from dancegen import storage
from dancegen.errors import BadMediaError
from dancegen.estimators.base import ESTIMATORS, VideoPart, load_estimator
from dancegen.estimators.openpose_json import BODY_25
from dancegen.estimators.plausible import alike, is_plausible
from dancegen.estimators.settings import EstimatorConfig
from dancegen.media.video import VideoInfo, frames, probe
from dancegen.skeleton import COCO17_JOINTS, COCO18, from_coco17

MEDIA = Path(__file__).parents[3] / "shared/media"
DANCER = MEDIA / "videos/silent/aistplusplus_api__gBR_sBM_c01_d06_mBR2_ch06.mp4"
DANCER_TRUTH = MEDIA / "motion/aistpp_keypoints2d__gBR_sBM_cAll_d06_mBR2_ch06.pkl"
THREE_DANCERS = MEDIA / "videos/groups/gillhung__dance_3p.mp4"


def person(count, x=100.0, y=50.0, confidence=0.8):
    return np.tile([x, y, confidence], count).tolist()


def write(folder, people):
    """OpenPose's files; `people`: frame -> people."""
    for number, each in people.items():
        text = json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": numbers} for numbers in each]})
        storage.write_text(f"{folder}/a_{number:012d}_keypoints.json", text)


def estimate(uri, fps=10, first=0, stop=None, seconds=None, **settings):
    info = VideoInfo(width_px=200, height_px=100, fps=30, seconds=seconds, has_audio=False)
    estimator = load_estimator(EstimatorConfig(name="openpose_json", **settings))
    return estimator(VideoPart(uri, info, fps, first, stop), iter(()))


def part_of(path, fps, first=0, stop=None):
    return VideoPart(str(path), probe(path, path.name), fps, first, stop), frames(path, path.name, fps, first, stop)


def test_every_name_that_the_settings_allow_is_in_the_table():
    assert set(typing.get_args(EstimatorConfig.model_fields["name"].annotation)) == set(ESTIMATORS)


def test_mediapipe_keeps_its_libraries_from_talking(capfd):
    pytest.importorskip("mediapipe", reason="the extra mediapipe is not installed")
    black = [np.zeros((48, 64, 3), dtype=np.uint8)] * 3
    part = VideoPart("a.mp4", VideoInfo(64, 48, 30, 1.0, has_audio=False), 10, 0, 3)
    people = load_estimator(EstimatorConfig())(part, iter(black))
    assert [len(each) for each in people] == [0, 0, 0]
    assert capfd.readouterr().err == ""


def test_pixels_become_fractions_and_frames_come_at_the_wanted_rate(tmp_path):
    write(tmp_path / "a_openpose", {number: [person(18, x=number + 1)] for number in range(30)})
    joints = np.stack(estimate(f"{tmp_path}/a.mp4"))
    assert joints.shape == (10, 1, 18, 3)
    assert np.allclose(joints[:, 0, 0, 0] * 200, np.arange(1, 31, 3))
    assert np.allclose(joints[..., 1], 0.5)
    assert np.allclose(joints[..., 2], 0.8)


def test_body_25_is_read_by_the_names_of_its_joints(tmp_path):
    numbers = np.array([[place, 10, 1] for place in range(25)], dtype=float)
    write(tmp_path / "a_openpose", {0: [numbers.ravel().tolist()]})
    joints = estimate(f"{tmp_path}/a.mp4")[0][0]
    assert [round(x * 200) for x in joints[:, 0]] == [BODY_25.index(name) for name in COCO18.joints]


def test_coco_17_is_read_by_the_names_of_its_joints_and_gets_a_neck(tmp_path):
    numbers = np.array([[place, 10, 1] for place in range(17)], dtype=float)
    write(tmp_path / "a_openpose", {0: [numbers.ravel().tolist()]})
    x = dict(zip(COCO18.joints, estimate(f"{tmp_path}/a.mp4")[0][0][:, 0] * 200, strict=True))
    assert x.pop("neck") == pytest.approx((x["left_shoulder"] + x["right_shoulder"]) / 2)
    assert {name: round(place) for name, place in x.items()} == {n: COCO17_JOINTS.index(n) for n in x}


def test_everyone_is_given_and_frames_without_anyone_are_empty(tmp_path):
    write(tmp_path / "a_openpose", {0: [person(18, x=10), person(18, x=90)], 1: [], 3: [person(18)]})
    people = estimate(f"{tmp_path}/a.mp4", fps=30)
    assert [len(each) for each in people] == [2, 0, 0, 1], "frame 2 has no file"
    assert np.allclose(people[0][:, 0, 0], [10 / 200, 90 / 200])


def test_unsure_joints_are_missing_and_a_person_without_any_joint_is_none(tmp_path):
    half = person(9, confidence=0.9) + person(9, confidence=0.2)
    write(tmp_path / "a_openpose", {0: [half, person(18, confidence=0.2)]})
    (joints,) = estimate(f"{tmp_path}/a.mp4")[0]
    assert np.isnan(joints[9:, :2]).all()
    assert (joints[9:, 2] == 0).all()
    assert np.isfinite(joints[:9]).all()


def test_parts_are_together_the_whole_and_only_their_files_are_read(tmp_path):
    write(tmp_path / "a_openpose", {number: [person(18, x=number + 1)] * (number % 3) for number in range(100)})
    whole = estimate(f"{tmp_path}/a.mp4", fps=8)
    parts = [people for first in range(0, 49, 7) for people in estimate(f"{tmp_path}/a.mp4", 8, first, first + 7)]
    assert [each.tolist() for each in parts] == [each.tolist() for each in whole]
    for number in range(40, 100):
        storage.write_text(f"{tmp_path}/a_openpose/a_{number:012d}_keypoints.json", "broken")
    assert len(estimate(f"{tmp_path}/a.mp4", 8, 2, 9)) == 7


@pytest.mark.parametrize("folder", ["elsewhere/a_openpose", "elsewhere/a"])
def test_the_files_may_be_in_another_folder(tmp_path, folder):
    write(tmp_path / folder, {0: [person(18)]})
    assert len(estimate(f"{tmp_path}/videos/a.mp4", json_folder=str(tmp_path / "elsewhere"))[0]) == 1


def test_files_on_s3_are_read(s3):
    write(f"{s3}/videos/a_openpose", {number: [person(18, x=number + 1)] for number in range(9)})
    assert [round(people[0, 0, 0] * 200) for people in estimate(f"{s3}/videos/a.mp4")] == [1, 4, 7]


@pytest.mark.parametrize("image", [lambda frame: frame, "{}.jpg".format, "cut 7/dance_{:06d}.png".format])
def test_a_file_of_cocos_results_has_everyone_of_each_frame(tmp_path, image):
    found = [
        {"image_id": image(frame), "category_id": 1, "keypoints": person(17, x=x, confidence=1.2), "score": 2.5}
        for frame, x in ((0, 10), (0, 90), (6, 50))
    ]
    found.append({"image_id": image(3), "category_id": 17, "keypoints": person(17), "score": 1.0})
    storage.write_text(f"{tmp_path}/a.json", json.dumps(found))
    people = estimate(f"{tmp_path}/a.mp4", seconds=0.5)
    assert [np.round(each[:, 0, 0] * 200).tolist() for each in people] == [[10, 90], [], [50], [], []]
    assert people[0][..., 2].max() == 1
    assert [len(each) for each in estimate(f"{tmp_path}/a.mp4", first=1, stop=3, seconds=0.5)] == [0, 1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', r"3 numbers per person; 51 \(COCO-17\), 54"),
        ("[]", "is not OpenPose JSON"),
        ("{", "is not OpenPose JSON"),
    ],
)
def test_a_file_of_another_kind_is_named_with_what_is_wrong(tmp_path, content, told):
    storage.write_text(f"{tmp_path}/a_openpose/a_000_keypoints.json", content)
    with pytest.raises(BadMediaError, match=told):
        estimate(f"{tmp_path}/a.mp4")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "not a list of COCO results"),
        ('{"annotations": []}', "not a list of COCO results"),
        ('[{"image_id": "dance.jpg", "keypoints": []}]', "image_id 'dance.jpg' has no frame number"),
        ('[{"image_id": 0, "keypoints": [1, 2, 3]}]', "3 numbers per person"),
        ("[]", "contains no people"),
        ('[{"image_id": 999999999, "keypoints": %s}]' % person(17), "frame 999,999,999"),  # noqa: UP031
    ],
)
def test_results_of_another_kind_are_named_with_what_is_wrong(tmp_path, content, told):
    storage.write_text(f"{tmp_path}/a.json", content)
    with pytest.raises(BadMediaError, match=told):
        estimate(f"{tmp_path}/a.mp4")


def test_a_video_without_files_says_where_they_were_looked_for(tmp_path):
    with pytest.raises(BadMediaError, match=r"a_openpose nor .*a\.json"):
        estimate(f"{tmp_path}/a.mp4")


def standing(x=0.5, height=0.8):
    """A person upright in a square picture."""
    places = {"nose": (0, 0.08), "neck": (0, 0.2), "shoulder": (0.1, 0.2), "elbow": (0.14, 0.35), "wrist": (0.15, 0.48)}
    places |= {"hip": (0.06, 0.5), "knee": (0.07, 0.75), "ankle": (0.07, 1.0), "eye": (0.02, 0.06), "ear": (0.04, 0.07)}
    joints = np.ones((18, 3), dtype=np.float32)
    for index, name in enumerate(COCO18.joints):
        side, _, joint = name.rpartition("_")
        across, down = places[joint]
        joints[index, :2] = x + height * across * (-1 if side == "right" else 1), 0.1 + height * down
    return joints


def test_a_standing_person_is_plausible_at_every_size_that_can_be_seen():
    assert all(is_plausible(standing(height=height), 1.0) for height in (0.1, 0.3, 0.8))


def test_what_no_body_can_look_like_is_not_plausible():
    long_arm, face = standing(), standing()
    long_arm[COCO18.index("left_wrist"), :2] += (1.4, 0.9)
    face[COCO18.indices(*(joint for joint in COCO18.joints[1:14]))] = (np.nan, np.nan, 0)
    assert not is_plausible(long_arm, 1.0)
    assert not is_plausible(face, 1.0)
    assert not is_plausible(standing(height=0.03), 1.0)


def test_two_finds_of_one_person_are_alike_and_neighbours_are_not():
    nudged = standing() + np.array([0.02, 0.01, 0], dtype=np.float32)
    assert alike(standing(), nudged, 1.0)
    assert not alike(standing(), standing(x=0.75), 1.0)


def test_mediapipe_finds_nobody_in_noise(tmp_path, make_video):
    pytest.importorskip("mediapipe", reason="the extra mediapipe is not installed")
    noise = np.random.default_rng(0).integers(0, 255, (10, 96, 128, 3), dtype=np.uint8)
    path = make_video(tmp_path / "noise.mp4", noise, fps=10)
    people = load_estimator(EstimatorConfig())(*part_of(path, 10))
    assert [each.shape for each in people] == [(0, 18, 3)] * 10


def test_mediapipe_finds_a_dancer_where_the_truth_says():
    pytest.importorskip("mediapipe", reason="the extra mediapipe is not installed")
    if not DANCER_TRUTH.exists():
        pytest.skip(f"no real video of a dancer with its joints at {DANCER_TRUTH}")
    people = load_estimator(EstimatorConfig())(*part_of(DANCER, 10, 0, 40))
    assert [len(each) for each in people] == [1] * 40
    truth_px = from_coco17(pickle.loads(DANCER_TRUTH.read_bytes())["keypoints2d"][0][: 40 * 6 : 6])
    away_px = np.linalg.norm(np.concatenate(people)[..., :2] * (1920, 1080) - truth_px[..., :2], axis=-1)
    assert np.nanmedian(away_px) < 12


@pytest.fixture(scope="module")
def three_dancers():
    pytest.importorskip("mediapipe", reason="the extra mediapipe is not installed")
    if not THREE_DANCERS.exists():
        pytest.skip(f"no real video of three dancers at {THREE_DANCERS}")
    return list(frames(THREE_DANCERS, THREE_DANCERS.name, 10, 0, 30))


def test_mediapipe_finds_dancers_side_by_side(three_dancers):
    part, _ = part_of(THREE_DANCERS, 10, 0, 30)
    people = load_estimator(EstimatorConfig())(part, iter(three_dancers))
    assert np.mean([len(each) == 3 for each in people]) > 0.8
    heads = np.array([np.sort(each[:, 0, 0]) for each in people if len(each) == 3])
    assert (np.diff(heads, axis=1) > 0.1).mean() > 0.9


def test_mediapipe_finds_no_more_people_than_asked_for(three_dancers):
    part, _ = part_of(THREE_DANCERS, 10, 0, 30)
    people = load_estimator(EstimatorConfig(max_people=1))(part, iter(three_dancers))
    assert [len(each) for each in people] == [1] * 30


def test_one_estimator_does_part_after_part(three_dancers):
    part, _ = part_of(THREE_DANCERS, 10, 0, 5)
    estimator = load_estimator(EstimatorConfig())
    small = [cv2.resize(picture, None, fx=0.5, fy=0.5) for picture in three_dancers[:5]]
    one, _, again = (estimator(part, iter(pictures)) for pictures in (three_dancers[:5], small, three_dancers[:5]))
    assert all(np.array_equal(*pair, equal_nan=True) for pair in zip(one, again, strict=True))
