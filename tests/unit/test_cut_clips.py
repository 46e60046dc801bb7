import numpy as np
import pyarrow as pa
import pytest

from dancegen import schema, storage, tables
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.pose.clean import Mark
from dancegen.steps.cut_clips.settings import CutClipsConfig
from dancegen.steps.cut_clips.stage import CutClips

SECONDS = 12
RATE = 16_000


def clicks():
    """A click every half second over a quiet tone."""
    times = np.arange(SECONDS * RATE) / RATE
    return (np.sin(times * 880) * np.exp(-(times % 0.5) * 30) + 0.05 * np.sin(times * 2000)).astype(np.float32)


@pytest.fixture
def config(tmp_path):
    return CutClipsConfig(poses=str(tmp_path / "poses"), clips=str(tmp_path / "clips"))


@pytest.fixture
def add_pose(tmp_path, config, make_sound):
    """A function that adds a row of good poses with sound to the table of poses, and gives what the stage reads."""
    tables.begin(config.poses, schema.POSES, {})
    song = make_sound(tmp_path / "song.wav", clicks(), RATE)

    def add(name="a", category="kpop", split="train", frames=SECONDS * 10, **changes):
        random = np.random.default_rng(ord(name))
        joints = np.concatenate([random.uniform(0.4, 0.6, (frames, 18, 2)), np.ones((frames, 18, 1))], axis=-1)
        marks = np.full((frames, 18), Mark.SEEN)
        joints[20:22, 0], marks[20:22, 0] = (np.nan, np.nan, 0), Mark.MISSING
        marks[25, :9] = Mark.FILLED
        pose = {
            **{"uri": f"/videos/{name}.mp4", "version": "1", "content_hash": f"hash of {name}", "category": category},
            **{"song": name, "dancer": "mia", "skeleton": "coco18", "fps": 10.0, "frames": frames},
            **{"width_px": 160, "height_px": 90, "audio_uri": str(song), "joints": schema.to_bytes(joints, "float32")},
            **{"marks": schema.to_bytes(marks, "uint8"), "tracks": schema.to_bytes(np.zeros(frames), "int32")},
            **{"cuts": [], "loudness_db": -20.0, "tempo_bpm": 120.0, "tempo_confidence": 0.9},
            **changes,
        }
        tables.write_part(config.poses, schema.table(schema.POSES, [pose]), pose["uri"])
        return {"uri": pose["uri"], "version": "1", "split": split, "category": category, "copy_of": None}

    return add


def clips_of(config):
    return tables.read(config.clips, schema.CLIPS).to_pylist()


def test_a_copy_of_a_video_gives_no_clips_of_its_own(config, add_pose):
    cut = CutClips(config).one({**add_pose("b"), "copy_of": "/videos/a.mp4"})
    assert cut["error"].startswith("/videos/b.mp4: is a duplicate of /videos/a.mp4.")
    assert not tables.parts(config.clips)


def test_clips_hold_joints_sound_and_rhythm_of_the_same_five_seconds(config, add_pose):
    cut = CutClips(config).one(add_pose())
    assert cut.get("error") is None
    clips = clips_of(config)
    assert cut["clips"] == len(clips) == 3
    assert [clip["start_s"] for clip in clips] == [0.0, 2.5, 5.0]
    for clip in clips:
        assert schema.from_bytes(clip["joints"], "float32", 50, 18, 3).shape
        assert schema.from_bytes(clip["rhythm"], "float32", 50, len(RHYTHM_CHANNELS)).shape
        sound = schema.from_bytes(clip["audio"], "int16", 80_000) / 32767
        loud = np.abs(sound.reshape(10, 8000)).argmax(axis=1)
        assert (loud < 200).all(), "a click at the start of each half second"
        assert clip["aspect"] == pytest.approx(16 / 9)
        assert (clip["loudness_db"], clip["tempo_bpm"]) == (-20, 120)
    assert clips[0]["missing_share"] == pytest.approx(2 / (50 * 18))
    marks = schema.from_bytes(clips[0]["marks"], "uint8", 50, 18)
    assert (marks[25, :9] == Mark.FILLED).all(), "the masks go with the clips"
    assert clips[0]["repaired_share"] == pytest.approx(9 / (50 * 18))


def test_windows_that_give_no_clip_are_counted_by_reason(config, add_pose):
    tracks = np.repeat([0, 1], [70, 50])
    cut = CutClips(config).one(add_pose(cuts=[70], tracks=schema.to_bytes(tracks, "int32")))
    assert cut["clips"] == 1
    assert dict(cut["left_out"]) == {"it contains a shot cut": 2}


def test_a_video_left_out_of_the_split_gives_no_clips_and_says_why(config, add_pose):
    cut = CutClips(config).one(add_pose(split="left_out"))
    assert (cut["clips"], dict(cut["left_out"])) == (0, {"its dancer is held out in another split": 3})
    assert tables.parts(config.clips) == []


def test_the_same_clip_has_the_same_id_and_another_has_another(config, add_pose):
    stage = CutClips(config)
    row = add_pose()
    stage.one(row)
    first = [clip["clip_id"] for clip in clips_of(config)]
    stage.one(row)
    assert [clip["clip_id"] for clip in clips_of(config)] == first
    stage.one(add_pose("b"))
    ids = [clip["clip_id"] for clip in clips_of(config)]
    assert len(set(ids)) == len(ids) == 6


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"audio_uri": None}, "has no audio"),
        ({"audio_uri": "/gone.mp4"}, "does not exist"),
        ({"frames": 30}, "the video is shorter than a clip"),
        ({"fps": 7.0}, "7 poses per second"),
        ({"loudness_db": -90.0}, r"is silent (-90 dBFS)"),
        ({"tempo_confidence": 0.1}, "has no steady beat (confidence 0.10)"),
    ],
)
def test_a_video_that_gives_no_clips_says_why(config, add_pose, changes, told):
    config = config.model_copy(update={"min_tempo_confidence": 0.3})
    assert told in CutClips(config).one(add_pose(**changes))["error"]


def test_a_video_that_turned_silent_is_set_aside_and_its_old_clips_go(config, add_pose):
    stage = CutClips(config)
    stage.one(add_pose())
    assert "is silent" in stage.one(add_pose(loudness_db=-100.0))["error"]
    assert tables.parts(config.clips) == []


def test_any_name_of_a_category_can_be_stored(config, add_pose):
    CutClips(config).one(add_pose(category="K/pop = 舞"))
    assert [clip["category"] for clip in clips_of(config)] == ["K/pop = 舞"] * 3


def test_a_split_is_a_folder_of_the_table(config, add_pose):
    for name, split in (("a", "train"), ("b", "test")):
        CutClips(config).one(add_pose(name, split=split))
    assert tables.parts(config.clips) == sorted(
        tables.parts(config.clips, "test") + tables.parts(config.clips, "train")
    )
    (part,) = tables.parts(config.clips, "test")
    assert part == storage.join(config.clips, "test", tables.part_name("/videos/b.mp4"))


def test_a_table_of_bad_videos_keeps_the_types_of_its_columns(config, add_pose):
    cuts = CutClips(config)(pa.Table.from_pylist([add_pose(audio_uri=None)]))
    assert cuts.schema.types == schema.CUTS.types
