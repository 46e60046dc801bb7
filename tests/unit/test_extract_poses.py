import json
import shutil

import cv2
import numpy as np
import pyarrow as pa
import pytest

from dancegen import schema, storage, tables
from dancegen.estimators.settings import EstimatorConfig
from dancegen.pose.clean import Mark
from dancegen.steps.extract_poses.detect import DetectPeople, people_of
from dancegen.steps.extract_poses.pipeline import _parts
from dancegen.steps.extract_poses.probe import ProbeVideos
from dancegen.steps.extract_poses.select import SelectDancer
from dancegen.steps.extract_poses.settings import ExtractPosesConfig

GREY = np.full((48, 64, 3), 90, np.uint8)
HERE, THERE = (np.kron(np.random.default_rng(n).integers(0, 255, (6, 8, 3)), np.ones((8, 8, 1))) for n in (1, 2))
HERE, THERE = HERE.astype(np.uint8), THERE.astype(np.uint8)  # two places to film
TONE = np.sin(np.arange(48_000) / 20).astype(np.float32)


def person(x=0.5, y=0.5, height=0.5, confidence=0.9):
    """Numbers of a person who stands still in a picture of 64x48: wide enough to have a size."""
    random = np.random.default_rng(1)
    places = (x, y) + (random.uniform(size=(18, 2)) - 0.5) * (height / 3, height)
    return np.column_stack([places * (64, 48), np.full(18, confidence)]).ravel().tolist()


@pytest.fixture
def add_video(tmp_path, make_video):
    """A function that makes a video of 10 pictures a second with a tone, and beside it who is in each picture."""

    def add(people, name="a", pictures=None, sound=TONE):
        path = make_video(tmp_path / f"{name}.mp4", pictures or [GREY] * len(people), fps=10, sound=sound)
        for number, each in enumerate(people):
            text = json.dumps({"people": [{"pose_keypoints_2d": numbers} for numbers in each]})
            storage.write_text(f"{tmp_path}/{name}_openpose/{name}_{number:012d}_keypoints.json", text)
        return {"uri": str(path), "version": "1", "category": "kpop", "song": "gee", "dancer": "mia"}

    return add


SHORT = {"min_usable_s": 0}  # for videos shorter than a clip


@pytest.fixture
def extract(tmp_path):
    """A function that does the three passes for a video; the row of schema.POSES."""

    def do(video, verdict=SHORT, **settings):
        estimator = EstimatorConfig(name="openpose_json")
        folder = tmp_path / "made"
        shutil.rmtree(folder, ignore_errors=True)
        config = ExtractPosesConfig(
            **{
                "videos": str(tmp_path),
                "poses": f"{folder}/poses",
                "estimator": estimator,
                "verdict": verdict,
                **settings,
            }
        )
        files, people = f"{folder}/files", f"{folder}/people"
        file = ProbeVideos()(pa.Table.from_pylist([video]))
        tables.write_part(files, file, video["uri"])
        parts = [] if file["error"][0].is_valid else _parts(config, file.to_pylist()[0])
        for part in parts:
            tables.write_part(people, DetectPeople(config)(pa.Table.from_pylist([part])), part["uri"])
        follow = SelectDancer(config, files, people, f"{folder}/report")
        (row,) = follow(pa.Table.from_pylist([{**video, "parts": [part["uri"] for part in parts]}])).to_pylist()
        return row

    return do


def joints_of(row):
    return schema.from_bytes(row["joints"], "float32", -1, 18, 3)


def test_a_good_video_becomes_a_row_with_the_dancers_joints_and_a_verdict(add_video, extract):
    video = add_video([[person()]] * 12 + [[]] * 8)
    made = extract(video)
    assert made["error"] is None
    assert made["frames"] == 20
    assert (made["song"], made["category"], made["dancer"], made["skeleton"]) == ("gee", "kpop", "mia", "coco18")
    assert (made["width_px"], made["height_px"], made["audio_uri"]) == (64, 48, video["uri"])
    assert made["content_hash"] == storage.content_hash(video["uri"])
    joints = joints_of(made)
    expected = np.array(person()).reshape(18, 3)[:, :2] / (64, 48)
    assert np.allclose(joints[:12, :, :2], expected, atol=1e-3)
    assert np.isnan(joints[12:, :, :2]).all()
    assert made["missing_share"] == pytest.approx(0.4)
    assert (made["repaired_share"], made["switches"], made["cuts"]) == (0, 0, [])
    assert made["people"] == pytest.approx(0.6)
    assert made["loudness_db"] == pytest.approx(-3, abs=1)


def test_a_joint_that_was_filled_stays_marked(add_video, extract):
    hidden = np.array(person()).reshape(18, 3)
    hidden[4] = 0
    people = [[person()]] * 6 + [[hidden.ravel().tolist()]] * 2 + [[person()]] * 12
    made = extract(add_video(people))
    marks = schema.from_bytes(made["marks"], "uint8", 20, 18)
    assert (marks[6:8, 4] == Mark.FILLED).all()
    assert (np.delete(marks, 4, axis=1) == Mark.SEEN).all()
    assert np.isfinite(joints_of(made)[6:8, 4]).all()
    assert made["repaired_share"] == pytest.approx(2 / (20 * 18))


def test_a_video_without_one_usable_second_is_set_aside_with_its_reason(add_video, extract):
    made = extract(add_video([[person()]] * 20), verdict={})
    assert "only 0.0 s of it are usable for clips. Use longer videos" in made["error"]


def test_of_several_people_the_policy_says_who_is_the_dancer(add_video, extract):
    far, near = person(x=0.2, height=0.3), person(x=0.7, height=0.8)
    video = add_video([[far, near] if number < 10 else [far] for number in range(20)])
    assert np.nanmean(joints_of(extract(video, follow="longest"))[:, :, 0]) == pytest.approx(0.2, abs=0.03)
    assert np.nanmean(joints_of(extract(video, follow="largest"))[:, :, 0]) == pytest.approx(0.7, abs=0.05)
    assert extract(video)["people"] == pytest.approx(1.5)


def test_a_cut_is_told_and_no_run_crosses_it(add_video, extract):
    video = add_video([[person()]] * 30, pictures=[HERE] * 14 + [THERE] * 16)
    made = extract(video)
    assert made["cuts"] == [14]
    tracks = schema.from_bytes(made["tracks"], "int32", -1)
    assert tracks[13] != tracks[14]
    assert extract(video, find_cuts=False)["cuts"] == []


def test_a_video_in_parts_gives_what_it_gives_in_one(add_video, extract):
    random = np.random.default_rng(0)
    swaying = [[person(x=0.5 + 0.1 * np.sin(k / 3), y=0.5 + random.normal() * 0.01)] for k in range(45)]
    video = add_video(swaying, pictures=[HERE] * 23 + [THERE] * 22)
    whole, parts = extract(video), extract(video, part_s=1.1)
    assert whole["cuts"] == parts["cuts"] == [23]
    for column in ("joints", "marks", "tracks", "missing_share", "usable_s"):
        assert whole[column] == parts[column]


def test_a_cut_at_the_border_of_two_parts_is_found_once(add_video, extract):
    video = add_video([[person()]] * 40, pictures=[HERE] * 20 + [THERE] * 20)
    assert extract(video, part_s=2)["cuts"] == [20]


def test_parts_cover_a_video_whatever_its_header_says(tmp_path):
    config = ExtractPosesConfig(videos="v", poses="p", part_s=10)
    file = {"uri": "v", "content_hash": "h", "width_px": 2, "height_px": 2, "fps": 25.0, "seconds": 35.0}
    found = [(part["first"], part["stop"]) for part in _parts(config, file)]
    assert found == [(0, 100), (100, 200), (200, None)]
    assert [(part["first"], part["stop"]) for part in _parts(config, {**file, "seconds": None})] == [(0, None)]


def test_two_files_with_the_same_content_are_looked_at_once(tmp_path):
    config = ExtractPosesConfig(videos="v", poses="p")
    file = {"uri": "v", "content_hash": "h", "width_px": 2, "height_px": 2, "fps": 25.0, "seconds": 35.0}
    assert _parts(config, file)[0]["uri"] == _parts(config, {**file, "uri": "copy"})[0]["uri"]


def test_a_video_without_sound_has_no_audio_uri(add_video, extract):
    made = extract(add_video([[person()]] * 20, sound=None))
    assert made["error"] is None
    assert (made["audio_uri"], made["loudness_db"], made["fingerprint"]) == (None, None, None)


def test_a_broken_video_is_set_aside_with_a_reason_and_a_remedy(tmp_path, extract):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"not a video")
    made = extract({"uri": str(path), "version": "1", "category": "kpop", "song": "gee", "dancer": "mia"})
    assert made["joints"] is None
    assert made["error"].startswith(f"{path}: cannot be opened")
    assert "export it again" in made["error"]


def test_what_is_to_know_of_a_videos_sound_is_noted(tmp_path, make_video):
    path = make_video(tmp_path / "silent.mp4", [GREY] * 10, 10, np.zeros(16_000), 16_000)
    made = ProbeVideos().one({"uri": str(path), "version": "1"})
    assert (made["note"], made.get("error")) == ("it is silent", None)


def test_a_missing_file_is_a_row_with_that_reason(tmp_path):
    made = ProbeVideos().one({"uri": str(tmp_path / "gone.mp4"), "version": None})
    assert "does not exist" in made["error"]


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        ({"min_found_share": 0.9}, "no dancer was found in 40% of the frames"),
        ({"max_missing_share": 0.01}, "of the dancer's joints are missing"),
        ({"min_usable_s": 3}, "only 0.0 s of it are usable for clips"),
    ],
)
def test_a_video_past_a_threshold_is_set_aside_and_what_is_known_of_it_stays(add_video, extract, verdict, told):
    half = np.array(person()).reshape(18, 3)
    half[14:] = 0
    made = extract(add_video([[half.ravel().tolist()]] * 12 + [[]] * 8), verdict=verdict)
    assert told in made["error"]
    assert made["frames"] == 20
    assert made["missing_share"] > 0.4


def test_a_table_of_broken_videos_keeps_the_types_of_its_columns(tmp_path):
    rows = [{"uri": str(tmp_path / name), "version": None} for name in ("x.mp4", "y.mp4")]
    files = ProbeVideos()(pa.Table.from_pylist(rows))
    assert files.schema.types == schema.FILES.types
    assert files["error"].null_count == 0


def test_the_report_has_a_picture_of_the_frames_with_the_skeleton_and_the_videos_story(tmp_path, add_video, extract):
    made = extract(add_video([[person()]] * 12 + [[]] * 8))
    (picture,) = (tmp_path / "made" / "report").iterdir()
    line = cv2.imread(str(picture))[-4, :, ::-1].astype(int)
    left, right = line[len(line) // 4], line[-len(line) // 6]
    assert left[1] > left[0], "green: seen"
    assert right[0] > 2 * right[1], "red: lost"
    assert made["error"] is None


def test_everyone_in_each_picture_survives_the_table(add_video, tmp_path):
    video = add_video([[person()], [], [person(x=0.2), person(x=0.8)]])
    config = ExtractPosesConfig(videos="v", poses="p", estimator=EstimatorConfig(name="openpose_json"))
    file = ProbeVideos().one(video)
    (part,) = _parts(config, file)
    found = DetectPeople(config)(pa.Table.from_pylist([part])).to_pylist()[0]
    assert [len(each) for each in people_of(found)] == [1, 0, 2]
    assert found["frames"] == 3
