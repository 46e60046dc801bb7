"""A tiny corpus through the stage: repeatable, and its truth is what the pictures show."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from dancegen import schema, storage
from dancegen.config import load
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.structure import BEATS_PER_BAR, CATEGORIES, compose
from dancegen.drawing.draw import LOOKS
from dancegen.errors import ConfigError
from dancegen.media import audio
from dancegen.media.video import frames, probe
from dancegen.steps.make_corpus.pipeline import _rows, _songs
from dancegen.steps.make_corpus.settings import Category, MakeCorpusConfig
from dancegen.steps.make_corpus.stage import MakeCorpus


def config_of(folder, **changes):
    tiny = {"seconds": 5, "fps": 10, "width_px": 160, "height_px": 120, "look": "skeleton"}
    return MakeCorpusConfig(output=str(folder), **{**tiny, **changes})


def make(folder, category="kpop", song_seed=3, dancer_seed=1, style=None, **changes):
    stage = MakeCorpus(config_of(folder, **changes))
    row = {
        "uri": storage.join(str(folder), "videos", category, "a.mp4"),
        "song_uri": storage.join(str(folder), "songs", "a.wav"),
        "category": category,
        "style": style or category,
        "song_seed": song_seed,
        "dancer_seed": dancer_seed,
    }
    return stage.one(row), row


def truth_files(video):
    return sorted(Path(video.removesuffix(".mp4") + "_openpose").iterdir())


def truth(video):
    people = [json.loads(file.read_text())["people"] for file in truth_files(video)]
    return np.array([person["pose_keypoints_2d"] for (person,) in people]).reshape(len(people), 18, 3)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    row, asked = make(folder)
    return row, asked


def test_a_row_says_what_was_made(made):
    row, asked = made
    assert row.get("error") is None
    assert row["uri"] == asked["uri"]
    assert (row["category"], row["song"]) == ("kpop", compose("kpop", 3, 5).song)
    assert schema.table(schema.VIDEOS, [row]).num_rows == 1


def test_the_video_has_the_pictures_and_the_sound_of_the_song(made):
    row, asked = made
    info = probe(Path(row["uri"]), row["uri"])
    song = compose("kpop", 3, 5)
    assert (info.width_px, info.height_px, info.fps, info.has_audio) == (160, 120, 10, True)
    assert row["frames"] == len(list(frames(Path(row["uri"]), row["uri"], 10))) == len(truth_files(row["uri"]))
    assert row["frames"] / 10 == pytest.approx(song.seconds, abs=0.1)
    in_video = audio.load(Path(row["uri"]), "video")
    in_song = audio.load(Path(asked["song_uri"]), "song")
    length = min(len(in_video), len(in_song))
    assert np.corrcoef(in_video[:length], in_song[:length])[0, 1] > 0.95


def test_the_truth_is_what_was_drawn(made):
    row, _ = made
    joints = truth(row["uri"])
    pictures = list(frames(Path(row["uri"]), row["uri"], 10))
    for index in (0, 20, 40):
        drawn = LOOKS["skeleton"](joints[index].astype(np.float32), 160, 120)
        assert np.abs(drawn.astype(int) - pictures[index]).mean() < 6  # what the codec changes
        assert (
            np.abs(drawn.astype(int) - pictures[index - 7]).mean() > np.abs(drawn - pictures[index].astype(int)).mean()
        )


def test_the_truth_is_the_choreography_to_the_last_digit(made):
    row, _ = made
    stage = MakeCorpus(config_of("unused"))
    joints = stage.joints(compose("kpop", 3, 5), Dancer.from_seed(1), "kpop")
    assert np.array_equal(truth(row["uri"]).astype(np.float32), joints)


def test_all_joints_are_in_the_picture_and_the_feet_near_its_lower_edge(made):
    row, _ = made
    x, y, confidence = np.moveaxis(truth(row["uri"]), -1, 0)
    assert (confidence == 1).all()
    assert 0 < x.min() < x.max() < 160
    assert y.min() > 0
    assert 0.85 * 120 < y.max() < 120


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_same_seeds_give_the_same_bytes_of_sound_and_of_joints(tmp_path, category):
    results = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        row, asked = make(folder, category)
        joints = [file.read_bytes() for file in truth_files(row["uri"])]
        results.append((Path(asked["song_uri"]).read_bytes(), joints))
    assert results[0] == results[1]


def test_another_dancer_dances_otherwise_to_the_same_song(made, tmp_path):
    row, asked = made
    other_row, other_asked = make(tmp_path, dancer_seed=2)
    assert Path(asked["song_uri"]).read_bytes() == Path(other_asked["song_uri"]).read_bytes()
    assert other_row["dancer"] != row["dancer"]
    assert not np.array_equal(truth(row["uri"]), truth(other_row["uri"]))


def test_a_corpus_can_be_made_on_s3(s3):
    row, asked = make(s3)
    assert row.get("error") is None
    assert storage.exists(asked["song_uri"])
    files = storage.find(row["uri"].removesuffix(".mp4") + "_openpose", (".json",))
    assert len(files) == row["frames"]


def test_a_place_that_cannot_be_written_is_a_reason_in_the_row(tmp_path):
    (tmp_path / "songs").write_text("in the way")
    row, _ = make(tmp_path)
    assert row["error"].startswith(str(tmp_path / "songs"))
    assert row.get("frames") is None


def test_a_dancer_dances_the_style_that_is_asked_for_to_the_songs_beat(made, tmp_path):
    row, asked = made
    other, other_asked = make(tmp_path, style="krump")
    assert (other["category"], other["song"]) == ("krump", row["song"])
    assert Path(asked["song_uri"]).read_bytes() == Path(other_asked["song_uri"]).read_bytes()
    assert not np.array_equal(truth(row["uri"]), truth(other["uri"]))


def styles_drawn(share, **changes):
    """Category of song and dance, and beats per bar, by video."""
    config = config_of("out", other_styles=share, songs_per_category=20, dancers_per_song=3, **changes)
    songs = {song.song: song for song in _songs(config)}
    return {
        row["uri"].rpartition("/")[2]: (row["category"], row["style"], songs[name_of_song(row)].beats_per_bar)
        for row in _rows(config, list(songs.values()))
    }


def name_of_song(row):
    return storage.stem(row["song_uri"])


def test_so_many_videos_as_the_settings_say_have_another_style_and_always_the_same_ones():
    drawn = styles_drawn(0.5)
    assert drawn == styles_drawn(0.5)
    others = {name: style for name, (category, style, _) in drawn.items() if style != category}
    free = [beats for _, _, beats in drawn.values() if beats == 4]
    assert len(others) / len(free) == pytest.approx(0.5, abs=0.07)
    assert set(others.values()) == set(CATEGORIES)
    fewer = {name: style for name, (category, style, _) in styles_drawn(0.2).items() if style != category}
    assert fewer.items() < others.items()


def test_a_corpus_without_other_styles_is_that_of_earlier_releases():
    assert all(style == category for category, style, _ in styles_drawn(0.0).values())
    (row, *_) = _rows(config_of("out"), _songs(config_of("out"))[:1])
    assert row["uri"].rpartition("/")[0].endswith(f"videos/{row['category']}")


def test_a_song_in_three_is_danced_in_a_style_that_has_such_bars():
    drawn = styles_drawn(1.0)
    assert {category for category, _, beats in drawn.values() if beats == 3} == {"ballet"}
    for category, style, beats in drawn.values():
        assert beats in BEATS_PER_BAR[style]
        assert (style == category) == (beats == 3)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["look=human"], "not with look=human or recordings"),
        (["recordings=poses"], "not with look=human or recordings"),
        (["categories=[krump]"], "needs two categories or more"),
    ],
)
def test_other_styles_need_the_choreography_of_several_categories(words, told):
    with pytest.raises(ConfigError, match=f"other_styles=0.5 .*{told}"):
        load(MakeCorpusConfig, None, ["output=out", "other_styles=0.5", *words])


def test_a_table_of_no_rows_gives_a_table_of_no_rows(tmp_path):
    rows = schema.table(schema.VIDEOS, [])
    assert MakeCorpus(config_of(tmp_path))(rows).schema.names == schema.VIDEOS.names


def test_a_wide_dance_is_filmed_from_further_away():
    pose = np.zeros((2, 18, 2), np.float32)
    pose[0, :, 0], pose[1, :, 0], pose[:, 9:, 1] = -5, 5, 2
    joints = film(pose, 200, 100, seed=0)
    assert 0 < joints[..., 0].min() < joints[..., 0].max() < 200
    width, height = np.ptp(joints[..., 0]), np.ptp(joints[..., 1])
    assert width / height == pytest.approx(10 / 2, rel=0.01)


def test_the_settings_know_all_categories():
    assert get_args(Category) == CATEGORIES


def test_more_dancers_a_song_than_there_are_is_a_mistake():
    with pytest.raises(ConfigError, match="dancers_per_song=3 is more than dancers=2"):
        load(MakeCorpusConfig, None, ["output=out", "dancers=2", "dancers_per_song=3"])


def test_the_shipped_settings_can_be_used():
    config = load(MakeCorpusConfig, "configs/make_corpus.yaml")
    assert set(config.categories) == set(CATEGORIES)
