import csv
import io
import json
import pickle
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from dancegen import config, storage
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.structure import compose
from dancegen.drawing.draw import draw_skeleton
from dancegen.errors import BadMediaError, ConfigError
from dancegen.media.video import probe
from dancegen.skeleton import COCO18, from_coco17
from dancegen.tools.compare_estimators.compare import best_pair, compare, together, worst_frames
from dancegen.tools.compare_estimators.page import COLORS, draw_both
from dancegen.tools.compare_estimators.run import run
from dancegen.tools.compare_estimators.settings import CompareEstimatorsConfig

MEDIA = Path(__file__).parents[3] / "shared/media"
DANCER = MEDIA / "videos/silent/aistplusplus_api__gBR_sBM_c01_d06_mBR2_ch06.mp4"
DANCER_TRUTH = MEDIA / "motion/aistpp_keypoints2d__gBR_sBM_cAll_d06_mBR2_ch06.pkl"
WIDTH_PX, HEIGHT_PX, FPS = 128, 96, 10
NOSE, WRIST = COCO18.index("nose"), COCO18.index("left_wrist")
NOBODY = np.zeros((0, 18, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def dance():
    """The true joints of a dance as fractions of the frame."""
    pose = choreograph(compose("kpop", 3, 4.0), Dancer.from_seed(1), 10.0, 0)
    return film(pose, WIDTH_PX, HEIGHT_PX, 0)[:20] / np.array([WIDTH_PX, HEIGHT_PX, 1], dtype=np.float32)


@pytest.fixture(scope="module")
def video(tmp_path_factory, make_video, dance):
    shown = [draw_skeleton(joints * (WIDTH_PX, HEIGHT_PX, 1), WIDTH_PX, HEIGHT_PX) for joints in dance]
    return make_video(tmp_path_factory.mktemp("video") / "dance.mp4", shown, fps=FPS)


class Told:
    """An estimator that was told what to find."""

    def __init__(self, people, looks=True):
        self.name, self.people, self.reads_files = "told", people, not looks

    def __call__(self, part, pictures):
        return self.people if self.reads_files else [people for people, _ in zip(self.people, pictures, strict=False)]


def compared(video, one, other, tick=lambda done: None):
    return compare(video, str(video), probe(video, "video"), FPS, 20, [one, other], tick)


def alone(dance):
    return [joints[None] for joints in dance]


def torso(dance):
    square = dance[..., :2] * (WIDTH_PX / HEIGHT_PX, 1)
    hips = square[:, COCO18.indices("left_hip", "right_hip")].mean(axis=1)
    return np.median(np.linalg.norm(square[:, COCO18.index("neck")] - hips, axis=1))


def test_the_same_joints_agree_wholly(video, dance):
    numbers = compared(video, Told(alone(dance)), Told(alone(dance), looks=False)).agreement.numbers()
    assert (numbers["both"], numbers["pck"], numbers["median_torsos"]) == (1, 1, 0)
    assert numbers["only_one"] == numbers["only_other"] == numbers["neither"] == 0


def test_a_joint_that_lies_elsewhere_is_told_in_torsos(video, dance):
    moved = dance.copy()
    moved[:, WRIST, 1] += 0.3 * torso(dance)
    agreement = compared(video, Told(alone(dance)), Told(alone(moved))).agreement
    assert agreement.numbers("left_wrist")["median_torsos"] == pytest.approx(0.3, rel=1e-3)
    assert agreement.numbers("left_wrist")["pck"] == 0
    assert agreement.numbers("nose")["pck"] == 1
    assert agreement.numbers()["pck"] == pytest.approx(17 / 18)


def test_joints_and_people_that_only_one_finds_are_counted(video, dance):
    some = dance.copy()
    some[:5, NOSE] = (np.nan, np.nan, 0)
    fewer = alone(some)
    fewer[10:] = [NOBODY] * 10
    agreement = compared(video, Told(alone(dance)), Told(fewer)).agreement
    assert agreement.found() == (1, 0.5)
    nose = agreement.numbers("nose")
    assert (nose["both"], nose["only_one"], nose["only_other"], nose["pck"]) == (0.25, 0.75, 0, 0.25)
    assert nose["pck_of_both"] == 1
    assert agreement.numbers()["both"] == pytest.approx((20 * 18 - 5 - 10 * 18) / (20 * 18))


def test_an_estimator_that_ends_early_finds_nobody_after(video, dance):
    agreement = compared(video, Told(alone(dance)), Told(alone(dance)[:15])).agreement
    assert len(agreement.apart) == 20
    assert agreement.found() == (1, 0.75)


def test_of_several_people_the_pair_that_agrees_best_is_compared(dance):
    beside = dance[0] + np.array([0.3, 0, 0], dtype=np.float32)
    near = dance[0] + np.array([0.002, 0, 0], dtype=np.float32)
    pair = best_pair(np.stack([beside, dance[0]]), np.stack([beside + np.float32([0.1, 0.1, 0]), near]), 4 / 3)
    assert np.array_equal(pair, np.stack([dance[0], near]))
    one, other = best_pair(NOBODY, np.stack([dance[0] * np.float32([0.5, 0.5, 1]), dance[0]]), 4 / 3)
    assert (one[:, 2] == 0).all()
    assert np.array_equal(other, dance[0])


def test_the_worst_frames_come_first_and_no_two_of_a_second(video, dance):
    moved = dance.copy()
    moved[3, :, 0] += 0.05
    moved[4, :, 0] += 0.1
    moved[12, :, 0] += 0.2
    one = compared(video, Told(alone(dance)), Told(alone(moved)))
    assert [frame for _, frame, _ in worst_frames([one], FPS, 5)] == [12, 4]
    assert [frame for _, frame, _ in worst_frames([one], FPS, 1)] == [12]


def test_videos_together_count_by_their_frames(video, dance):
    agree = compared(video, Told(alone(dance)), Told(alone(dance))).agreement
    differ = compared(video, Told(alone(dance)[:10]), Told([NOBODY] * 10)).agreement
    whole = together([agree, differ])
    assert whole.numbers()["both"] == pytest.approx(2 / 3)
    assert whole.found() == (1, pytest.approx(2 / 3))


def test_progress_counts_every_picture_of_both(video, dance):
    done = []
    compared(video, Told(alone(dance)), Told(alone(dance), looks=False), done.append)
    assert sum(done) == 40


def test_both_skeletons_are_drawn_where_they_are(dance):
    picture = np.full((540, 720, 3), 255, np.uint8)
    moved = dance[0].copy()
    moved[:, 0] += 0.2
    drawn = draw_both(picture, np.stack([dance[0], moved]))
    for person, color in ((dance[0], COLORS[0]), (moved, COLORS[1])):
        x, y = (person[WRIST, :2] * (720, 540)).round().astype(int)
        assert tuple(drawn[y, x]) == color


def write_truth(folder, name, joints_px):
    found = [
        {"image_id": frame, "category_id": 1, "keypoints": joints.ravel().tolist(), "score": 1}
        for frame, joints in enumerate(joints_px)
    ]
    storage.write_text(f"{folder}/{name}.json", json.dumps(found))


def settings(videos, output, **given):
    return config.validate(CompareEstimatorsConfig, {"videos": str(videos), "output": str(output), **given})


def table_of(folder):
    return list(csv.DictReader(io.StringIO(storage.read_text(f"{folder}/agreement.csv"))))


def test_a_folder_of_videos_becomes_a_page_a_table_and_pictures(tmp_path, video, dance):
    pytest.importorskip("mediapipe", reason="the extra mediapipe is not installed")
    for name in ("one", "other"):
        storage.copy(str(video), f"{tmp_path}/videos/{name}.mp4")
        write_truth(tmp_path / "videos", name, dance * (WIDTH_PX, HEIGHT_PX, 1))
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"no video")
    said = run(settings(tmp_path / "videos", tmp_path / "out", pictures=3))
    assert re.search(r"2 videos, 40 frames: mediapipe detects a person in 0\.0%, openpose_json in 100\.0%", said[0])
    assert "broken.mp4" in said[1]
    rows = table_of(tmp_path / "out")
    assert [row["video"] for row in rows if row["joint"] == "all"] == ["all videos", "one.mp4", "other.mp4"]
    assert {row["only_openpose_json"] for row in rows} == {"1.0000"}
    page = (tmp_path / "out" / "index.html").read_text()
    shown = re.findall(r'<img src="([^"]+)"', page)
    assert len(shown) == 3
    assert all(cv2.imread(str(tmp_path / "out" / file)).shape[0] == 540 for file in shown)
    assert "http" not in page
    assert "broken.mp4" in page


def test_mediapipe_agrees_with_the_truth_of_a_real_dancer(tmp_path):
    pytest.importorskip("mediapipe", reason="the extra mediapipe is not installed")
    if not DANCER_TRUTH.exists():
        pytest.skip(f"no real video of a dancer with its joints at {DANCER_TRUTH}")
    truth_px = np.nan_to_num(from_coco17(pickle.loads(DANCER_TRUTH.read_bytes())["keypoints2d"][0]))
    write_truth(tmp_path / "truth", DANCER.stem, truth_px)
    given = {"estimators": ["openpose_json", "mediapipe"], "max_seconds": 3, "pictures": 2}
    run(settings(DANCER, tmp_path / "out", estimator={"json_folder": str(tmp_path / "truth")}, **given))
    whole = table_of(tmp_path / "out")[0]
    assert whole["frames"] == "30"
    assert float(whole["pck"]) > 0.9
    assert float(whole["median_torsos"]) < 0.1


def test_when_no_video_can_be_used_the_first_reason_is_told(tmp_path, video):
    pytest.importorskip("mediapipe", reason="the extra mediapipe is not installed")
    storage.copy(str(video), f"{tmp_path}/videos/one.mp4")
    with pytest.raises(BadMediaError, match=r"one\.mp4: has neither files"):
        run(settings(tmp_path / "videos", tmp_path / "out", estimators=["openpose_json", "mediapipe"]))


def test_a_video_without_its_json_is_left_out_before_any_is_looked_at(tmp_path, video, dance, capsys):
    pytest.importorskip("mediapipe", reason="the extra mediapipe is not installed")
    for name in ("a_without", "b_with"):
        storage.copy(str(video), f"{tmp_path}/videos/{name}.mp4")
    write_truth(tmp_path / "videos", "b_with", dance * (WIDTH_PX, HEIGHT_PX, 1))
    said = run(settings(tmp_path / "videos", tmp_path / "out", pictures=0))
    assert "a_without.mp4: has neither files" in said[1]
    assert "video 1 of 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("estimators", "told"),
    [
        (["mediapipe", "mediapipe"], "given twice"),
        (["mediapipe", "onnx"], "needs weights"),
        (["mediapipe", "alphapose"], "should be 'mediapipe', 'onnx' or 'openpose_json'"),
    ],
)
def test_estimators_that_cannot_be_compared_are_told(tmp_path, estimators, told):
    with pytest.raises(ConfigError, match=told):
        settings(tmp_path, tmp_path / "out", estimators=estimators)
