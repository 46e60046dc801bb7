"""A saved dance, rendered again: the same, or with another dance in one section and nothing else changed."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from dancegen.cli import main
from dancegen.exports.dance import load
from dancegen.media.video import probe

SECONDS, SECTION = 12, (4.0, 8.0)
SMALL = ["--size", "160x120", "--look", "skeleton", "--fps", "25"]


@pytest.fixture(scope="module")
def song(tmp_path_factory) -> Path:
    """Clicks at 120 beats per minute."""
    times = np.arange(SECONDS * 16000) / 16000
    clicks = 0.5 * np.exp(-((times % 0.5) * 60)) * np.sin(2 * np.pi * np.where(times % 2 < 0.5, 80, 200) * times)
    path = tmp_path_factory.mktemp("song") / "clicks.wav"
    soundfile.write(path, clicks, 16000)
    return path


@pytest.fixture(scope="module")
def saved(song: Path) -> Path:
    video = song.with_name("first.mp4")
    run(song, video, "--export", "npz")
    return video.with_name("first.npz")


def run(song, video, *options, code=0):
    ended = CliRunner().invoke(main, ["dance", str(song), "-o", str(video), *SMALL, *map(str, options)])
    assert ended.exit_code == code, ended.output
    return ended.output


def test_a_saved_dance_is_rendered_again_as_it_is_with_another_look(song, saved, tmp_path):
    run(song, tmp_path / "again.mp4", "--from", saved, "--look", "skeleton-light", "--seed", 5, "--export", "npz")
    before, after = load(saved, ""), load(tmp_path / "again.npz", "")
    assert np.array_equal(before.poses, after.poses)
    assert np.array_equal(before.joints_px, after.joints_px)
    assert before.seed == after.seed


def test_a_section_is_danced_anew_and_everything_outside_is_the_same_to_the_byte(song, saved, tmp_path):
    run(song, tmp_path / "edited.mp4", "--from", saved, "--section", "4:8", "--seed", 5, "--export", "npz")
    before, after = load(saved, ""), load(tmp_path / "edited.npz", "")
    for old, new, fps in ((before.poses, after.poses, before.poses_fps), (before.joints_px, after.joints_px, 25)):
        times_s = np.arange(len(old)) / fps
        outside = (times_s <= SECTION[0]) | (times_s >= SECTION[1])
        assert old[outside].tobytes() == new[outside].tobytes()
        middle = np.abs(times_s - 6) < 1
        assert not np.isclose(old[middle], new[middle], atol=1e-3).all(axis=(1, 2)).any()
    steps = np.linalg.norm(np.diff(after.joints_px[..., :2], axis=0), axis=-1).max(axis=1)
    ends = np.r_[95:105, 195:205]  # frames around the ends of the section
    assert steps[ends].max() < 1.5 * np.delete(steps, ends).max()
    assert probe(tmp_path / "edited.mp4", "") == probe(song.with_name("first.mp4"), "")


def test_what_does_not_fit_a_saved_dance_is_named(song, saved, tmp_path):
    video = tmp_path / "no.mp4"
    other = tmp_path / "other.wav"
    soundfile.write(other, 0.1 * np.random.default_rng(0).standard_normal(16000 * SECONDS), 16000)
    assert "is a dance to another song, 'clicks'" in run(other, video, "--from", saved, code=2)
    assert "the section ends at 20 s" in run(song, video, "--from", saved, "--section", "4:20", code=2)
    assert "does not end after its start" in run(song, video, "--from", saved, "--section", "8:4", code=2)
    assert "give that too" in run(song, video, "--section", "4:8", code=2)
    assert "'four' is not a valid section" in run(song, video, "--from", saved, "--section", "four", code=2)
    assert not video.exists()
