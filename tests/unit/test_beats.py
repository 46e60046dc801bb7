"""Rhythm of sounds whose beats are known."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.music.sounds import DRUMS
from dancegen.corpus.structure import compose
from dancegen.media import audio
from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.beats import RHYTHM_CHANNELS, beat_times, hear, rhythm, tempo

MEDIA = Path(__file__).parents[3] / "shared" / "media" / "beats"
ANNOTATED = {"gtzan_country.00000.wav": "gtzan_country.00000.beats", "mirdata__Media-105901.wav": "Media-105901.beats"}


def clicks(times, seconds, strong=()):
    """A burst of noise at each time, and a low thump as well at the strong ones."""
    random = np.random.default_rng(0)
    samples = np.zeros(int(seconds * SAMPLE_RATE), dtype=np.float32)
    age = np.arange(2000) / SAMPLE_RATE
    for time in times:
        start = int(time * SAMPLE_RATE)
        room = samples[start : start + len(age)]
        room += (0.3 * random.standard_normal(len(age)) * np.exp(-age / 0.01))[: len(room)]
        if time in strong:
            room += (0.5 * np.sin(2 * np.pi * 70 * age) * np.exp(-age / 0.05))[: len(room)]
    return samples


def drums(beats, seconds, hats):
    """Kick and snare in turn, and hats at fractions of each beat."""
    random = np.random.default_rng(5)
    kit = {name: DRUMS[name](SAMPLE_RATE, random) for name in ("kick", "snare", "hat")}
    samples = np.zeros(int((seconds + 2) * SAMPLE_RATE), dtype=np.float32)
    spans = np.diff(beats, append=2 * beats[-1] - beats[-2])
    for number, (beat, span) in enumerate(zip(beats, spans, strict=True)):
        hits = [("snare" if number % 2 else "kick", 0.0, 0.6), *(("hat", offset, 0.2) for offset in hats)]
        for name, offset, gain in hits:
            start = int((beat + offset * span) * SAMPLE_RATE)
            samples[start : start + len(kit[name])] += gain * kit[name]
    return samples[: int(seconds * SAMPLE_RATE)]


def f_measure(found, true, tolerance_s=0.07):
    hits = sum(np.abs(found - time).min(initial=9.0) <= tolerance_s for time in true)
    return 2 * hits / (len(found) + len(true))


@pytest.mark.parametrize("bpm", [75, 96, 120, 145])
def test_beats_are_found_where_they_are_at_any_tempo_of_dance(bpm):
    times = np.arange(0.37, 29, 60 / bpm)
    found = beat_times(clicks(times, 30))
    assert f_measure(found, times) > 0.95
    assert abs(np.median([(found - time)[np.abs(found - time).argmin()] for time in times])) < 0.015


@pytest.mark.parametrize("bpm", [165, 174, 190, 200, 205])
def test_a_fast_click_is_counted_at_half_its_speed(bpm):
    found = beat_times(clicks(np.arange(0.1, 20, 60 / bpm), 20))
    assert 60 / np.median(np.diff(found)) == pytest.approx(bpm / 2, rel=0.05)


@pytest.mark.parametrize("bpm", [100, 140, 165, 174])
def test_fast_hats_do_not_change_the_beat(bpm):
    beats = np.arange(0.3, 18.5, 60 / bpm)
    heard = hear(drums(beats, 20, hats=(0.0, 0.5)))
    assert f_measure(heard.beats_s, beats) > 0.95


def test_the_tempo_may_change_within_a_file():
    spans = 60 / np.concatenate([np.full(24, 96.0), np.full(33, 132.0)])
    beats = 0.3 + np.concatenate([[0.0], np.cumsum(spans)[:-1]])
    assert f_measure(hear(drums(beats, beats[-1] + 1, hats=(0.0, 0.5))).beats_s, beats) > 0.95


def test_the_beat_phase_is_zero_on_every_beat_and_turns_once_between():
    times = np.arange(0.4, 20, 0.5)  # on frames of 10 a second
    channels = dict(zip(RHYTHM_CHANNELS, rhythm(clicks(times, 20), 200, 10).T, strict=True))
    on, off = (np.round(times * 10)).astype(int)[1:-1], (np.round(times * 10 + 2.5)).astype(int)[1:-1]
    assert channels["beat_cos"][on].min() > 0.95
    assert channels["beat_cos"][off].max() < -0.7
    assert channels["onset"][on].min() > 0.8 > 0.2 > channels["onset"][off].max()


def test_the_bar_starts_where_the_bass_comes_in():
    times = np.arange(0.4, 30, 0.5)
    downbeats = times[2::4]
    channels = rhythm(clicks(times, 30, strong=downbeats), 300, 10)
    assert channels[np.round(downbeats * 10).astype(int), RHYTHM_CHANNELS.index("bar_cos")].min() > 0.9


def test_a_waltz_is_counted_in_three():
    times = np.arange(0.4, 30, 0.5)
    downbeats = times[1::3]
    bar = rhythm(clicks(times, 30, strong=downbeats), 300, 10)[:, RHYTHM_CHANNELS.index("bar_cos")]
    assert bar[np.round(downbeats * 10).astype(int)].min() > 0.9
    assert bar[np.round(downbeats[:-1] * 10 + 5).astype(int)].max() < 0  # a third of the way round


@pytest.mark.parametrize("category", ["kpop", "ballet", "popping"])
def test_phrases_start_where_the_sections_of_a_song_do(category):
    songs = [compose(category, 810_000 + number, 60.0) for number in range(3)]
    right = []
    for song in songs:
        samples = resample_poly(synthesize(song), SAMPLE_RATE, RATE).astype(np.float32)
        frames = round(10 * song.downbeats[-1])
        sine, cosine = rhythm(samples, frames, 10)[:, -2:].T
        quarter = np.floor(np.arctan2(sine, cosine) / (np.pi / 2)).astype(int) % 4
        middles = [round(10 * (start + song.bar_s / 2)) for start in song.downbeats[:-1]]
        right += [quarter[middle] == song.phrase_bar(bar) // 2 for bar, middle in enumerate(middles)]
    assert np.mean(right) > 0.6  # chance is a quarter


def test_rhythm_goes_on_before_the_first_and_after_the_last_beat():
    phases = rhythm(clicks(np.arange(2.0, 10, 0.5), 14), 140, 10)[:, 1:]
    assert np.allclose(np.hypot(phases[:, 0], phases[:, 1]), 1, atol=1e-5)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(3 * SAMPLE_RATE, dtype=np.float32),
        np.zeros(1, dtype=np.float32),
        np.full(SAMPLE_RATE, 0.1, dtype=np.float32),
        1e-6 * np.random.default_rng(0).standard_normal(5 * SAMPLE_RATE).astype(np.float32),
        clicks([0.1], 0.3),
    ],
    ids=["silence", "one sample", "constant", "dither", "0.3 s"],
)
def test_where_there_is_no_beat_the_phases_are_zeros(samples):
    channels = rhythm(samples, 7, 10)
    assert channels.shape == (7, len(RHYTHM_CHANNELS))
    assert not channels[:, 1:].any()
    assert np.isfinite(channels).all()


def test_loudness_changes_no_rhythm():
    samples = clicks(np.arange(0.2, 10, 0.6), 10)
    assert np.allclose(rhythm(samples, 100, 10), rhythm(samples * 0.2, 100, 10), atol=1e-3)


@pytest.mark.parametrize("bpm", [75, 100, 128])
def test_a_steady_beat_is_sure_and_has_its_tempo(bpm):
    found, sure = tempo(clicks(np.arange(0.2, 20, 60 / bpm), 20))
    assert found == pytest.approx(bpm, rel=0.01)
    assert sure > 0.5


def test_a_beat_that_drifts_is_sure_too():
    times = np.cumsum(np.linspace(0.48, 0.55, 60))  # 125 to 109 bpm, as a band that tires
    assert tempo(clicks(times, times[-1] + 0.5))[1] > 0.5


def test_noise_and_clicks_without_order_are_not_sure():
    random = np.random.default_rng(0)
    assert tempo(0.1 * random.standard_normal(20 * SAMPLE_RATE).astype(np.float32))[1] < 0.2
    assert tempo(clicks(np.sort(random.uniform(0, 20, 50)), 20))[1] < 0.25


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(5 * SAMPLE_RATE, np.float32)])
def test_silence_has_no_tempo(samples):
    found, sure = tempo(samples)
    assert np.isnan(found)
    assert sure == 0


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the real songs are not beside this checkout")
@pytest.mark.parametrize(
    ("file", "sure"),
    [
        ("songs/howler.js__rave_digger.mp3", True),
        ("songs/audiocraft__electro_1.mp3", True),
        ("songs/webaudio-examples__outfoxing.mp3", True),
        ("bad/audio/audiomentations__hens.ogg", False),
        ("bad/audio/data__glacier-bay-humpback.ogg", False),
        ("bad/audio/essentia-audio__long_voice.flac", False),
    ],
)
def test_songs_are_told_from_speech_hens_and_whales_by_how_sure_their_beat_is(file, sure):
    assert (tempo(audio.load(MEDIA.parent / file, file))[1] > 0.25) == sure


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the annotated songs are not beside this checkout")
@pytest.mark.parametrize("song", ANNOTATED)
def test_beats_of_real_songs_agree_with_their_annotations(song):
    samples = audio.normalize_loudness(audio.load(MEDIA / song, song))
    true = np.loadtxt(MEDIA / ANNOTATED[song])[:, 0]
    assert f_measure(beat_times(samples), true) > 0.75
