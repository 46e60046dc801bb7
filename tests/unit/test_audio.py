import contextlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from dancegen.errors import BadMediaError
from dancegen.media import audio
from dancegen.media.audio import SAMPLE_RATE, load, normalize_loudness
from dancegen.media.video import VideoWriter

BAD_SOUNDS = Path(__file__).parents[3] / "shared" / "media" / "bad" / "audio"


def tone(seconds: float, rate: int = 48_000, hz: float = 440.0, loudness: float = 0.5) -> np.ndarray:
    return (loudness * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pitch(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * SAMPLE_RATE / len(samples))


def wav_header(rate: int, channels: int, bits: int, claimed_bytes: int) -> bytes:
    block = channels * bits // 8
    form = struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    return b"RIFF" + struct.pack("<I", claimed_bytes) + b"WAVEfmt " + form + b"data" + struct.pack("<I", claimed_bytes)


@pytest.mark.parametrize("ending", [".wav", ".flac", ".mp3", ".m4a", ".webm", ".ogg"])
def test_songs_of_any_format_come_as_mono_samples_of_the_same_length_pitch_and_loudness(tmp_path, make_sound, ending):
    samples = load(make_sound(tmp_path / f"song{ending}", np.stack([tone(1.5), tone(1.5)])), "song")
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(1.5 * SAMPLE_RATE, abs=0.03 * SAMPLE_RATE)
    assert pitch(samples) == pytest.approx(440, abs=1)
    assert np.sqrt(np.mean(samples[4000:-4000] ** 2)) == pytest.approx(
        0.5 / np.sqrt(2), rel=0.06
    )  # MP3 encoders leave some room


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
def test_songs_of_any_rate_keep_their_length_and_pitch(tmp_path, make_sound, rate):
    samples = load(make_sound(tmp_path / "song.wav", tone(1.0, rate), rate), "song")
    assert len(samples) == pytest.approx(SAMPLE_RATE, abs=32)
    assert pitch(samples) == pytest.approx(440, abs=1.1)


@pytest.mark.parametrize("ending", [".wav", ".mp3", ".m4a", ".ogg"])
def test_what_the_encoder_put_before_the_song_is_cut_off_again(tmp_path, make_sound, ending):
    song = tone(0.6)
    song[: 48_000 // 2] = 0
    samples = load(make_sound(tmp_path / f"song{ending}", song), "song")
    assert np.argmax(np.abs(samples) > 0.1) / SAMPLE_RATE == pytest.approx(0.5, abs=0.01)


def test_the_sound_of_a_video_begins_with_its_first_picture(tmp_path, make_video):
    pictures = [np.zeros((48, 64, 3), np.uint8)] * 50
    video = make_video(tmp_path / "video.mkv", pictures, sound=tone(1.0), sound_starts_s=0.5)
    samples = load(video, "video")
    assert np.argmax(np.abs(samples) > 0.1) / SAMPLE_RATE == pytest.approx(0.5, abs=0.025)
    assert len(samples) / SAMPLE_RATE == pytest.approx(1.5, abs=0.05)


def test_silence_is_no_error(tmp_path, make_sound):
    assert not load(make_sound(tmp_path / "song.flac", np.zeros(48_000)), "song").any()


def test_four_channels_become_one(tmp_path, make_sound):
    samples = load(make_sound(tmp_path / "song.wav", np.stack([tone(0.5)] * 4)), "song")
    assert pitch(samples) == pytest.approx(440, abs=2)


def test_samples_that_are_no_numbers_become_silence(tmp_path):
    samples = np.full(16_000, np.nan, "<f4")
    samples[::2] = np.inf
    form = struct.pack("<IHHIIHH", 16, 3, 1, 16_000, 64_000, 4, 32)
    data = b"WAVEfmt " + form + b"data" + struct.pack("<I", samples.nbytes) + samples.tobytes()
    (tmp_path / "song.wav").write_bytes(b"RIFF" + struct.pack("<I", len(data)) + data)
    loaded = load(tmp_path / "song.wav", "song")
    assert np.isfinite(loaded).all()
    assert np.abs(loaded).max() <= 1


@pytest.mark.parametrize(
    "name", ["-song.wav", 'it\'s "a" song #1 [v2].wav', "舞蹈 dançe.wav", "concat:a|b.wav", "%05d.wav"]
)
def test_any_name_will_do(tmp_path, monkeypatch, make_sound, name):
    make_sound(tmp_path / "song.wav", tone(0.5)).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(load(Path(name), name)) == SAMPLE_RATE // 2


def test_tags_in_another_encoding_than_utf8_do_no_harm(tmp_path, make_sound):
    song = make_sound(tmp_path / "song.wav", tone(0.5)).read_bytes()
    tags = b"INFOINAM" + struct.pack("<I", 4) + b"\xff\xfe\xe9\x80"
    (tmp_path / "song.wav").write_bytes(song[:12] + b"LIST" + struct.pack("<I", len(tags)) + tags + song[12:])
    assert len(load(tmp_path / "song.wav", "song")) == SAMPLE_RATE // 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"no sound at all, but a text", "cannot be opened"),
        (b"#EXTM3U\n#EXTINF:10,\nother.wav\n#EXT-X-ENDLIST\n", "cannot be opened"),
        (b"ffconcat version 1.0\nfile other.wav\n", "cannot be opened"),
        (wav_header(44_100, 2, 16, 0), "0.000 s of audio"),
        (wav_header(16_000, 1, 16, 800) + bytes(800), "0.025 s of audio"),
        (wav_header(1, 1, 8, 40_000) + bytes(40_000), "1 samples per second"),
        (wav_header(44_100, 60, 16, 120_000) + bytes(120_000), "cannot be converted"),
    ],
)
def test_what_is_no_song_says_why(tmp_path, make_sound, content, reason):
    make_sound(tmp_path / "other.wav", tone(0.5))
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    with pytest.raises(BadMediaError, match=reason) as error:
        load(path, "s3://songs/song.wav")
    assert str(error.value).startswith("s3://songs/song.wav: ")


def test_a_missing_file_and_a_video_without_sound_say_so(tmp_path, make_video):
    with pytest.raises(BadMediaError, match="No such file"):
        load(tmp_path / "nothing.wav", "song")
    with pytest.raises(BadMediaError, match="has no audio"):
        load(make_video(tmp_path / "video.mp4", [np.zeros((48, 64, 3), np.uint8)]), "video")


def test_a_song_without_end_is_refused(tmp_path, monkeypatch, make_sound):
    monkeypatch.setattr(audio, "MAX_SECONDS", 3600 // 1800)
    with pytest.raises(BadMediaError, match="lasts longer than"):
        load(make_sound(tmp_path / "song.flac", np.zeros(48_000 * 3)), "song")


MEASURE = """
import sys
from pathlib import Path
from dancegen.errors import BadMediaError
from dancegen.media.audio import load
def peak(): return int(next(line for line in open("/proc/self/status") if "VmHWM" in line).split()[1]) / 1024
load(Path(sys.argv[1]), "good")
before = peak()
for path in sys.argv[2:]:
    try: load(Path(path), path)
    except BadMediaError: pass
print(peak() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak of memory is read from Linux's /proc")
def test_headers_that_ask_for_gigabytes_get_a_few_megabytes(tmp_path, make_sound):
    good = make_sound(tmp_path / "good.flac", tone(1.0, 44_100), 44_100)
    bytes_ = good.read_bytes()
    many_samples = bytearray(bytes_)  # a count of 2^36-1 samples: 256 GiB as float32
    many_samples[21] |= 0x0F
    many_samples[22:26] = b"\xff" * 4
    start = bytes_[:4] + bytes([bytes_[4] & 0x7F]) + bytes_[5:42]  # one more block of metadata follows
    comments = b"\x04" + struct.pack(">I", 12)[1:] + struct.pack("<III", 0xFFFFFFF0, 0xFFFFFFF0, 1)
    picture = b"\x00\x00\x00\x03\x00\x00\x00\x09image/png" + bytes(4) + struct.pack(">IIIII", 1, 1, 24, 0, 0xFFFFFFF0)
    hostile = {
        "samples.flac": bytes(many_samples),
        "comments.flac": start + comments + bytes_[42:],
        "picture.flac": start + b"\x06" + struct.pack(">I", len(picture))[1:] + picture + bytes_[42:],
        "block.flac": start + b"\x04\xff\xff\xff" + bytes_[42:],
        "claim.wav": wav_header(44_100, 2, 16, 0xFFFFFFFF) + bytes(80_000),
        "channels.wav": wav_header(44_100, 65_535, 16, 0xFFFFFFFF) + bytes(800_000),
    }
    for name, content in hostile.items():
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-c", MEASURE, str(good), *(str(tmp_path / name) for name in hostile)]
    megabytes = float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert megabytes < 60


def test_a_damaged_song_keeps_its_length_and_what_can_be_decoded(tmp_path, make_sound):
    path = make_sound(tmp_path / "song.flac", np.random.default_rng(0).uniform(-0.5, 0.5, 96_000))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 9000] = bytes(9000)
    path.write_bytes(content)
    samples = load(path, "song")
    assert len(samples) / SAMPLE_RATE == pytest.approx(2.0, abs=0.11)
    assert samples[: SAMPLE_RATE // 2].std() > 0.1
    assert samples[-SAMPLE_RATE // 2 :].std() > 0.1


def test_loudness_is_evened_out_without_clipping():
    for loudness in (0.01, 0.1, 0.9):
        samples = normalize_loudness(tone(1.0, loudness=loudness))
        assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.1, rel=1e-3)
    click = np.zeros(16_000, np.float32)
    click[100] = 0.01
    assert np.abs(normalize_loudness(click)).max() <= 1


def test_silence_stays_silence():
    assert not normalize_loudness(np.zeros(1000, np.float32)).any()
    assert normalize_loudness(np.zeros(0, np.float32)).shape == (0,)
    hiss = np.random.default_rng(0).normal(0, 1e-5, 1000).astype(np.float32)
    assert np.array_equal(normalize_loudness(hiss), hiss)


@pytest.mark.skipif(not BAD_SOUNDS.is_dir(), reason="the collection of bad media files is not on this machine")
def test_every_bad_sound_of_the_collection_decodes_or_says_why():
    for path in sorted(BAD_SOUNDS.iterdir()):
        with contextlib.suppress(BadMediaError):
            samples = load(path, path.name)
            assert np.isfinite(samples).all()
            assert np.abs(samples).max() <= 1


def write_tracks(path: Path, *tracks: np.ndarray, languages: tuple[str, ...] = ()) -> Path:
    """A file with several sound tracks, mono at 48 kHz."""
    with av.open(path, "w") as container:
        streams = [container.add_stream("aac", 48_000, layout="mono") for _ in tracks]
        for stream, language in zip(streams, languages, strict=False):
            stream.metadata["language"] = language
        for stream, samples in zip(streams, tracks, strict=True):
            frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate = 48_000
            for packets in (stream.encode(frame), stream.encode(None)):
                container.mux(packets)
    return path


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
def test_the_track_that_sounds_is_used_and_said(tmp_path, ending):
    silence = np.zeros(48_000)
    path = write_tracks(tmp_path / f"film{ending}", silence, tone(1.0), tone(1.0, hz=880), languages=("ger", "eng"))
    assert pitch(load(path, "film")) == pytest.approx(440, abs=2)
    assert audio.track(path, "film").note == "audio track 1 ger is silent; 2 eng is used"
    late = np.concatenate([silence, tone(1.0, hz=880)])
    path = write_tracks(tmp_path / f"late{ending}", late, np.concatenate([tone(2.0)]))
    assert audio.track(path, "film") == audio.Track(0)  # a silent beginning is no silent track


def test_of_silent_tracks_the_first_is_used_and_that_is_said(tmp_path):
    path = write_tracks(tmp_path / "film.mkv", np.zeros(48_000), np.zeros(48_000))
    assert not audio.is_loud(load(path, "film"))
    assert audio.track(path, "film") == audio.Track(0, "all 2 audio tracks are silent")


def test_one_track_is_not_looked_at_twice(tmp_path, make_sound):
    path = make_sound(tmp_path / "song.wav", np.zeros(48_000))
    assert audio.track(path, "song") == audio.Track(0)


def test_the_video_gets_the_sound_that_is_danced_to(tmp_path):
    film = write_tracks(tmp_path / "film.mkv", np.zeros(48_000), tone(1.0))
    with VideoWriter(tmp_path / "dance.mp4", 64, 48, 25, film) as video:
        for _ in range(25):
            video.write(np.zeros((48, 64, 3), np.uint8))
    assert pitch(load(tmp_path / "dance.mp4", "dance")[2000:14_000]) == pytest.approx(440, abs=3)
