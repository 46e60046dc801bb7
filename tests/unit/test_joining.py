"""Videos of parts are joined to one, whose pictures and sound are those of a whole video."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dancegen.errors import BadMediaError
from dancegen.media.audio import load
from dancegen.media.joining import VideoJoiner
from dancegen.media.video import VideoWriter, probe
from dancegen.steps.render.segments.division import segment_count, segment_frames

HEIGHT, WIDTH = 96, 160
ENCODING = 6.0  # mean difference of levels that the encoder may make


def moving(count: int) -> list[np.ndarray]:
    """Frames with a white bar that moves."""
    frames = np.full((count, HEIGHT, WIDTH, 3), 40, np.uint8)
    for number, frame in enumerate(frames):
        left = number * 3 % (WIDTH - 16)
        frame[20:60, left : left + 16] = 220
    return list(frames)


def written(path: Path, frames: list[np.ndarray], fps: float, sound: Path | None = None, start_s: float = 0.0) -> Path:
    with VideoWriter(path, WIDTH, HEIGHT, fps, sound, sound_start_s=start_s) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def joined(path: Path, parts: dict[Path, int], fps: float, sound: Path | None = None, start_s: float = 0.0) -> Path:
    """`parts` have numbers of frames."""
    with VideoJoiner(path, next(iter(parts)), fps, sound, sound_start_s=start_s) as joiner:
        for part, count in parts.items():
            joiner.append(part, count, part.name)
    return path


def decoded(path: Path) -> tuple[list[Fraction], np.ndarray]:
    """Times in seconds, and frames."""
    with av.open(str(path)) as container:
        found = [(frame.pts * frame.time_base, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    return [time_s for time_s, _ in found], np.array([frame for _, frame in found])


@pytest.mark.parametrize("fps", [25, 30, 59.94, 27.5])
@pytest.mark.parametrize("lengths", [(40, 40, 40), (3, 40, 5), (300, 5)])
def test_joined_parts_have_the_pictures_of_the_parts_at_the_times_of_a_whole_video(
    tmp_path: Path, fps: float, lengths: tuple[int, ...]
):
    frames = moving(sum(lengths))
    parts, first = {}, 0
    for number, length in enumerate(lengths):
        parts[written(tmp_path / f"{number}.mp4", frames[first : first + length], fps)] = length
        first += length
    times_s, pictures = decoded(joined(tmp_path / "joined.mp4", parts, fps))
    whole_s, whole = decoded(written(tmp_path / "whole.mp4", frames, fps))
    assert times_s == whole_s
    assert np.array_equal(pictures, np.concatenate([decoded(part)[1] for part in parts]))
    assert np.abs(pictures.astype(int) - whole).mean(axis=(1, 2, 3)).max() < ENCODING


@pytest.mark.parametrize("start_s", [0.0, 1.5])
def test_the_sound_of_joined_parts_is_that_of_a_whole_video(
    tmp_path: Path, make_sound: Callable[..., Path], start_s: float
):
    song = make_sound(tmp_path / "song.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 6 * 48_000))
    frames = moving(130)
    some = [frames[:50], frames[50:100], frames[100:]]
    parts = {written(tmp_path / f"{number}.mp4", part, 30): len(part) for number, part in enumerate(some)}
    video = joined(tmp_path / "joined.mp4", parts, 30, song, start_s)
    whole = written(tmp_path / "whole.mp4", frames, 30, song, start_s)
    assert np.array_equal(load(video, "joined"), load(whole, "whole"))
    assert probe(video, "joined") == probe(whole, "whole")


def test_a_part_of_another_size_is_refused_and_no_file_is_left(tmp_path: Path):
    one = written(tmp_path / "one.mp4", moving(5), 30)
    other = tmp_path / "other.mp4"
    with VideoWriter(other, 64, 48, 30) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(BadMediaError, match=r"other\.mp4: was encoded in another way than the other segments"):
        joined(tmp_path / "joined.mp4", {one: 5, other: 1}, 30)
    assert not (tmp_path / "joined.mp4").exists()


def test_a_part_that_is_cut_off_is_refused_and_no_file_is_left(tmp_path: Path):
    one = written(tmp_path / "one.mp4", moving(60), 30)
    one.write_bytes(one.read_bytes()[:-1000])
    with pytest.raises(BadMediaError, match=r"one\.mp4: has \d+ frames instead of 60"):
        joined(tmp_path / "joined.mp4", {one: 60}, 30)
    assert not (tmp_path / "joined.mp4").exists()


@pytest.mark.parametrize(("frames", "count"), [(1, 1), (250, 1), (251, 2), (625, 3), (750, 3), (751, 4)])
def test_segments_are_as_few_as_the_length_allows_and_cover_each_frame_once(frames: int, count: int):
    assert segment_count(frames, 25, 10.0) == count
    assert segment_count(frames, 25, None) == 1
    found = [segment_frames(frames, number, count) for number in range(count)]
    assert [index for part in found for index in range(frames)[part]] == list(range(frames))
    lengths = [part.stop - part.start for part in found]
    assert max(lengths) <= 250
    assert max(lengths) - min(lengths) <= 1
