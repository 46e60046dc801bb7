"""Practice songs sound on their beats, and are the same for the same seed; the network learns from them."""

import numpy as np
import pytest
from scipy.signal import find_peaks

from dancegen.corpus.music.grooves import GROOVES
from dancegen.corpus.music.practice import practice_song
from dancegen.music.spectrum import FRAMES_A_SECOND, HOPS_A_SECOND, bands_db, flux
from dancegen.tools.train_beats.examples import example
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


def test_the_same_seed_gives_the_same_song():
    one, other = (practice_song(7, 3.0, RATE) for _ in range(2))
    assert np.array_equal(one.samples, other.samples)
    assert np.array_equal(one.beats, other.beats)


def test_targets_are_highest_on_the_beat():
    found = targets(np.array([1.0, 5.004]), 0)
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
