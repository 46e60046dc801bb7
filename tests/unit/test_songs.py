"""Songs as sound: what a listener must hear is in them, at the time where the plan says."""

import wave

import librosa
import numpy as np
import pytest

from dancegen.corpus.music.arrangements import ARRANGEMENTS
from dancegen.corpus.music.harmony import MAJOR, Key
from dancegen.corpus.music.songs import MIXES, RATE, synthesize
from dancegen.corpus.music.sounds import DRUMS, TIMBRES, note, riser
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.media.wav import write_wav

pytestmark = pytest.mark.xdist_group("librosa")  # compiled in one process

EVERY_CATEGORY = pytest.mark.parametrize("category", CATEGORIES)


@pytest.fixture(scope="module", params=CATEGORIES)
def song(request):
    structure = compose(request.param, 0, 40)
    return structure, synthesize(structure)


def f_measure(true_s, found_s, tolerance_s=0.07):
    """Of beats, each of which may be found once."""
    left = list(found_s)
    hits = 0
    for beat in true_s:
        nearest = min(left, key=lambda found: abs(found - beat), default=np.inf)
        if abs(nearest - beat) <= tolerance_s:
            left.remove(nearest)
            hits += 1
    return 2 * hits / (len(true_s) + len(found_s))


def loudness(sound, start_s, end_s):
    return float(np.sqrt(np.mean(sound[round(start_s * RATE) : round(end_s * RATE)] ** 2)))


def bar_spectrum(structure, sound, bar):
    start = round((structure.start_s + bar * structure.bar_s) * RATE)
    return librosa.feature.melspectrogram(y=sound[start : start + round(structure.bar_s * RATE)], sr=RATE)


def test_a_beat_tracker_finds_the_beats(song):
    structure, sound = song
    _, beats = librosa.beat.beat_track(y=sound, sr=RATE, hop_length=512, units="time")
    assert f_measure(structure.beats, beats) > 0.85


def test_the_bass_enters_on_the_first_beat_of_the_bar(song):
    structure, sound = song
    if structure.category == "house":
        pytest.skip("house has a kick on every beat, as loud as the bass")
    bands = librosa.feature.melspectrogram(y=sound, sr=RATE, hop_length=320, fmax=200, n_mels=4)
    rises = np.maximum(np.diff(librosa.power_to_db(bands), axis=1), 0).sum(axis=0)

    def rise_at(seconds):
        hop = round(seconds * 100)
        return rises[max(hop - 5, 0) : hop + 6].sum()

    rise_on = [np.mean([rise_at(beat) for beat in structure.beats[k :: structure.beats_per_bar]]) for k in range(3)]
    assert rise_on[0] == max(rise_on)


def test_a_chorus_is_louder_and_fuller_than_a_verse(song):
    structure, sound = song
    means = {}
    for kind in ("verse", "chorus"):
        section = next(section for section in structure.sections if section.kind == kind)
        bars = range(section.first_bar, section.end_bar)
        means[kind] = np.mean([bar_spectrum(structure, sound, bar).mean() for bar in bars])
    assert means["chorus"] > means["verse"]


def test_a_phrase_ends_with_a_fill_that_its_other_bars_lack(song):
    structure, sound = song
    section = structure.sections[0]

    def second_half(bar):
        start = round((structure.start_s + (bar + 0.5) * structure.bar_s) * RATE)
        half = sound[start : start + round(structure.bar_s / 2 * RATE)]
        return librosa.power_to_db(librosa.feature.melspectrogram(y=half, sr=RATE)).ravel()

    bars = [second_half(bar) for bar in range(section.first_bar, section.end_bar)]
    usual = np.mean(bars[:-1], axis=0)
    distances = [np.abs(bar - usual).mean() for bar in bars]
    assert distances[-1] == max(distances)


def test_the_sound_is_as_long_as_the_plan_and_below_full_scale(song):
    structure, sound = song
    assert sound.dtype == np.float32
    assert len(sound) == round(structure.seconds * RATE)
    assert 0.5 < np.abs(sound).max() < 0.9
    assert loudness(sound, 5, 35) > 0.08


def test_nothing_sounds_before_the_first_beat_and_the_end_is_faded(song):
    structure, sound = song
    assert np.abs(sound[: int(structure.start_s * RATE)]).max(initial=0) < 1e-4
    assert abs(sound[-1]) < 1e-3


@EVERY_CATEGORY
def test_the_same_plan_gives_the_same_bytes_whatever_else_is_drawn(category):
    structure = compose(category, 4, 12)
    first = synthesize(structure)
    np.random.default_rng().random(5)
    assert synthesize(structure).tobytes() == first.tobytes()
    assert synthesize(compose(category, 5, 12)).tobytes() != first.tobytes()


@pytest.mark.parametrize("name", sorted(TIMBRES))
def test_a_note_has_its_pitch_and_no_click_at_its_ends(name):
    sound = note(TIMBRES[name], 69, 0.5, RATE)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 16))
    peaks_hz = np.flatnonzero(spectrum > 0.3 * spectrum.max()) * RATE / (1 << 16)
    off_pitch = np.abs(peaks_hz / 440 - np.round(peaks_hz / 440))
    assert off_pitch.max() < 0.1
    assert abs(sound[0]) < 1e-3
    assert abs(sound[-1]) < 1e-3


@pytest.mark.parametrize("name", sorted(DRUMS))
def test_a_drum_starts_and_ends_in_silence(name):
    sound = DRUMS[name](RATE, np.random.default_rng(0))
    assert sound[0] == sound[-1] == 0
    assert np.abs(sound).max() == pytest.approx(1)


def test_a_riser_is_loudest_where_something_begins():
    sound = riser(2.0, RATE, np.random.default_rng(0))
    assert loudness(sound, 1.5, 2.0) > 4 * loudness(sound, 0.0, 0.5)


def test_chords_are_thirds_of_the_scale_in_the_octave_asked_for():
    key = Key(60, MAJOR)
    assert key.chord(0, 60) == [60, 64, 67]
    assert key.chord(4, 55) == [55, 59, 62]
    assert key.pitch(7) == 72
    assert key.bass(5, 33) == 33


def test_every_category_has_an_arrangement_and_a_mix():
    assert set(ARRANGEMENTS) == set(MIXES) == set(CATEGORIES)


def test_a_wav_file_holds_the_sound(tmp_path):
    sound = np.array([0.0, 0.5, -0.5, 1.0], np.float32)
    write_wav(tmp_path / "a.wav", sound, RATE)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
        read = np.frombuffer(file.readframes(4), "<i2") / 32767
    assert np.allclose(read, sound, atol=1e-4)
