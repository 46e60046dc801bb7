"""Practice songs sound on their beats, and are the same for the same seed; the network learns from them."""

import numpy as np
import pytest
from scipy.signal import find_peaks

from dancegen.corpus.music.grooves import CLICKS, GROOVES
from dancegen.corpus.music.practice import practice_song
from dancegen.music.spectrum import FRAMES_A_SECOND, HOPS_A_SECOND, bands_db, flux
from dancegen.tools.train_beats.examples import SECONDS, SHARES, example
from dancegen.tools.train_beats.train import CROP_FRAMES, Training, targets

RATE = 16_000


@pytest.mark.parametrize("groove", ["house", "swing", "six_eight", "waltz"])
def test_a_practice_song_has_onsets_on_its_beats(groove):
    song = practice_song(3, 12.0, RATE, groove, 100.0)
    assert np.diff(song.beats) == pytest.approx(0.6)
    assert np.diff(song.downbeats) == pytest.approx(0.6 * GROOVES[groove].beats)
    onsets = flux(bands_db(song.samples))
    peaks = find_peaks(onsets, height=np.quantile(onsets, 0.9))[0] / HOPS_A_SECOND
    near = [np.abs(peaks - beat).min() < 0.05 for beat in song.beats]
    off = [np.abs(peaks - beat - 0.11).min() < 0.05 for beat in song.beats]
    assert np.mean(near) > np.mean(off)


@pytest.mark.parametrize("groove", CLICKS)
def test_clicks_sound_on_their_beats_and_nowhere_else(groove):
    song = practice_song(4, 12.0, RATE, groove, 75.0, ensemble="drums")
    onsets = flux(bands_db(song.samples))
    peaks = find_peaks(onsets, height=0.5 * onsets.max(), distance=10)[0] / HOPS_A_SECOND
    assert len(peaks) >= 10
    assert max(np.abs(song.beats - peak).min() for peak in peaks) < 0.05


@pytest.mark.parametrize("ensemble", ["drums", "solo"])
def test_drums_alone_and_a_soloist_play_on_the_beats_and_differ_from_the_band(ensemble):
    song, band = (practice_song(5, 12.0, RATE, "waltz", 100.0, ensemble=kind) for kind in (ensemble, "band"))
    assert np.array_equal(song.beats, band.beats)
    assert not np.allclose(song.samples, band.samples, atol=0.01)
    onsets = flux(bands_db(song.samples))
    near = [onsets[max(0, round(HOPS_A_SECOND * beat) - 4) :][:9].max() for beat in song.beats]
    assert np.mean(near) > 2 * np.median(onsets)


@pytest.mark.parametrize("kind", SHARES)
def test_every_kind_of_example_has_its_beats_within_its_length(monkeypatch, kind):
    monkeypatch.setattr("dancegen.tools.train_beats.examples.SHARES", {kind: 1.0})
    made = example(11)
    assert len(made.bands) == pytest.approx(SECONDS * HOPS_A_SECOND, abs=2 * HOPS_A_SECOND)
    assert len(made.triple) == len(made.bands)
    assert (len(made.beats) == 0) == (kind == "other")
    assert all(0 <= beat < len(made.bands) / HOPS_A_SECOND for beat in made.beats)


def test_the_same_seed_gives_the_same_song():
    one, other = (practice_song(7, 3.0, RATE) for _ in range(2))
    assert np.array_equal(one.samples, other.samples)
    assert np.array_equal(one.beats, other.beats)


def test_targets_are_highest_on_the_beat():
    found = targets(np.array([50.0, 250.2]))
    assert len(found) == CROP_FRAMES
    assert np.flatnonzero(found == 1).tolist() == [FRAMES_A_SECOND]
    assert found[250] > found[251] > found[252] == 0


def test_a_training_goes_on_where_it_stopped(tmp_path):
    examples = [example(1)]
    straight = Training(examples, 4, seed=1)
    losses = [straight.step() for _ in range(2)]
    first = Training(examples, 4, seed=1)
    first.step()
    first.save(tmp_path / "state.pt")
    second = Training(examples, 4, seed=1)
    second.load(tmp_path / "state.pt")
    assert second.step() == pytest.approx(losses[1], rel=1e-3)
