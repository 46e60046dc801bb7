"""The plan of a dance: phrases of a song, and codes that repeat where the music does."""

import numpy as np
import pytest
import torch

from dancegen.gan.plan import DANCER_SHARE, FADE_S, codes, fade
from dancegen.music.beats import Heard, hear
from dancegen.music.phrases import Phrase, find_phrases
from dancegen.music.spectrum import bands_db

FPS = 10.0


def at(found, second):
    return found[round(second * FPS)]


def test_a_phrase_has_the_code_of_the_phrase_with_the_same_label():
    phrases = [Phrase(0.0, "A0"), Phrase(8.0, "B0"), Phrase(16.0, "A0")]
    found = codes(phrases, 240, FPS, torch.randn(4, 5))
    assert found.shape == (240, 5)
    assert torch.allclose(at(found, 4), at(found, 20))
    assert not torch.allclose(at(found, 4), at(found, 12))
    assert torch.equal(at(found, 2), at(found, 6))


def test_a_code_changes_within_a_second_around_the_start_of_a_phrase():
    found = codes([Phrase(0.0, "A0"), Phrase(8.0, "B0")], 160, FPS, torch.randn(3, 5))
    (changes,) = torch.nonzero(found.diff(dim=0).abs().sum(dim=1), as_tuple=True)
    seconds = (changes + 0.5) / FPS
    assert (seconds - 8).abs().max() <= FADE_S / 2 + 0.1
    assert (seconds - 8).abs().max() > FADE_S / 4


def test_codes_have_the_deviation_of_the_noise_also_while_they_change():
    drawn = 0.33 * torch.randn(3, 4000, generator=torch.Generator().manual_seed(0))
    found = codes([Phrase(0.0, "A0"), Phrase(4.0, "B0")], 80, FPS, drawn)
    assert found.std(dim=1).numpy() == pytest.approx(0.33, rel=0.06)
    alike = torch.corrcoef(torch.stack([at(found, 1), at(found, 7)]))[0, 1].item()
    assert alike == pytest.approx(DANCER_SHARE, abs=0.06)


def test_a_fade_starts_at_one_code_and_ends_at_the_other():
    one, other = torch.randn(3, 5), torch.randn(3, 5)
    found = fade(one, other, torch.tensor([-1.0, 0.0, 2.0]))
    assert torch.equal(found[:2], one[:2])
    assert torch.equal(found[2], other[2])


def test_music_without_a_beat_has_phrases_of_a_fixed_length_with_a_code_each():
    silence = Heard(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
    phrases = find_phrases(np.zeros((100, 40), dtype=np.float32), silence, 20.0)
    assert [phrase.start_s for phrase in phrases] == [0, 8, 16]
    assert len({phrase.label for phrase in phrases}) == 3


def test_the_phrases_of_a_song_begin_on_its_bars_and_cover_it(click_song):
    samples, bar_s = click_song
    bands = bands_db(samples)
    heard = hear(samples, bands)
    phrases = find_phrases(bands, heard, len(samples) / 16000)
    assert phrases[0].start_s == 0
    starts = np.array([phrase.start_s for phrase in phrases[1:]])
    assert np.abs((starts - heard.downbeats_s[0] + bar_s / 2) % bar_s - bar_s / 2).max() < 0.1
    assert np.diff([phrase.start_s for phrase in phrases]).min() > FADE_S


@pytest.fixture
def click_song():
    """Forty seconds at 120 bpm in two alternating parts, and the length of its bar in seconds."""
    times = np.arange(40 * 16000) / 16000
    beat = np.exp(-((times % 0.5) * 40)) * np.sin(2 * np.pi * np.where(times % 2.0 < 0.5, 60, 180) * times)
    part = np.where((times // 8) % 2 == 0, np.sin(2 * np.pi * 220 * times), np.sign(np.sin(2 * np.pi * 523 * times)))
    return (0.5 * beat + 0.1 * part).astype(np.float32), 2.0
