"""A song is known again whatever was done to it, and is not taken for another."""

import itertools
from functools import cache

import numpy as np
import pytest
from scipy import signal

from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.media import audio
from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.fingerprint import COMPARE_ALL, PITCHES, SAME_SONG, alike, fingerprint, same_song_groups

pytestmark = pytest.mark.xdist_group("librosa")  # compiled in one process

SEMITONE = 2 ** (1 / 12)


def resampled(samples, factor):
    return signal.resample(samples, round(len(samples) * factor)).astype(np.float32)


def transposed(samples, semitones):
    from librosa.effects import pitch_shift

    return pitch_shift(samples, sr=SAMPLE_RATE, n_steps=semitones)


def noisy(samples):
    noise = np.random.default_rng(0).normal(size=len(samples))
    return (samples + noise * np.sqrt(np.mean(samples**2)) * 10 ** (-10 / 20)).astype(np.float32)


def as_on_a_phone(samples):
    band = signal.butter(4, [300, 3400], "bandpass", fs=SAMPLE_RATE, output="sos")
    return signal.sosfilt(band, samples).astype(np.float32)


CHANGES = {
    "a semitone down": lambda samples: transposed(samples, -1),
    "faster on a turntable": lambda samples: resampled(samples, 1 / SEMITONE),
    "slower on a turntable": lambda samples: resampled(samples, SEMITONE),
    "its middle alone": lambda samples: samples[13 * SAMPLE_RATE + 3123 :][: 20 * SAMPLE_RATE],
    "without its first ten seconds": lambda samples: samples[10 * SAMPLE_RATE + 777 :],
    "softer": lambda samples: samples * np.float32(0.1),
    "with noise": noisy,
    "as on a phone": as_on_a_phone,
}


@cache
def recorded(category, seed=3):
    return synthesize(compose(category, seed, 45.0), SAMPLE_RATE)


@cache
def mark_of(category, seed=3):
    return fingerprint(recorded(category, seed))


@cache
def a_semitone_up(category):
    return fingerprint(transposed(recorded(category), 1))


@pytest.fixture(params=CATEGORIES)
def category(request):
    return request.param


@pytest.mark.parametrize("change", CHANGES)
def test_a_song_is_known_again(category, change):
    assert alike(mark_of(category), fingerprint(CHANGES[change](recorded(category)))) >= SAME_SONG


def test_a_song_is_known_again_a_semitone_higher(category):
    assert alike(mark_of(category), a_semitone_up(category)) >= SAME_SONG


@pytest.mark.parametrize("ending", [".mp3", ".m4a", ".ogg"])
def test_a_song_is_known_again_when_it_is_encoded_anew(tmp_path, make_sound, category, ending):
    song, rate = recorded(category), SAMPLE_RATE
    if ending == ".ogg":
        song, rate = resampled(song, 3), 48_000
    path = make_sound(tmp_path / f"song{ending}", song, rate)
    assert alike(mark_of(category), fingerprint(audio.load(path, "song"))) >= SAME_SONG


def test_different_songs_are_different_also_of_one_category():
    marks = [mark_of(category, seed) for category in CATEGORIES for seed in (0, 1, 3)]
    assert max(alike(one, other) for one, other in itertools.combinations(marks, 2)) < SAME_SONG


def test_groups_are_of_one_song_each(category):
    late = fingerprint(recorded("kpop", 8)[9 * SAMPLE_RATE :])
    marks = {"a": mark_of(category), "a again": mark_of(category), "a up": a_semitone_up(category)}
    groups = same_song_groups({**marks, "b": mark_of("kpop", 8), "b late": late})
    assert groups["a"] == groups["a again"] == groups["a up"]
    assert groups["b"] == groups["b late"] != groups["a"]


def test_silence_and_sounds_of_a_moment_are_alike_to_nothing(category):
    song, mark = recorded(category), mark_of(category)
    silence = fingerprint(np.zeros(30 * SAMPLE_RATE, np.float32))
    assert alike(silence, mark) < SAME_SONG
    assert alike(fingerprint(song[:SAMPLE_RATE]), mark) < SAME_SONG
    assert alike(fingerprint(song[:10]), mark) == 0
    assert len(set(same_song_groups({"one": silence, "two": mark}).values())) == 2


def test_of_many_songs_each_is_compared_with_candidates_and_still_found():
    random = np.random.default_rng(0)
    marks = {f"noise {n}": random.random((120, PITCHES)).astype(np.float16) for n in range(COMPARE_ALL)}
    marks |= {category: mark_of(category) for category in CATEGORIES}
    marks |= {f"{category} up": a_semitone_up(category) for category in CATEGORIES}
    groups = same_song_groups(marks)
    assert all(groups[category] == groups[f"{category} up"] for category in CATEGORIES)
    assert len(set(groups.values())) == COMPARE_ALL + len(CATEGORIES)
