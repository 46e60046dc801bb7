import json

import numpy as np
import pytest

from dancegen import storage
from dancegen.errors import BadMediaError
from dancegen.skeleton import COCO18
from dancegen.steps.import_poses.formats import recordings
from dancegen.steps.import_poses.settings import ImportPosesConfig

TONE = 0.5 * np.sin(np.arange(16_000) * 0.1)
SIZE = {"width_px": 200, "height_px": 100, "source_fps": 30}


def person(x, y=50.0, confidence=0.8, joints=18):
    return np.tile([x, y, confidence], joints).tolist()


def write(folder, frames):
    """OpenPose's files: the people of each frame."""
    for number, people in enumerate(frames):
        text = json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": numbers} for numbers in people]})
        storage.write_text(f"{folder}/dance_{number:012d}_keypoints.json", text)
    return str(folder)


def read(source, **settings):
    (found,) = recordings(ImportPosesConfig(format="openpose", source=source, poses="poses", **settings), source)
    return found


@pytest.mark.parametrize("joints", [17, 18, 25])
def test_a_folder_is_a_recording_at_the_wanted_rate(tmp_path, joints):
    source = write(tmp_path / "dance_openpose", [[person(number, joints=joints)] for number in range(60)])
    found = read(source, dancer="me", category="kpop", **SIZE)
    assert (found.uri, found.song, found.dancer, found.category) == (source, "dance", "me", "kpop")
    assert (found.width_px, found.height_px, found.fps, found.audio_uri) == (200, 100, 10, None)
    assert found.joints.shape == (20, 18, 3)
    assert found.joints.dtype == np.float32
    np.testing.assert_allclose(found.joints[:, COCO18.index("nose"), 0] * 200, np.arange(0, 60, 3), atol=1e-4)
    np.testing.assert_allclose(found.joints[1:, :, 1:], np.broadcast_to((0.5, 0.8), (19, 18, 2)), rtol=1e-6)


def test_the_most_confident_person_of_each_frame_is_taken_and_nobody_is_missing(tmp_path):
    frames = [[person(10, confidence=0.5), person(20, confidence=0.9)], [], [person(30), person(40, confidence=0.7)]]
    joints = read(write(tmp_path / "dance", frames), **(SIZE | {"source_fps": 10})).joints
    assert joints[0, 0].tolist() == pytest.approx([0.1, 0.5, 0.9])
    assert np.isnan(joints[1, :, :2]).all()
    assert (joints[1, :, 2] == 0).all()
    assert joints[2, 0].tolist() == pytest.approx([0.15, 0.5, 0.8])


def test_a_joint_that_was_not_found_or_hardly_is_missing(tmp_path):
    one = person(10)
    one[0:3] = [0, 0, 0]
    one[12:15] = [10, 50, 0.2]
    joints = read(write(tmp_path / "dance", [[one]]), **SIZE).joints
    assert np.flatnonzero(joints[0, :, 2] == 0).tolist() == [0, 4]
    assert np.isnan(joints[0, [0, 4], :2]).all()


@pytest.mark.parametrize("folder", ["dance", "dance_openpose"])
def test_the_video_beside_tells_size_and_rate_and_is_the_sound(tmp_path, make_video, folder):
    video = make_video(tmp_path / "dance.mp4", [np.zeros((48, 64, 3), np.uint8)] * 20, 20, TONE, 16_000)
    found = read(write(tmp_path / folder, [[person(number)] for number in range(20)]), width_px=9, source_fps=99)
    assert (found.width_px, found.height_px, found.audio_uri) == (64, 48, str(video))
    np.testing.assert_allclose(found.joints[:, 0, 0] * 64, np.arange(0, 20, 2), atol=1e-4)


def test_a_silent_video_gives_no_sound_and_a_song_beside_it_does(tmp_path, make_video, make_sound):
    make_video(tmp_path / "dance.mp4", [np.zeros((48, 64, 3), np.uint8)] * 20, 20)
    source = write(tmp_path / "dance", [[person(1)]] * 20)
    assert read(source).audio_uri is None
    song = make_sound(tmp_path / "dance.mp3", TONE, 16_000)
    assert (read(source).audio_uri, read(source).width_px) == (str(song), 64)


def test_the_folder_of_music_is_looked_into_first(tmp_path, make_video, make_sound):
    (tmp_path / "music").mkdir()
    make_video(tmp_path / "dance.mp4", [np.zeros((48, 64, 3), np.uint8)] * 20, 20, TONE, 16_000)
    song = make_sound(tmp_path / "music/dance.mp3", TONE, 16_000)
    found = read(write(tmp_path / "dance", [[person(1)]] * 20), music=str(tmp_path / "music"))
    assert (found.audio_uri, found.width_px) == (str(song), 64)


def test_a_song_that_is_nowhere_is_told_when_there_is_a_folder_of_music(tmp_path):
    (tmp_path / "songs").mkdir()
    source = write(tmp_path / "dance", [[person(1)]])
    with pytest.raises(BadMediaError, match=r"has no audio: there is no dance\.\*"):
        read(source, music=str(tmp_path / "songs"), **SIZE)


def test_without_a_video_the_settings_that_lack_are_told_together(tmp_path):
    source = write(tmp_path / "dance", [[person(1)]])
    with pytest.raises(BadMediaError, match=r"has no video .*, and height_px, source_fps is not set") as raised:
        read(source, width_px=200)
    assert raised.value.subject == source


def test_two_folders_of_one_name_are_told_rather_than_mixed_up(tmp_path):
    write(tmp_path / "dance_openpose", [[person(1)]])
    source = write(tmp_path / "dance", [[person(1)]])
    with pytest.raises(BadMediaError, match="is beside dance_openpose"):
        read(source, **SIZE)


def test_a_damaged_file_is_named(tmp_path):
    source = write(tmp_path / "dance", [[person(1)]] * 2)
    storage.write_text(f"{source}/dance_000000000001_keypoints.json", "{")
    with pytest.raises(BadMediaError, match=r"dance_000000000001_keypoints.json: is not OpenPose JSON"):
        read(source, **(SIZE | {"source_fps": 10}))


def test_a_folder_on_s3_is_read(s3):
    found = read(write(f"{s3}/lots/dance", [[person(1)]] * 6), **SIZE)
    assert (found.uri, len(found.joints)) == (f"{s3}/lots/dance", 2)
