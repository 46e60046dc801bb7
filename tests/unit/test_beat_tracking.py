"""Beats and mel bands are those of librosa, which finds them with compiled loops."""

from pathlib import Path

import numpy as np
import pytest
from librosa.beat import beat_track
from librosa.filters import mel
from scipy.signal import resample_poly

from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.media import audio
from dancegen.media.audio import SAMPLE_RATE
from dancegen.music import beats
from dancegen.music.beat_tracking import track_beats
from dancegen.music.mel import mel_filters

SONGS = Path(__file__).parents[3] / "shared" / "media" / "songs"
SONG_SUFFIXES = {".mp3", ".ogg", ".wav", ".m4a", ".opus"}


def librosas_beats(onsets, bpm):
    return beat_track(
        onset_envelope=onsets, sr=SAMPLE_RATE, hop_length=beats.HOP_SAMPLES, bpm=bpm, trim=False, units="frames"
    )[1]


def assert_equal_beats(samples):
    flux = beats._flux(beats._bands_db(samples))
    bpm = beats._tempo(flux)
    assert np.array_equal(track_beats(flux, 60 * beats.HOPS_A_SECOND / bpm), librosas_beats(flux, bpm))


@pytest.mark.parametrize("category", CATEGORIES)
def test_songs_of_the_corpus_have_the_beats_that_librosa_finds(category):
    for number in range(3):
        song = synthesize(compose(category, number, 30.0 + number))
        assert_equal_beats(resample_poly(song, SAMPLE_RATE, RATE).astype(np.float32))


@pytest.mark.skipif(not SONGS.is_dir(), reason="the real songs are not beside this checkout")
def test_real_songs_have_the_beats_that_librosa_finds():
    songs = [song for song in sorted(SONGS.glob("*")) if song.suffix in SONG_SUFFIXES]
    assert len(songs) > 10
    for song in songs:
        assert_equal_beats(audio.load(song, song.name))


def test_onsets_of_any_kind_have_the_beats_that_librosa_finds():
    random = np.random.default_rng(0)
    for number in range(300):
        onsets = random.exponential(size=random.integers(200, 2000))
        onsets *= random.random(len(onsets)) > random.choice([0.0, 0.9, 0.99])
        start, end = np.sort(random.integers(0, len(onsets), 2))
        onsets[start:end] = 0  # silence at the start, in the middle or at the end
        onsets[random.integers(len(onsets))] += 1
        onsets[0] = 0  # librosa leaves the first hop out
        onsets = onsets.astype(random.choice([np.float32, np.float64]))
        bpm = random.uniform(beats.SLOWEST_BPM, beats.FASTEST_BPM)
        found = track_beats(onsets, 60 * beats.HOPS_A_SECOND / bpm)
        assert np.array_equal(found, librosas_beats(onsets, bpm)), number


@pytest.mark.parametrize(("window", "bands"), [(1024, 64), (512, 40), (2048, 128)])
@pytest.mark.filterwarnings("ignore:Empty filters")
def test_mel_bands_are_librosas(window, bands):
    expected = mel(sr=SAMPLE_RATE, n_fft=window, n_mels=bands, fmin=30.0).T
    assert np.array_equal(mel_filters(window, bands), expected)
