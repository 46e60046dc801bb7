import numpy as np
import pytest
from pydantic import ValidationError

from dancegen.errors import BadMediaError, ConfigError
from dancegen.steps.import_poses.formats import IMPORTERS, sources
from dancegen.steps.import_poses.formats.recording import find_sound, frame_times, nearest_frames
from dancegen.steps.import_poses.settings import ImportPosesConfig


def config(folder, **settings):
    return ImportPosesConfig(source=str(folder), poses=str(folder / "poses"), **settings)


@pytest.mark.parametrize(
    ("rate", "frames"), [(60, 576), (30, 885), (40, 2820), (25, 101), (12, 40), (10, 100), (8, 80)]
)
def test_the_frame_that_is_taken_is_the_nearest_in_time_and_no_time_is_lost(rate, frames):
    taken = nearest_frames(frame_times(frames, rate), 10)
    late_s = taken / rate - np.arange(len(taken)) / 10
    assert np.abs(late_s[:-1]).max() <= 0.5 / rate + 1e-9
    assert len(taken) == np.ceil(frames / rate * 10 - 1e-6)
    assert taken[0] == 0
    assert taken[-1] <= frames - 1


def test_frames_of_uneven_times_are_taken_by_their_times():
    times_s = np.array([0.0, 0.02, 0.09, 0.11, 0.31, 0.33])
    assert nearest_frames(times_s, 10).tolist() == [0, 2, 3, 4]


def test_a_single_frame_gives_a_single_pose():
    assert nearest_frames(np.zeros(1), 10).tolist() == [0]


def test_files_of_the_format_are_found_at_any_depth_whatever_else_lies_there(tmp_path):
    for name in ("a.bvh", "deep/er/b.BVH", "c.txt", "d.pkl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert sources(config(tmp_path, format="bvh")) == [str(tmp_path / "a.bvh"), str(tmp_path / "deep/er/b.BVH")]
    assert sources(config(tmp_path / "a.bvh", format="bvh")) == [str(tmp_path / "a.bvh")]


def test_a_source_of_openpose_is_a_folder(tmp_path):
    for name in ("one/a_0_keypoints.json", "one/a_1_keypoints.json", "two_openpose/b_0_keypoints.json", "three/c.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = [str(tmp_path / "one"), str(tmp_path / "two_openpose")]
    assert sources(config(tmp_path, format="openpose")) == found
    assert sources(config(tmp_path / "one", format="openpose")) == found[:1]


@pytest.mark.parametrize("name", IMPORTERS)
def test_a_folder_without_files_of_the_format_is_told_with_what_they_are_named_like(tmp_path, name):
    with pytest.raises(ConfigError, match=f"contains no files .*{IMPORTERS[name][1]}.*format={name}"):
        sources(config(tmp_path, format=name))


def test_a_song_is_found_by_its_name_at_any_depth(tmp_path):
    (tmp_path / "breaks").mkdir()
    (tmp_path / "breaks/mBR2.mp3").write_bytes(b"x")
    (tmp_path / "mBR20.mp3").write_bytes(b"x")
    (tmp_path / "mBR2.txt").write_bytes(b"x")
    assert find_sound(str(tmp_path), "mBR2", "dance.pkl") == str(tmp_path / "breaks/mBR2.mp3")
    assert find_sound(None, "mBR2", "dance.pkl") is None


def test_a_song_that_the_music_folder_lacks_is_told_rather_than_left_silent(tmp_path):
    with pytest.raises(BadMediaError, match=r"dance.pkl: has no audio: there is no mBR3\.\*"):
        find_sound(str(tmp_path), "mBR3", "dance.pkl")


@pytest.mark.parametrize(
    ("name", "cameras", "problem"),
    [
        ("aistpp", ["c01", "c10"], "'c10'.*c01, c02"),
        ("aistpp", [30], "30.*c01, c02"),
        ("bvh", ["c01"], "'c01'.*degrees"),
        ("openpose", [0], "one camera"),
        ("paper_json", [0], "one camera"),
    ],
)
def test_cameras_that_a_format_does_not_have_are_refused(tmp_path, name, cameras, problem):
    with pytest.raises(ValidationError, match=problem):
        config(tmp_path, format=name, cameras=cameras)
