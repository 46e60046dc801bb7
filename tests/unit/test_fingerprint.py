"""A song is known again whatever was done to it, and is not taken for another."""

import itertools

import numpy as np
import pytest
from scipy import signal

from dancegen.corpus.music.songs import synthesize
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.media import audio
from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.fingerprint import PITCHES, SAME_SONG, alike, fingerprint, same_song_groups

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
    "a semitone up": lambda samples: transposed(samples, 1),
    "a semitone down": lambda samples: transposed(samples, -1),
    "faster on a turntable": lambda samples: resampled(samples, 1 / SEMITONE),
    "slower on a turntable": lambda samples: resampled(samples, SEMITONE),
    "its middle alone": lambda samples: samples[13 * SAMPLE_RATE + 3123 :][: 20 * SAMPLE_RATE],
    "without its first ten seconds": lambda samples: samples[10 * SAMPLE_RATE + 777 :],
    "softer": lambda samples: samples * np.float32(0.1),
    "with noise": noisy,
    "as on a phone": as_on_a_phone,
}


@pytest.fixture(scope="module", params=CATEGORIES)
def song(request):
    return synthesize(compose(request.param, 3, 45.0), SAMPLE_RATE)


@pytest.mark.parametrize("change", CHANGES)
def test_a_song_is_known_again(song, change):
    assert alike(fingerprint(song), fingerprint(CHANGES[change](song))) >= SAME_SONG


@pytest.mark.parametrize("ending", [".mp3", ".m4a", ".ogg"])
def test_a_song_is_known_again_when_it_is_encoded_anew(tmp_path, make_sound, song, ending):
    path = make_sound(tmp_path / f"song{ending}", song, SAMPLE_RATE if ending != ".ogg" else 48_000)
    if ending == ".ogg":
        path = make_sound(tmp_path / "song.ogg", resampled(song, 3), 48_000)
    assert alike(fingerprint(song), fingerprint(audio.load(path, "song"))) >= SAME_SONG


def test_different_songs_are_different_also_of_one_category():
    marks = [
        fingerprint(synthesize(compose(category, seed, 45.0), SAMPLE_RATE))
        for category in CATEGORIES
        for seed in (0, 1, 2)
    ]
    assert max(alike(one, other) for one, other in itertools.combinations(marks, 2)) < SAME_SONG


def test_groups_are_of_one_song_each(song):
    other = synthesize(compose("kpop", 8, 45.0), SAMPLE_RATE)
    marks = {"a": song, "a again": song, "a up": transposed(song, 1), "b": other, "b late": other[9 * SAMPLE_RATE :]}
    groups = same_song_groups({name: fingerprint(samples) for name, samples in marks.items()})
    assert groups["a"] == groups["a again"] == groups["a up"]
    assert groups["b"] == groups["b late"] != groups["a"]


def test_silence_and_sounds_of_a_moment_are_alike_to_nothing(song):
    silence = np.zeros(30 * SAMPLE_RATE, np.float32)
    assert alike(fingerprint(silence), fingerprint(song)) < SAME_SONG
    assert alike(fingerprint(song[:SAMPLE_RATE]), fingerprint(song)) < SAME_SONG
    assert alike(fingerprint(song[:10]), fingerprint(song)) == 0
    assert len(set(same_song_groups({"one": fingerprint(silence), "two": fingerprint(song)}).values())) == 2


def test_of_many_songs_each_is_compared_with_candidates_and_still_found(song):
    random = np.random.default_rng(0)
    marks = {f"noise {n}": random.random((120, PITCHES)).astype(np.float16) for n in range(200)}
    marks |= {"song": fingerprint(song), "song up": fingerprint(transposed(song, 1))}
    groups = same_song_groups(marks)
    assert groups["song"] == groups["song up"]
    assert len(set(groups.values())) == 201
