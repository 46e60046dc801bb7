"""extract_poses and cut_clips as jobs, one after the other, on S3."""

import hashlib
import json

import numpy as np
import pytest

from dancegen import schema, storage, tables
from dancegen.pipelines import cut_clips, extract_poses
from dancegen.settings.cut_clips import CutClipsConfig
from dancegen.settings.extract_poses import EstimatorConfig, ExtractPosesConfig

pytestmark = pytest.mark.ray

# In the order in which they are taken for testing.
SONGS = sorted((f"song{number}" for number in range(3)), key=lambda song: hashlib.sha256(song.encode()).hexdigest())


@pytest.fixture
def add_video(tmp_path, s3, make_video):
    """A function that puts a video of six seconds, with sound and OpenPose's files, on S3."""
    times = np.arange(6 * 16_000) / 16_000
    clicks = (np.sin(times * 880) * np.exp(-(times % 0.5) * 30)).astype(np.float32)
    local = make_video(tmp_path / "video.mp4", [np.full((48, 64, 3), 90, np.uint8)] * 60, 10, clicks, 16_000)

    def add(song):
        storage.copy(str(local), f"{s3}/videos/kpop/{song}.mp4")
        for number in range(60):
            people = [{"pose_keypoints_2d": [32, 24, 0.9] * 18}]
            uri = f"{s3}/videos/kpop/{song}_openpose/{song}_{number:012d}_keypoints.json"
            storage.write_text(uri, json.dumps({"people": people}))

    return add


def extract(s3):
    estimator = EstimatorConfig(name="openpose_json")
    config = ExtractPosesConfig(videos=f"{s3}/videos", poses=f"{s3}/poses", estimator=estimator, actors=1)
    return extract_poses.run(config)


def cut(s3):
    return cut_clips.run(CutClipsConfig(poses=f"{s3}/poses", clips=f"{s3}/clips", actors=1))


def sides(s3):
    """(song, split) of all clips, and their number."""
    clips = tables.read(f"{s3}/clips", schema.CLIPS, ["song", "split"]).to_pylist()
    return {(clip["song"], clip["split"]) for clip in clips}, len(clips)


def test_videos_become_clips_and_a_song_that_changes_sides_leaves_nothing_behind(ray_session, s3, add_video):
    add_video(SONGS[1])
    add_video(SONGS[2])
    storage.write_bytes(f"{s3}/videos/kpop/broken.mp4", b"no video")
    assert extract(s3).bad == 1
    assert cut(s3).bad == 0
    assert sides(s3) == ({(SONGS[1], "test"), (SONGS[2], "train")}, 2)

    add_video(SONGS[0])
    assert extract(s3).done_before == 2
    assert cut(s3).done_before == 1, "only the song that stays where it was"
    assert sides(s3) == ({(SONGS[0], "test"), (SONGS[1], "train"), (SONGS[2], "train")}, 3)
    assert len(tables.parts(f"{s3}/clips")) == 3
