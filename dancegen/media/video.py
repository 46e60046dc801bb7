"""Videos as upright RGB pictures at the times asked for. `VideoWriter`, from its own module, goes the other way.

Axes used in shapes:
    H rows    W columns
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
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

__all__ = ["VideoInfo", "VideoWriter", "frames", "probe"]

BEHIND_TRANSPARENT = 128  # grey: neither dark nor light people vanish before it
MAX_ASPECT = 4  # of a pixel; beyond, the header lies
MAX_LAST_FRAME_S = 10.0
TIMESTAMP_ROUNDING_S = 0.001  # of Matroska


@dataclass(frozen=True)
class VideoInfo:
    """What a video is, seen upright. `seconds` is None where the file does not say."""

    width_px: int
    height_px: int
    fps: float
    seconds: float | None
    has_audio: bool


def probe(path: Path, thing: str) -> VideoInfo:
    """Facts about a video, after decoding its first picture. `thing` is what messages call it."""
    with open_container(path, thing) as container:
        stream = picture_stream(container, thing)
        first = next(_pictures(container, stream, thing), None)
        if first is None:
            raise BadMediaError(thing, "has no picture that can be decoded (up to 8K).", REENCODE)
        height_px, width_px = _upright(first, stream, thing).shape[:2]
        return VideoInfo(width_px, height_px, _rate(stream), _seconds(container, stream), bool(container.streams.audio))


def frames(path: Path, thing: str, fps: int | float) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """RGB pictures, upright: picture k is the one on the screen k/fps seconds after the file's beginning.

    A damaged or cut-off video gives the pictures that can be decoded; BadMediaError if there are none.
    """
    shown: VideoFrame | None = None
    count, end = 0, 0.0  # pictures given, and when the one on the screen is over
    with open_container(path, thing) as container:
        stream = picture_stream(container, thing)
        period = 1 / _rate(stream)
        for begin, frame in _timed(container, stream, thing):
            for picture in _repeated(shown, stream, thing, _due(begin, fps) - count):
                count += 1
                yield picture
            shown = frame
            end = begin + _duration(frame, period)
        if shown is None:
            raise BadMediaError(thing, "has no picture that can be decoded (up to 8K).", REENCODE)
        yield from _repeated(shown, stream, thing, max(_due(end, fps), 1) - count)


def _due(seconds: float, fps: int | float) -> int:
    """How many pictures belong to the time before `seconds`."""
    return max(0, math.ceil((seconds - TIMESTAMP_ROUNDING_S) * fps))


def _timed(container: InputContainer, stream: VideoStream, thing: str) -> Iterator[tuple[float, VideoFrame]]:
    """Each picture with the second at which it appears; the first one at 0, never going back."""
    start, period, now = origin(container), 1 / _rate(stream), 0.0
    for number, frame in enumerate(_pictures(container, stream, thing)):
        if number:
            now = max(now, now + period if frame.time is None else frame.time - start)
        if now > MAX_SECONDS:
            hours = MAX_SECONDS // 3600
            raise BadMediaError(thing, f"lasts longer than {hours} hours.", "Cut it: ffmpeg -i IN -t 03:00:00 OUT.mp4")
        yield now, frame


def _pictures(container: InputContainer, stream: VideoStream, thing: str) -> Iterator[VideoFrame]:
    _check_size(stream.codec_context.width, stream.codec_context.height, thing)
    for frame in decoded(container, stream):
        if isinstance(frame, VideoFrame):
            _check_size(frame.width, frame.height, thing)
            yield frame


def _check_size(width_px: int, height_px: int, thing: str) -> None:
    if width_px * height_px > MAX_PIXELS:
        limit = "and the limit is 8K (7680x4320)"
        raise BadMediaError(thing, f"is {width_px}x{height_px}, {limit}.", "Scale it down first.")


def _rate(stream: VideoStream) -> float:
    """Pictures a second as the file says; 25 where it says nothing."""
    return float(stream.average_rate or stream.guessed_rate or 25)


def _seconds(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base) - origin(container)
    return container.duration / av.time_base if container.duration else None


def _duration(frame: VideoFrame, period: float) -> float:
    seconds = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else period
    return min(seconds, MAX_LAST_FRAME_S)


def _repeated(
    frame: VideoFrame | None, stream: VideoStream, thing: str, times: int
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    if frame is not None and times > 0:
        picture = _upright(frame, stream, thing)
        yield picture
        for _ in range(times - 1):
            yield picture.copy()


def _upright(frame: VideoFrame, stream: VideoStream, thing: str) -> UInt8[np.ndarray, "H W 3"]:
    """The picture as a person sees it: square pixels, nothing transparent, turned as the phone says."""
    transparent = any(part.is_alpha for part in frame.format.components) or frame.format.has_palette
    try:
        width_px = _square_width(frame, stream)
        picture = frame.reformat(width_px, frame.height, "rgba" if transparent else "rgb24").to_ndarray()
    except (FFmpegError, ValueError) as error:
        problem = f"has pictures in a format that cannot be converted ({frame.format.name})."
        raise BadMediaError(thing, problem, REENCODE) from error
    if transparent:
        picture = _on_grey(picture)
    return np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90)))


def _square_width(frame: VideoFrame, stream: VideoStream) -> int:
    """The width in square pixels: old camcorders stretch theirs."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return round(frame.width * aspect) if 1 / MAX_ASPECT < aspect < MAX_ASPECT else frame.width


def _on_grey(rgba: UInt8[np.ndarray, "H W 4"]) -> UInt8[np.ndarray, "H W 3"]:
    share = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * share + BEHIND_TRANSPARENT * (255 - share)
    return ((mixed + 127) // 255).astype(np.uint8)
