"""Beats, bars and counts from activations whose beats are known."""

import numpy as np
import pytest

from dancegen.music.bars import find_bars
from dancegen.music.beat_path import beat_path
from dancegen.music.counting import count, counted_factor, rests

FRAMES_A_SECOND = 50


def activations(times, seconds, seed=0):
    """Logits with a triangular peak at each time, and noise."""
    frames = np.arange(int(seconds * FRAMES_A_SECOND))
    chances = np.full(len(frames), 0.02)
    for time in times:
        chances = np.maximum(chances, 0.9 - 0.6 * np.abs(frames - time * FRAMES_A_SECOND))
    return np.log(chances / (1 - chances)) + np.random.default_rng(seed).normal(0, 0.3, len(frames))


SONGS = {
    "slow": np.arange(0.3, 38, 60 / 52),
    "fast": np.arange(0.3, 39, 60 / 198),
    "between hops": np.arange(0.3, 39, 60 / 165),
    "rise": np.cumsum(60 / np.linspace(90, 140, 70)),
    "two songs": np.concatenate([np.arange(0.3, 18, 60 / 96), np.arange(18.4, 39, 60 / 132)]),
    "drift": np.cumsum(0.5 + 0.03 * np.sin(np.arange(75) / 5)),
    "pause": np.concatenate([np.arange(0.3, 14, 0.6), np.arange(27.3, 39, 0.45)]),
}


@pytest.mark.parametrize("name", SONGS)
def test_the_path_has_the_beats_of_the_activations_and_no_others(name):
    times = SONGS[name]
    found = beat_path(activations(times, 40), FRAMES_A_SECOND)
    assert len(found) == len(times)
    assert np.abs(found - times).max() < 0.012


def test_a_beat_that_is_not_heard_is_filled_in():
    times = np.arange(0.4, 38, 0.5)
    found = beat_path(activations(np.delete(times, [20, 21, 40]), 40), FRAMES_A_SECOND)
    assert len(found) == len(times)
    assert np.abs(found - times).max() < 0.05


def test_where_nothing_or_little_is_heard_there_are_no_beats():
    assert not len(beat_path(activations([], 30), FRAMES_A_SECOND))
    assert not len(beat_path(activations([11.3], 30), FRAMES_A_SECOND))
    assert not len(beat_path(np.zeros(0), FRAMES_A_SECOND))


def bars_of(downbeats, triple=0.0):
    logits = np.where(downbeats, 1.5, -2.5)
    return find_bars(logits, np.full(len(logits), triple), np.arange(len(logits)) == 0)


@pytest.mark.parametrize(("meter", "triple"), [(4, 0.0), (3, 0.0), (2, 0.9)])
def test_bars_are_as_long_as_from_downbeat_to_downbeat(meter, triple):
    downbeats = np.arange(30) % meter == 1
    found = bars_of(downbeats, triple)
    assert (found.meters == meter).all()
    assert np.array_equal(found.positions == 0, downbeats)


def test_a_downbeat_that_is_missed_and_one_too_many_change_no_bar():
    downbeats = np.arange(40) % 4 == 0
    heard = downbeats.copy()
    heard[[8, 18]] = False, True
    assert np.array_equal(bars_of(heard).positions == 0, downbeats)


def test_the_metre_may_change():
    downbeats = np.concatenate([np.arange(40) % 4 == 0, np.arange(30) % 3 == 0])
    found = bars_of(downbeats)
    assert (found.meters[:36] == 4).all()
    assert (found.meters[44:] == 3).all()


@pytest.mark.parametrize(
    ("bpm", "meter", "triple", "factor"),
    [
        (174, 4, False, 0.5),
        (140, 4, False, 1),
        (55, 4, False, 2),
        (55, 2, True, 1),
        (180, 3, False, 1),
    ],
)
def test_fast_songs_are_counted_at_half_and_slow_ones_at_double_time(bpm, meter, triple, factor):
    assert counted_factor(bpm, meter, triple) == factor
    times = 0.5 + np.arange(48) * 60 / bpm
    counted = count(times, np.arange(48) % meter, np.full(48, meter), np.full(48, triple))
    assert np.diff(counted.beat_times()) == pytest.approx(60 / bpm / factor)
    assert counted.bar_times()[0] == times[0]
    assert np.diff(counted.bar_times()) == pytest.approx(60 / bpm / factor * (3 if meter == 3 else 4))


def test_counted_bars_start_on_downbeats_also_after_a_pickup():
    times = 0.5 + np.arange(49) * 60 / 174
    positions = (np.arange(49) + 3) % 4  # one beat before the first downbeat
    counted = count(times, positions, np.full(49, 4), np.zeros(49, dtype=bool))
    assert counted.bar_times()[0] == pytest.approx(times[1])
    assert np.isin(counted.bar_times().round(6), times[positions == 0].round(6)).all()


def test_a_pause_is_counted_in_whole_beats_and_bars():
    times = np.concatenate([np.arange(16) * 0.5, 12.3 + np.arange(16) * 0.6])
    assert np.flatnonzero(rests(times)).tolist() == [0, 16]
    counted = count(times, np.tile(np.arange(4), 8), np.full(32, 4), np.zeros(32, dtype=bool))
    assert counted.beats[16] % 1 == counted.bars[16] % 1 == 0
    pause = counted.beat_times()
    pause = np.diff(pause[(pause > 7) & (pause < 12.5)])
    assert np.all((pause > 0.4) & (pause < 0.8))


def test_the_count_goes_on_before_the_first_and_after_the_last_beat():
    times = 3 + np.arange(16) * 0.5
    counted = count(times, np.arange(16) % 4, np.full(16, 4), np.zeros(16, dtype=bool))
    beats, bars = counted.at(np.array([0.0, 3.25, 20.0]))
    assert beats == pytest.approx([-6, 0.5, 34])
    assert bars == pytest.approx([-1.5, 0.125, 8.5])
