import contextlib
import io
import math
import os
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dancegen.errors import BadMediaError, StorageError
from dancegen.media.audio import SAMPLE_RATE, load, pieces
from dancegen.media.video import VideoWriter, frames, probe

BAD_VIDEOS = Path(__file__).parents[3] / "shared" / "media" / "bad" / "video"


def grey(*levels: int, size: tuple[int, int] = (48, 64)) -> list[np.ndarray]:
    return [np.full((*size, 3), level, np.uint8) for level in levels]


def levels(path: Path, fps: float) -> list[int]:
    return [round(float(frame.mean())) for frame in frames(path, "video", fps)]


def quarters() -> np.ndarray:
    """Red, green, blue and white: upper left, upper right, lower left, lower right."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32, 0] = picture[:24, 32:, 1] = picture[24:, :32, 2] = picture[24:, 32:] = 255
    return picture


def corners(frame: np.ndarray) -> list[str]:
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 1): "white"}
    height, width = frame.shape[:2]
    places = [
        (height // 4, width // 4),
        (height // 4, -width // 4),
        (-height // 4, width // 4),
        (-height // 4, -width // 4),
    ]
    return [names[tuple(int(part > 127) for part in frame[place])] for place in places]


@pytest.mark.parametrize(("source_fps", "fps"), [(30, 10), (25, 10), (60, 10), (8, 10), (24, 25), (30, 30)])
def test_pictures_come_at_the_times_asked_for(tmp_path, make_video, source_fps, fps):
    shown = list(range(0, 240, 5))
    path = make_video(tmp_path / "video.mkv", grey(*shown), source_fps)
    count = math.ceil(len(shown) / source_fps * fps - 1e-2)
    assert levels(path, fps) == [shown[int((k / fps + 1e-3) * source_fps)] for k in range(count)]


def test_a_changing_frame_rate_is_followed_by_its_times(tmp_path, make_video):
    path = make_video(tmp_path / "video.mkv", grey(10, 60, 110, 160), fps=10, times_s=[0.0, 0.12, 0.48, 0.91])
    assert levels(path, 10) == [10, 10, 60, 60, 60, 110, 110, 110, 110, 110, 160]


@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((0, 1, -1, 0), ["blue", "red", "white", "green"]),  # a quarter to the right
        ((-1, 0, 0, -1), ["white", "blue", "green", "red"]),  # upside down
        ((0, -1, 1, 0), ["green", "white", "red", "blue"]),  # a quarter to the left
    ],
)
def test_videos_of_turned_phones_stand_upright(tmp_path, make_video, matrix, upright):
    path = make_video(tmp_path / "video.mp4", [quarters()] * 3)
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (part << 16 for part in matrix)
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    picture = next(frames(path, "video", 10))
    info = probe(path, "video")
    assert corners(picture) == upright
    assert corners(next(frames(path, "video", 25, 2))) == upright
    assert (info.height_px, info.width_px) == picture.shape[:2] == ((64, 48) if a == 0 else (48, 64))


def test_odd_sizes_are_kept(tmp_path, make_video):
    path = make_video(tmp_path / "video.mkv", grey(100, 100, size=(47, 65)))
    assert next(frames(path, "video", 10)).shape == (47, 65, 3)


def test_what_is_transparent_becomes_grey(tmp_path, make_video):
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[:, :32] = (255, 0, 0, 255)
    frame = next(frames(make_video(tmp_path / "video.mkv", [picture]), "video", 10))
    assert tuple(frame[24, 10]) == (255, 0, 0)
    assert tuple(frame[24, 50]) == (128, 128, 128)


def test_the_cover_picture_of_a_song_is_no_video(tmp_path, make_sound):
    song = make_sound(tmp_path / "song.flac", np.zeros(48_000)).read_bytes()
    png = cv2.imencode(".png", quarters())[1].tobytes()
    block = struct.pack(">II", 3, 9) + b"image/png" + struct.pack(">IIIIII", 0, 64, 48, 24, 0, len(png)) + png
    start = song[:4] + bytes([song[4] & 0x7F]) + song[5:42]
    cover = b"\x06" + struct.pack(">I", len(block))[1:] + block
    (tmp_path / "song.flac").write_bytes(start + cover + song[42:])
    with av.open(tmp_path / "song.flac") as container:
        assert len(container.streams.video) == 1
    with pytest.raises(BadMediaError, match="no video stream"):
        probe(tmp_path / "song.flac", "song")
    assert len(load(tmp_path / "song.flac", "song")) == SAMPLE_RATE


def test_of_several_videos_in_a_file_the_first_is_taken(tmp_path):
    path = tmp_path / "video.mkv"
    with av.open(path, "w") as container:
        streams = [container.add_stream("ffv1", 25, width=64, height=48, pix_fmt="bgra") for _ in range(2)]
        for stream, picture in zip(streams, grey(50, 200), strict=True):
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts = 0
            container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    assert levels(path, 25) == [50]


def test_what_an_edit_list_hides_is_not_shown(tmp_path, make_video):
    path = make_video(tmp_path / "video.mp4", grey(*range(0, 250, 10)), fps=25)
    content = bytearray(path.read_bytes())
    entry = content.index(b"elst") + 4 + 8 + 4  # past version, count and duration
    first = struct.unpack(">i", content[entry : entry + 4])[0]
    timescale = struct.unpack(">I", content[content.index(b"mdhd") + 16 :][:4])[0]
    content[entry : entry + 4] = struct.pack(">i", first + timescale * 10 // 25)
    path.write_bytes(content)
    assert abs(levels(path, 25)[0] - 100) <= 3
    assert np.array_equal(np.stack(cut(path, 4, 25)), np.stack(list(frames(path, "video", 25))))


def cut(path: Path, size: int, fps: float = 10) -> list[np.ndarray]:
    """All pictures, read in parts of so many."""
    whole: list[np.ndarray] = []
    while part := list(frames(path, "video", fps, len(whole), len(whole) + size)):
        whole += part
    return whole


def moving(count: int) -> list[np.ndarray]:
    noise = cv2.blur(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8), (5, 5))
    return [np.roll(noise, (number, 2 * number), (0, 1)) for number in range(count)]


def write_coded(path: Path, codec: str, options: dict[str, str], times_s: list[float]) -> Path:
    """A video with many key frames; without a time of a picture its container tells none."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, 25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for picture, seconds in zip(moving(len(times_s)), times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts, frame.time_base = round(seconds * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


EVEN = [number / 25 for number in range(75)]
UNEVEN = list(np.cumsum(np.random.default_rng(1).choice([0.01, 0.04, 0.2], 75)))
H264 = "keyint=10:bframes=3:b-pyramid=2:scenecut=0"


@pytest.mark.parametrize(
    ("name", "codec", "options", "times_s"),
    [
        ("b-frames.mp4", "libx264", {"x264-params": H264}, EVEN),
        ("open-groups.mkv", "libx264", {"x264-params": f"{H264}:open-gop=1"}, EVEN),
        ("refreshed-bit-by-bit.mp4", "libx264", {"x264-params": "keyint=10:intra-refresh=1"}, EVEN),
        ("uneven.mp4", "libx264", {"x264-params": H264}, UNEVEN),
        ("uneven.webm", "libvpx", {"g": "10", "cpu-used": "8"}, UNEVEN),
        ("starts-late.mkv", "libx264", {"x264-params": H264}, [1.37 + seconds for seconds in EVEN]),
        ("without-times.avi", "mpeg4", {"g": "10", "bf": "2"}, EVEN),
        ("stream.ts", "libx264", {"x264-params": H264}, EVEN),
    ],
)
@pytest.mark.parametrize("size", [1, 7])
def test_parts_are_the_same_pictures_as_the_whole(tmp_path, name, codec, options, times_s, size):
    path = write_coded(tmp_path / name, codec, options, times_s)
    whole = list(frames(path, "video", 10))
    assert len(whole) >= 30
    assert np.array_equal(np.stack(cut(path, size)), np.stack(whole))
    assert np.array_equal(np.stack(list(frames(path, "video", 10, 13))), np.stack(whole[13:]))


@pytest.mark.skipif(not BAD_VIDEOS.is_dir(), reason="the collection of bad media files is not on this machine")
def test_parts_of_every_bad_video_are_the_same_pictures_as_the_whole():
    for path in sorted(BAD_VIDEOS.iterdir()):
        with contextlib.suppress(BadMediaError):
            whole = list(frames(path, path.name, 5))
            assert np.array_equal(np.stack(cut(path, 9, 5)), np.stack(whole)), path.name


def test_a_part_beyond_the_end_has_no_pictures(tmp_path, make_video):
    path = make_video(tmp_path / "video.mp4", moving(30), fps=10)
    assert [len(list(frames(path, "video", 10, first, stop))) for first, stop in ((25, 40), (30, 40), (500, None))] == [
        5,
        0,
        0,
    ]


def test_a_part_of_a_file_without_pictures_says_so(tmp_path, make_video):
    path = make_video(tmp_path / "video.mp4", moving(30))
    with av.open(path) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for place, size in places:
        content[place : place + size] = bytes(size)
    path.write_bytes(content)
    for first in (0, 5):
        with pytest.raises(BadMediaError, match="no frame that can be decoded"):
            list(frames(path, "video", 10, first, first + 5))


class Watched(io.FileIO):
    """A file that counts the bytes that are read of it."""

    count = 0

    def readinto(self, buffer):
        got = super().readinto(buffer)
        self.count += got or 0
        return got

    def read(self, size=-1):
        data = super().read(size)
        self.count += len(data)
        return data


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_of_a_long_file_only_the_part_is_read(tmp_path, ending):
    noise = np.random.default_rng(0).integers(0, 255, (100, 240, 320, 3), np.uint8)
    path = tmp_path / f"video{ending}"
    with av.open(path, "w") as container:
        stream = container.add_stream(
            "libx264", 25, width=320, height=240, options={"g": "5", "crf": "10", "preset": "ultrafast"}
        )
        for picture in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    with Watched(path) as file:
        part = list(frames(file, "video", 25, 80, 85))
        assert file.count < path.stat().st_size / 3
    assert np.array_equal(np.stack(part), np.stack(list(frames(path, "video", 25))[80:85]))


def test_probe_says_what_a_video_is(tmp_path, make_video):
    path = make_video(tmp_path / "video.mp4", grey(*range(30)), fps=30, sound=np.zeros(48_000))
    info = probe(path, "video")
    assert (info.width_px, info.height_px, info.has_audio) == (64, 48, True)
    assert info.fps == pytest.approx(30, abs=0.01)
    assert info.seconds == pytest.approx(1.0, abs=0.01)
    assert not probe(make_video(tmp_path / "silent.mp4", grey(1, 2)), "video").has_audio


def test_a_file_that_does_not_know_its_length_is_read_to_its_end(tmp_path):
    path = tmp_path / "video.mkv"
    with av.open(path, "w", options={"live": "1"}) as container:
        stream = container.add_stream("ffv1", 25, width=64, height=48, pix_fmt="bgra")
        for number, picture in enumerate(grey(*range(25))):
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert probe(path, "video").seconds is None
    assert levels(path, 25) == list(range(25))
    assert [round(float(frame.mean())) for frame in cut(path, 4, 25)] == list(range(25))


def test_a_cut_off_video_gives_its_beginning_or_says_why(tmp_path, make_video):
    noise = [np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8) for number in range(20)]
    for ending in (".mkv", ".mp4"):
        path = make_video(tmp_path / f"video{ending}", noise)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 5 <= len(list(frames(tmp_path / "video.mkv", "video", 25))) <= 15
    with pytest.raises(BadMediaError, match="truncated"):
        list(frames(tmp_path / "video.mp4", "video", 25))


@pytest.mark.parametrize("content", [b"", b"this is a text", b"ffconcat version 1.0\nfile other.mp4\n", bytes(5000)])
def test_what_is_no_video_says_so(tmp_path, make_video, content):
    make_video(tmp_path / "other.mp4", grey(1, 2))
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    for look in (probe, lambda path, subject: list(frames(path, subject, 10))):
        with pytest.raises(BadMediaError) as error:
            look(path, "s3://videos/video.mp4")
        assert str(error.value).startswith("s3://videos/video.mp4: ")


def test_pictures_larger_than_8k_are_refused(tmp_path):
    path = tmp_path / "video.avi"
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", 25, width=64, height=48, pix_fmt="gray")
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64), np.uint8), format="gray")
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert probe(path, "video").width_px == 64
    content = bytearray(path.read_bytes())
    size = content.index(b"strf") + 12
    assert content[size : size + 8] == struct.pack("<II", 64, 48)
    content[size : size + 8] = struct.pack("<II", 20_000, 20_000)
    path.write_bytes(content)
    with pytest.raises(BadMediaError, match="8K"):
        probe(path, "video")


@pytest.mark.parametrize("name", ["-video.mp4", 'it\'s "a" video #1 [v2].mp4', "舞蹈 dançe.mp4", "concat:a|b.mp4"])
def test_any_name_will_do_for_reading_and_writing(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with VideoWriter(Path(name), 64, 48, 25) as video:
        video.write(grey(100)[0])
    assert len(levels(Path(name), 25)) == 1


@pytest.mark.parametrize("fps", [25, 29.97, 30, 50, 60])
@pytest.mark.parametrize("sound_s", [0.5, 3.0])
def test_picture_and_sound_are_of_the_same_length_to_one_frame(tmp_path, make_sound, fps, sound_s):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, round(sound_s * 44_100)))
    sound = make_sound(tmp_path / "song.flac", noise, 44_100)
    path = tmp_path / "video.mp4"
    with VideoWriter(path, 64, 48, fps, sound) as video:
        for picture in grey(*range(round(1.7 * fps))):
            video.write(picture)
    with av.open(path) as container:
        pictures = [frame.time for frame in container.decode(video=0)]
    with av.open(path) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert len(pictures) == round(1.7 * fps)
    assert np.allclose(np.diff(pictures), 1 / fps, atol=1e-3)
    assert samples / 44_100 == pytest.approx(len(pictures) / fps, abs=1 / fps)
    assert probe(path, "video").fps == pytest.approx(fps, abs=0.01)


@pytest.mark.parametrize("ending", [".wav", ".mp3", ".m4a", ".ogg", "samples"])
def test_a_click_in_the_song_is_heard_when_its_picture_is_seen(tmp_path, make_sound, ending):
    rate = SAMPLE_RATE if ending == "samples" else 48_000
    song = np.zeros(2 * rate, np.float32)
    song[rate : rate + rate // 200] = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(rate // 200) / rate)
    sound = song if ending == "samples" else make_sound(tmp_path / f"song{ending}", song)
    path = tmp_path / "video.mp4"
    with VideoWriter(path, 64, 48, 30, sound) as video:
        for number in range(60):
            video.write(grey(255 if number == 30 else 0)[0])
    assert np.abs(load(path, "video")).argmax() / SAMPLE_RATE == pytest.approx(1.0, abs=0.025)
    assert int(np.argmax(levels(path, 30))) == 30


def test_the_song_is_written_in_stereo_and_as_loud_as_it_was(tmp_path, make_sound):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    path = tmp_path / "video.mp4"
    for left, right in ((tone, 0 * tone), (tone, tone)):
        with VideoWriter(path, 64, 48, 25, make_sound(tmp_path / "song.wav", np.stack([left, right]), 44_100)) as video:
            for picture in grey(*range(25)):
                video.write(picture)
        written = np.concatenate(list(pieces(path, "video", 44_100, "stereo")), axis=1)[:, 5000:-5000]
        assert np.allclose(written.std(axis=1), [left.std(), right.std()], atol=0.01)


def test_mono_songs_are_as_loud_on_both_sides(tmp_path, make_sound):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    path = tmp_path / "video.mp4"
    with VideoWriter(path, 64, 48, 25, make_sound(tmp_path / "song.wav", tone, 44_100)) as video:
        for picture in grey(*range(25)):
            video.write(picture)
    written = np.concatenate(list(pieces(path, "video", 44_100, "stereo")), axis=1)[:, 5000:-5000]
    assert np.allclose(written.std(axis=1), tone.std(), atol=0.01)


def test_colours_survive_and_the_file_begins_with_its_index(tmp_path):
    path = tmp_path / "video.mp4"
    with VideoWriter(path, 64, 48, 25) as video:
        for _ in range(5):
            video.write(quarters())
    frame = next(frames(path, "video", 25))
    assert corners(frame) == ["red", "green", "blue", "white"]
    for place, color in (((12, 16), (255, 0, 0)), ((12, 48), (0, 255, 0)), ((36, 16), (0, 0, 255))):
        assert np.abs(frame[place].astype(int) - color).max() <= 12
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(path) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


ENCODE = """
import hashlib, sys
from pathlib import Path
import cv2, numpy as np
from dancegen.media.video import VideoWriter

path = Path(sys.argv[1])
with VideoWriter(path, 160, 96, 25) as video:
    for number in range(25):
        rgb = np.full((96, 160, 3), 24, dtype=np.uint8)
        cv2.circle(rgb, (20 + 5 * number, 40 + number), 20, (220, 90, 40), 4, cv2.LINE_AA)
        video.write(rgb)
print(hashlib.sha256(path.read_bytes()).hexdigest())
"""


def test_the_same_frames_give_the_same_file_whatever_memory_held_before(tmp_path):
    files = set()
    for fill in ("0", "77", "200"):  # glibc fills memory that it hands out with this byte
        command = [sys.executable, "-c", ENCODE, str(tmp_path / "video.mp4")]
        done = subprocess.run(command, env={**os.environ, "MALLOC_PERTURB_": fill}, capture_output=True, check=True)
        files.add(done.stdout)
    assert len(files) == 1


def test_no_file_is_left_when_the_block_raises(tmp_path):
    def write_and_fail() -> None:
        with VideoWriter(tmp_path / "video.mp4", 64, 48, 25, np.zeros(1000, np.float32)) as video:
            for picture in grey(*range(30)):
                video.write(picture)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_a_song_that_is_none_leaves_no_file(tmp_path):
    (tmp_path / "song.wav").write_bytes(b"no song")
    with (
        pytest.raises(BadMediaError, match=r"song\.wav"),
        VideoWriter(tmp_path / "v.mp4", 64, 48, 25, tmp_path / "song.wav"),
    ):
        pass
    assert not (tmp_path / "v.mp4").exists()


def test_wrong_use_of_the_writer_is_refused(tmp_path):
    with pytest.raises(ValueError, match="even, not 65x48"):
        VideoWriter(tmp_path / "video.mp4", 65, 48, 25)
    with pytest.raises(ValueError, match="a frame must be"), VideoWriter(tmp_path / "video.mp4", 64, 48, 25) as video:
        video.write(np.zeros((64, 48, 3), np.uint8))
    with pytest.raises(ValueError, match="at least one frame"), VideoWriter(tmp_path / "video.mp4", 64, 48, 25):
        pass
    with (
        pytest.raises(StorageError, match="cannot be written"),
        VideoWriter(tmp_path / "no" / "v.mp4", 64, 48, 25) as video,
    ):
        video.write(grey(0)[0])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not BAD_VIDEOS.is_dir(), reason="the collection of bad media files is not on this machine")
def test_every_bad_video_of_the_collection_decodes_or_says_why():
    for path in sorted(BAD_VIDEOS.iterdir()):
        with contextlib.suppress(BadMediaError):
            info = probe(path, path.name)
            assert {frame.shape for frame in frames(path, path.name, 10)} == {(info.height_px, info.width_px, 3)}
