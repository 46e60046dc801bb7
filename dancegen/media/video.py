"""Decodes videos to upright RGB frames at requested times. `VideoWriter` (media.writer) encodes them.

Axes used in shapes:
    H rows    W columns
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from dancegen.errors import BadMediaError
from dancegen.media.container import MAX_PIXELS, MAX_SECONDS, REENCODE, decoded, open_container, origin, picture_stream
from dancegen.media.writer import VideoWriter
from dancegen.storage import SeekableFile

__all__ = ["VideoInfo", "VideoWriter", "frames", "probe"]

BEHIND_TRANSPARENT = 128  # grey: both dark and light people stay visible
MAX_ASPECT = 4  # of a pixel; beyond, the header is wrong
MAX_LAST_FRAME_S = 10.0
TIMESTAMP_ROUNDING_S = 0.001  # of Matroska
SEEKABLE = {"mp4", "matroska"}  # formats with an index and explicit timestamps, not derived from earlier packets
SEEK_EARLIER_S = 0.5  # the index has decoding times, which precede presentation times


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a video, after rotation. `seconds` is None when the file does not contain it."""

    width_px: int
    height_px: int
    fps: float
    seconds: float | None
    has_audio: bool


def probe(path: Path, subject: str) -> VideoInfo:
    """Properties of a video; decodes its first frame. `subject` names it in error messages.

    Raises BadMediaError when no frame can be decoded.
    """
    with open_container(path, subject) as container:
        stream = picture_stream(container, subject)
        first = next(_pictures(container, stream, subject), None)
        if first is None:
            raise BadMediaError(subject, "has no frame that can be decoded (up to 8K).", REENCODE)
        height_px, width_px = _upright(first, stream, subject).shape[:2]
        return VideoInfo(width_px, height_px, _rate(stream), _seconds(container, stream), bool(container.streams.audio))


def frames(
    source: Path | SeekableFile, subject: str, fps: int | float, first: int = 0, stop: int | None = None
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Upright RGB frames: frame k is the one shown k/fps seconds after the file's beginning.

    Only frames first..stop-1 are yielded, and none beyond the end. Decoding starts at a key frame where the result is
    the same as from the beginning. A damaged or truncated video yields the frames that can be decoded. Raises
    BadMediaError if there are none in the whole file.
    """
    if stop is not None and stop <= first:
        return
    for seeking in (True, False) if first > 0 else (False,):
        with open_container(source, subject) as container:
            stream = picture_stream(container, subject)
            timed = (
                _timed_near(container, stream, subject, first, fps) if seeking else _timed(container, stream, subject)
            )
            if timed is not None:
                yield from _shown(timed, stream, subject, fps, first, sys.maxsize if stop is None else stop)
                return


def _shown(
    timed: Iterator[tuple[float, VideoFrame]],
    stream: VideoStream,
    subject: str,
    fps: int | float,
    first: int,
    stop: int,
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Frames first..stop-1, of which those from `first` on are in `timed`."""
    shown: VideoFrame | None = None
    count, end, period = first, 0.0, 1 / _rate(stream)  # count: number of the next frame; end: end time of the last one
    for begin, frame in timed:
        due = min(_due(begin, fps), stop)
        yield from _repeated(shown, stream, subject, due - count)
        count = max(count, due)
        if count >= stop:
            return
        shown = frame
        end = begin + _duration(frame, period)
    if shown is None:
        raise BadMediaError(subject, "has no frame that can be decoded (up to 8K).", REENCODE)
    yield from _repeated(shown, stream, subject, min(max(_due(end, fps), 1), stop) - count)


def _timed_near(
    container: InputContainer, stream: VideoStream, subject: str, first: int, fps: int | float
) -> Iterator[tuple[float, VideoFrame]] | None:
    """As `_timed`, but only from the key frame on that is shown at or before frame `first`.

    None when there is no such frame, or its times depend on earlier frames: decode from the beginning.
    """
    if not SEEKABLE & set(container.format.name.split(",")) or stream.time_base is None:
        return None
    seconds = max(0.0, first / fps - SEEK_EARLIER_S)
    try:
        container.seek(round((origin(container) + seconds) / stream.time_base), stream=stream)
    except FFmpegError:
        return None
    pictures = _pictures(container, stream, subject)
    key = next((frame for frame in pictures if frame.key_frame), None)  # earlier frames lack their references
    if key is None or key.is_corrupt or key.time is None:
        return None
    begin = key.time - origin(container)
    if _due(begin, fps) > first:
        return None
    return _at_their_times(chain([key], pictures), begin, origin(container), 1 / _rate(stream), subject)


def _due(seconds: float, fps: int | float) -> int:
    """Number of frames due before `seconds`."""
    return max(0, math.ceil((seconds - TIMESTAMP_ROUNDING_S) * fps))


def _timed(container: InputContainer, stream: VideoStream, subject: str) -> Iterator[tuple[float, VideoFrame]]:
    """Each frame with its presentation time in seconds, which starts at 0 and never decreases."""
    return _at_their_times(_pictures(container, stream, subject), 0.0, origin(container), 1 / _rate(stream), subject)


def _at_their_times(
    pictures: Iterator[VideoFrame], begin: float, start: float, period: float, subject: str
) -> Iterator[tuple[float, VideoFrame]]:
    """Frames with their times; the first one at `begin`. `start` is the origin of the file's clock."""
    now = begin
    for number, frame in enumerate(pictures):
        if number:
            now = max(now, now + period if frame.time is None else frame.time - start)
        if now > MAX_SECONDS:
            hours = MAX_SECONDS // 3600
            raise BadMediaError(
                subject, f"lasts longer than {hours} hours.", "Cut it: ffmpeg -i IN -t 03:00:00 OUT.mp4"
            )
        yield now, frame


def _pictures(container: InputContainer, stream: VideoStream, subject: str) -> Iterator[VideoFrame]:
    _check_size(stream.codec_context.width, stream.codec_context.height, subject)
    for frame in decoded(container, stream):
        if isinstance(frame, VideoFrame):
            _check_size(frame.width, frame.height, subject)
            yield frame


def _check_size(width_px: int, height_px: int, subject: str) -> None:
    if width_px * height_px > MAX_PIXELS:
        limit = "and the limit is 8K (7680x4320)"
        raise BadMediaError(subject, f"is {width_px}x{height_px}, {limit}.", "Scale it down first.")


def _rate(stream: VideoStream) -> float:
    """Frames per second from the file's header; 25 when it has none."""
    return float(stream.average_rate or stream.guessed_rate or 25)


def _seconds(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base) - origin(container)
    return container.duration / av.time_base if container.duration else None


def _duration(frame: VideoFrame, period: float) -> float:
    seconds = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else period
    return min(seconds, MAX_LAST_FRAME_S)


def _repeated(
    frame: VideoFrame | None, stream: VideoStream, subject: str, times: int
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    if frame is not None and times > 0:
        picture = _upright(frame, stream, subject)
        yield picture
        for _ in range(times - 1):
            yield picture.copy()


def _upright(frame: VideoFrame, stream: VideoStream, subject: str) -> UInt8[np.ndarray, "H W 3"]:
    """The frame as it is displayed: square pixels, no transparency, rotated by the display matrix."""
    transparent = any(part.is_alpha for part in frame.format.components) or frame.format.has_palette
    try:
        width_px = _square_width(frame, stream)
        picture = frame.reformat(width_px, frame.height, "rgba" if transparent else "rgb24").to_ndarray()
    except (FFmpegError, ValueError) as error:
        problem = f"has frames in a format that cannot be converted ({frame.format.name})."
        raise BadMediaError(subject, problem, REENCODE) from error
    if transparent:
        picture = _on_grey(picture)
    return np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90)))


def _square_width(frame: VideoFrame, stream: VideoStream) -> int:
    """The width in square pixels: old camcorders record non-square ones."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return round(frame.width * aspect) if 1 / MAX_ASPECT < aspect < MAX_ASPECT else frame.width


def _on_grey(rgba: UInt8[np.ndarray, "H W 4"]) -> UInt8[np.ndarray, "H W 3"]:
    share = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * share + BEHIND_TRANSPARENT * (255 - share)
    return ((mixed + 127) // 255).astype(np.uint8)
