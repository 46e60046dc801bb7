"""Sections of songs whose structure is known."""

import numpy as np
import pytest

from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import compose
from dancegen.music.sections import find_sections
from dancegen.music.spectrum import bands_db

RATE = 16_000


@pytest.mark.parametrize("category", ["kpop", "popping"])
def test_sections_start_where_the_music_changes_and_repeats_have_the_same_letter(category):
    song = compose(category, 820_000, 90.0)
    bands = bands_db(synthesize(song, RATE))
    found = find_sections(bands, song.downbeats)
    true = [song.downbeats[section.first_bar] for section in song.sections]
    starts = np.array([section.start_s for section in found])
    hits = sum(np.abs(starts - start).min() < 3 for start in true)
    assert 2 * hits / (len(true) + len(starts)) > 0.8
    at = {section.kind: [] for section in song.sections}
    for section in song.sections:
        middle = song.downbeats[section.first_bar] + section.bars * song.bar_s / 2
        at[section.kind].append(next(one.label for one in found if one.start_s <= middle < one.end_s))
    assert len(set(at["chorus"])) == 1
    assert at["chorus"][0] not in at["verse"]


def test_a_song_without_change_is_one_section_and_one_without_bars_has_none():
    bands = np.tile(np.random.default_rng(0).uniform(0, 60, (200, 64)).astype(np.float32), (10, 1))
    assert {section.label for section in find_sections(bands, np.arange(0.0, 20.0, 2.0))} == {"A"}
    assert find_sections(bands, np.zeros(0)) == []
