import json

import numpy as np
import pyarrow as pa
import pytest

from dancegen import schema, storage
from dancegen.settings.extract_poses import EstimatorConfig, ExtractPosesConfig
from dancegen.stages.extract_poses import ExtractPoses


def config(folder, **settings):
    estimator = EstimatorConfig(name="openpose_json")
    return ExtractPosesConfig(videos=str(folder), poses=str(folder / "poses"), estimator=estimator, **settings)


@pytest.fixture
def video(tmp_path, make_video):
    """A second of grey at 10 fps with a tone, and beside it the joints of a person in all frames but the last two."""
    tone = np.sin(np.arange(48_000) / 20).astype(np.float32)
    path = make_video(tmp_path / "a.mp4", [np.full((48, 64, 3), 90, np.uint8)] * 10, fps=10, sound=tone)
    for number in range(10):
        people = [{"pose_keypoints_2d": [32, 24, 0.9] * 18}] if number < 8 else []
        storage.write_text(f"{tmp_path}/a_openpose/a_{number:012d}_keypoints.json", json.dumps({"people": people}))
    return row(path)


def row(path):
    return {"uri": str(path), "version": "1", "category": "kpop", "song": "gee", "dancer": "mia"}


def test_a_good_video_becomes_a_row_with_its_joints(tmp_path, video):
    poses = ExtractPoses(config(tmp_path))(pa.Table.from_pylist([video]))
    (made,) = poses.to_pylist()
    assert made["error"] is None
    assert made["frames"] == 10
    assert (made["song"], made["category"], made["dancer"], made["skeleton"]) == ("gee", "kpop", "mia", "coco18")
    assert (made["width_px"], made["height_px"], made["audio_uri"]) == (64, 48, video["uri"])
    assert made["content_hash"] == storage.content_hash(video["uri"])
    joints = schema.from_bytes(made["joints"], "float32", -1, 18, 3)
    assert np.allclose(joints[:8, :, :2], 0.5)
    assert np.isnan(joints[8:, :, :2]).all()
    assert made["missing_share"] == pytest.approx(0.2)


def test_a_video_without_sound_has_no_audio_uri(tmp_path, video, make_video):
    make_video(tmp_path / "a.mp4", [np.full((48, 64, 3), 90, np.uint8)] * 10, fps=10)
    assert ExtractPoses(config(tmp_path)).one(video)["audio_uri"] is None


def test_a_broken_video_is_set_aside_with_a_reason_and_a_remedy(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"not a video")
    made = ExtractPoses(config(tmp_path)).one(row(path))
    assert made.get("joints") is None
    assert made["error"].startswith(f"{path}: cannot be opened")
    assert "export it again" in made["error"]


def test_a_missing_file_is_a_row_with_that_reason(tmp_path):
    made = ExtractPoses(config(tmp_path)).one(row(tmp_path / "gone.mp4"))
    assert "does not exist" in made["error"]


def test_a_video_with_nobody_in_most_of_it_says_in_how_much(tmp_path, video):
    made = ExtractPoses(config(tmp_path, min_found_share=0.9)).one(video)
    assert "nobody was found in 20% of the frames" in made["error"]


def test_a_table_of_broken_videos_keeps_the_types_of_its_columns(tmp_path):
    rows = [row(tmp_path / name) for name in ("x.mp4", "y.mp4")]
    poses = ExtractPoses(config(tmp_path))(pa.Table.from_pylist(rows))
    assert poses.schema.types == schema.POSES.types
    assert poses["error"].null_count == 0


def test_an_empty_table_gives_an_empty_table(tmp_path):
    empty = pa.Table.from_pylist([], schema=schema.VIDEOS)
    assert ExtractPoses(config(tmp_path))(empty).num_rows == 0


def test_a_preview_shows_the_frames_with_the_skeleton_over_them(tmp_path, video):
    ExtractPoses(config(tmp_path, previews=str(tmp_path / "previews"))).one(video)
    assert (tmp_path / "previews" / "a.mp4.jpg").stat().st_size > 1000
