"""Opens media files: values from headers are validated, and every error message names a remedy."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.frame import Frame
from av.stream import Disposition
from av.video.stream import VideoStream

from dancegen.errors import BadMediaError
from dancegen.storage import SeekableFile

# ffmpeg also treats playlists and text files as containers and would open the files they name: only these are read.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,f4v,asf,mpeg,mpegts,mpegvideo,m4v,h264,hevc,av1,obu,ivf,mjpeg,gif,"
    "apng,mxf,nut,rm,wtv,dv,ogg,yuv4mpegpipe,mp3,flac,wav,w64,aac,adts,ac3,eac3,dts,aiff,au,caf,amr,ape,wv,tta,tak,"
    "mpc,mpc8,dsf,loas,voc,qoa,amrnb,amrwb,truehd,mlp,vc1,vob,swf,oma"
)
# suffixes of the files that are listed in folders
VIDEO_SUFFIXES = (
    *(".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg"),
    *(".ts", ".wmv", ".flv", ".3gp", ".gif"),
)
SOUND_SUFFIXES = (".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".wma")
MAX_SECONDS = 3 * 3600
MAX_PIXELS = 7680 * 4320
MAX_BLOCK_SAMPLES = 1 << 21  # in one decoded audio frame
REENCODE = "Download or export it again, or re-encode it: ffmpeg -i IN OUT.mp4"


@contextmanager
def open_container(source: Path | SeekableFile, subject: str) -> Iterator[InputContainer]:
    """Opens a local file, or a remote one through storage. `subject` names it in error messages.

    Raises BadMediaError when it cannot be opened.
    """
    limits = {"max_pixels": str(MAX_PIXELS), "max_samples": str(MAX_BLOCK_SAMPLES)}
    whitelists = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    # "file:": otherwise a name could be parsed as a protocol or an option
    file: Any = "file:" + os.path.abspath(source) if isinstance(source, Path) else source
    try:
        if isinstance(source, Path):
            if os.path.getsize(source) == 0:
                raise BadMediaError(subject, "is empty (0 bytes).", "Download or export it again.")
        else:
            source.seek(0)
        container = cast(InputContainer, av.open(file, metadata_errors="ignore", options=limits | whitelists))
    except (FFmpegError, OSError) as error:
        problem = f"cannot be opened: it is damaged, truncated, or not a video or audio file ({error.strerror})."
        raise BadMediaError(subject, problem, REENCODE) from error
    with container:
        yield container


def picture_stream(container: InputContainer, subject: str) -> VideoStream:
    """The video stream to use: the default one, or else the first. A song's cover art does not count.

    Raises BadMediaError when there is none, or it cannot be decoded.
    """
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & pictures]
    if not streams:
        raise BadMediaError(subject, "has no video stream.", "Remove it from the list, or check the upload.")
    stream = next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])
    _check_decodable(stream, subject)
    return stream


def sound_stream(container: InputContainer, subject: str, number: int = 0) -> AudioStream:
    """One of the audio streams, counted from 0. Raises BadMediaError when there is none, or it cannot be decoded."""
    streams = list(container.streams.audio)
    if not streams:
        raise BadMediaError(subject, "has no audio.", "Use a file with an audio track.")
    _check_decodable(streams[number], subject)
    return streams[number]


def sound_order(container: InputContainer) -> list[int]:
    """The numbers of the audio streams, the default one first."""
    streams = list(container.streams.audio)
    return sorted(range(len(streams)), key=lambda number: not streams[number].disposition & Disposition.default)


def origin(container: InputContainer) -> float:
    """Start time of the file in seconds of its own clock; the zero point of frames and audio."""
    return (container.start_time or 0) / av.time_base


def decoded(container: InputContainer, stream: VideoStream | AudioStream) -> Iterator[Frame]:
    """Decoded frames of a stream. Damaged packets are skipped; a truncated file ends where it breaks off."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, FFmpegError):
            return
        try:
            frames = packet.decode()
        except FFmpegError:
            continue
        yield from frames  # pyright: ignore[reportReturnType]


def _check_decodable(stream: VideoStream | AudioStream, subject: str) -> None:
    if stream.codec_context is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise BadMediaError(subject, f"has {stream.type} in an unknown format.", REENCODE)
    stream.codec_context.thread_count = 1  # a worker uses only the cores that it requested
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS), "max_samples": str(MAX_BLOCK_SAMPLES)}
