"""extract_poses and cut_clips as jobs, one after the other, on S3."""

import hashlib
import json

import numpy as np
import pytest

from dancegen import schema, storage, tables
from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import compose
from dancegen.steps.cut_clips import pipeline as cut_clips
from dancegen.steps.cut_clips.settings import CutClipsConfig
from dancegen.steps.extract_poses import pipeline as extract_poses
from dancegen.steps.extract_poses.settings import EstimatorConfig, ExtractPosesConfig

pytestmark = pytest.mark.ray
PERSON = [number for joint in range(18) for number in (20 + 24 * (joint % 3) / 2, 8 + 2 * joint, 0.9)]

# The first is taken for testing, and the last for validation.
SONGS = sorted((f"song{number}" for number in range(3)), key=lambda song: hashlib.sha256(song.encode()).hexdigest())


@pytest.fixture
def add_video(tmp_path, s3, make_video):
    """A function that puts a video of six seconds, with a song of its own and OpenPose's files, on S3."""

    def add(song):
        sound = synthesize(compose("kpop", SONGS.index(song), 8.0), 16_000)[: 6 * 16_000]
        pictures = [np.full((48, 64, 3), 90, np.uint8)] * 60
        local = make_video(tmp_path / f"{song}.mp4", pictures, 10, sound, 16_000)
        storage.copy(str(local), f"{s3}/videos/kpop/{song}.mp4")
        for number in range(60):
            people = [{"pose_keypoints_2d": PERSON}]
            uri = f"{s3}/videos/kpop/{song}_openpose/{song}_{number:012d}_keypoints.json"
            storage.write_text(uri, json.dumps({"people": people}))

    return add


def extract(s3):
    estimator = EstimatorConfig(name="openpose_json")
    config = ExtractPosesConfig(
        videos=f"{s3}/videos", poses=f"{s3}/poses", estimator=estimator, actors=1, max_error_fraction=0.5
    )
    return extract_poses.run(config)


def cut(s3):
    return cut_clips.run(CutClipsConfig(poses=f"{s3}/poses", clips=f"{s3}/clips", actors=1))


def sides(s3):
    """(song, split) of all clips, and their number."""
    clips = tables.read(f"{s3}/clips", schema.CLIPS, ["song", "split"]).to_pylist()
    return {(clip["song"], clip["split"]) for clip in clips}, len(clips)


def test_videos_become_clips_and_a_song_that_changes_sides_leaves_nothing_behind(ray_session, s3, add_video):
    add_video(SONGS[0])
    add_video(SONGS[2])
    storage.write_bytes(f"{s3}/videos/kpop/broken.mp4", b"no video")
    assert extract(s3).bad == 1
    assert cut(s3).bad == 0
    assert sides(s3) == ({(SONGS[0], "train"), (SONGS[2], "validation")}, 2)

    add_video(SONGS[1])
    assert extract(s3).done_before == 2
    assert cut(s3).done_before == 1, "only the song that stays where it was"
    assert storage.exists(f"{s3}/poses_report/index.html")
    assert storage.exists(f"{s3}/clips_report/index.html")
    assert sides(s3) == ({(SONGS[0], "test"), (SONGS[1], "train"), (SONGS[2], "validation")}, 3)
    assert len(tables.parts(f"{s3}/clips")) == 3
