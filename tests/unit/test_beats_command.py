"""`dancegen beats`: the table and the picture of a song."""

import csv

import av
import numpy as np
import pytest
from click.testing import CliRunner

from dancegen.cli import main
from dancegen.corpus.music.practice import practice_song
from dancegen.media.audio import SAMPLE_RATE
from dancegen.media.marks import BEATS_HEADER

BPM = 168.0


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """The file of a song."""
    path = tmp_path_factory.mktemp("song") / "song.wav"
    samples = practice_song(11, 16.0, SAMPLE_RATE, "two_step", BPM).samples
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def run(*arguments):
    return CliRunner().invoke(main, ["beats", *map(str, arguments)])


def test_the_table_has_a_row_per_beat_and_the_picture_shows_the_song(song, tmp_path):
    table, picture = tmp_path / "beats.csv", tmp_path / "beats.png"
    result = run(song, "-o", table, "--picture", picture)
    assert result.exit_code == 0, result.output
    assert "168" in result.output
    assert "counted as 84" in result.output
    rows = list(csv.DictReader(table.open()))
    assert tuple(rows[0]) == BEATS_HEADER
    assert float(np.median([float(row["bpm"]) for row in rows])) == pytest.approx(BPM, rel=0.01)
    assert np.mean([row["counted"] == "1" for row in rows]) == pytest.approx(0.5, abs=0.1)
    assert picture.stat().st_size > 10_000
    assert run(song, "-o", table, "--picture", picture).exit_code == 0  # our own files may be replaced


def test_other_files_are_not_replaced(song, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("title,artist\n")
    result = run(song, "-o", table)
    assert result.exit_code == 2
    assert "was not written by dancegen" in result.output
    assert table.read_text() == "title,artist\n"


def test_a_file_that_is_no_song_is_named(tmp_path):
    path = tmp_path / "noise.wav"
    path.write_bytes(b"no audio")
    result = run(path, "-o", tmp_path / "beats.csv")
    assert result.exit_code == 2
    assert str(path) in result.output
