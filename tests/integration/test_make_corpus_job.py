"""make_corpus on a real Ray: the corpus is whole, goes on where it stopped, and the next step can read it."""

import csv
from pathlib import Path

import numpy as np
import pyarrow.dataset as pads
import pytest

from dancegen import schema, storage, tables
from dancegen.corpus.structure import compose
from dancegen.errors import TableError
from dancegen.media.container import VIDEO_SUFFIXES
from dancegen.media.inputs import list_media
from dancegen.steps.make_corpus.pipeline import run
from dancegen.steps.make_corpus.settings import MakeCorpusConfig

pytestmark = pytest.mark.ray


def tiny(output, **changes):
    settings = {
        "categories": ("kpop", "ballet"),
        "songs_per_category": 1,
        "dancers": 3,
        "seconds": 4,
        "fps": 10,
        "width_px": 96,
        "height_px": 96,
        "look": "skeleton",
        "actors": 1,
    }
    return MakeCorpusConfig(output=str(output), **{**settings, **changes})


def videos_in(output):
    return list_media(storage.join(str(output), "videos.csv"), VIDEO_SUFFIXES)


def test_a_corpus_is_made_continued_and_read(ray_session, tmp_path):
    output = tmp_path / "corpus"
    summary = run(tiny(output))
    assert (summary.rows, summary.bad) == (4, 0)
    videos = videos_in(output)
    assert all(Path(video["uri"]).is_file() for video in videos)
    assert {video["category"] for video in videos} == {"kpop", "ballet"}
    assert len({video["dancer"] for video in videos}) == 3

    songs = tables.read(str(output / "songs_table"), schema.SONGS, where=pads.field("category") == "ballet").to_pylist()
    (song,) = songs
    plan = compose("ballet", 0, 4)
    assert Path(song["uri"]).is_file()
    assert np.allclose(song["beats"], plan.beats)
    assert np.allclose(song["downbeats"], plan.downbeats)

    lost, kept = Path(videos[0]["uri"]), Path(videos[1]["uri"])
    before = kept.stat().st_mtime_ns
    lost.unlink()
    summary = run(tiny(output, songs_per_category=2))
    assert (summary.rows, summary.done_before) == (8, 3)
    assert lost.is_file()
    assert kept.stat().st_mtime_ns == before
    assert len(videos_in(output)) == 8

    with pytest.raises(TableError, match="different settings"):
        run(tiny(output, fps=20))


def test_a_corpus_on_s3_lists_its_videos_below_the_list(ray_session, s3):
    run(tiny(f"{s3}/corpus", categories=("popping",), dancers_per_song=1))
    rows = list(csv.DictReader(storage.read_text(f"{s3}/corpus/videos.csv").splitlines()))
    assert [row["uri"] for row in rows] == ["videos/popping/popping-000000_d0002.mp4"]
    (video,) = videos_in(f"{s3}/corpus")
    assert storage.exists(video["uri"])
