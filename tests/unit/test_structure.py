"""Songs as plans: they have about the wanted length, whole sections, and beats where the tempo says."""

import numpy as np
import pytest

from dancegen.corpus.structure import BPM, CATEGORIES, PHRASE_BARS, compose

EVERY_CATEGORY = pytest.mark.parametrize("category", CATEGORIES)


@EVERY_CATEGORY
@pytest.mark.parametrize("seconds", [10, 60, 200])
def test_a_song_is_as_long_as_asked_for_to_half_a_bar(category, seconds):
    song = compose(category, 3, seconds)
    assert abs(song.seconds - seconds) <= song.bar_s / 2


@EVERY_CATEGORY
def test_the_sections_fill_the_song_without_gaps(category):
    for seed in range(20):
        song = compose(category, seed, 90)
        ends = [0, *(section.end_bar for section in song.sections)]
        assert [section.first_bar for section in song.sections] == ends[:-1]
        assert ends[-1] == song.bars
        assert {"verse", "chorus"} <= {section.kind for section in song.sections}


@EVERY_CATEGORY
def test_beats_and_bars_keep_the_tempo(category):
    song = compose(category, 1, 30)
    low, high = BPM[category]
    assert low <= song.bpm <= high
    assert np.allclose(np.diff(song.beats), 60 / song.bpm)
    assert np.allclose(song.downbeats, song.beats[:: song.beats_per_bar])
    assert len(song.downbeats) == song.bars
    assert song.beats[-1] < song.seconds


def test_a_time_is_translated_to_the_beat_that_sounds():
    song = compose("ballet", 5, 30)
    assert [song.beat_at(seconds) for seconds in song.beats] == pytest.approx(range(len(song.beats)))
    assert song.beat_at(song.start_s - song.beat_s / 2) == pytest.approx(-0.5)


def test_phrases_are_counted_from_the_start_of_their_section():
    song = compose("kpop", 1, 120)
    for section in song.sections:
        assert song.phrase_bar(section.first_bar) == 0
        assert song.ends_phrase(section.end_bar - 1)
        assert song.section_at(section.first_bar) == song.section_at(section.end_bar - 1) == section
        if section.bars > PHRASE_BARS:
            assert song.ends_phrase(section.first_bar + PHRASE_BARS - 1)
            assert song.phrase_bar(section.first_bar + PHRASE_BARS) == 0


def test_bars_outside_of_the_song_belong_to_its_first_and_last_sections():
    song = compose("popping", 2, 60)
    assert song.section_at(-1) == song.sections[0]
    assert song.section_at(song.bars + 5) == song.sections[-1]


def test_the_same_seed_gives_the_same_song_and_another_seed_another():
    assert compose("kpop", 8, 60) == compose("kpop", 8, 60)
    assert compose("kpop", 8, 60) != compose("kpop", 9, 60)
    assert compose("kpop", 8, 60).song != compose("kpop", 9, 60).song


def test_ballet_knows_waltzes_and_the_others_count_to_four():
    assert {compose("ballet", seed, 30).beats_per_bar for seed in range(20)} == {3, 4}
    assert {compose(category, seed, 30).beats_per_bar for seed in range(9) for category in ("kpop", "popping")} == {4}
