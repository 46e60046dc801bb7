"""Decodes the audio of any file to samples, in pieces: memory is bounded by the audio, not by the file's header.

Axes used in shapes:
    C channels    S samples
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from jaxtyping import Float32

from dancegen.errors import BadMediaError
from dancegen.media.container import (
    MAX_SECONDS,
    REENCODE,
    decoded,
    open_container,
    origin,
    sound_order,
    sound_stream,
)

SAMPLE_RATE = 16_000
MIN_SECONDS = 0.1

MIN_HOLE_S = 0.1  # timestamps jitter by less
MAX_HOLE_S = 60.0  # a longer gap is a timestamp error
MIN_RATE, MAX_RATE, MAX_CHANNELS = 4_000, 768_000, 64

MIXING = {"rematrix_maxval": "1.0"}  # the sum of loud channels must not clip

TARGET_RMS = 0.1  # -20 dBFS
SILENCE_RMS = 1e-4  # -80 dBFS: below is noise, which is not amplified


def load(path: Path, subject: str) -> Float32[np.ndarray, " S"]:
    """The audio of a song or a video, mono at 16 kHz, in [-1, 1]. It begins at the file's first frame.

    Raises BadMediaError when the audio cannot be decoded, or is shorter than 0.1 s or longer than MAX_SECONDS.
    """
    buffer = bytearray()
    bytes_per_second = SAMPLE_RATE * 4
    for piece in pieces(path, subject, SAMPLE_RATE, "mono"):
        buffer += piece[0].tobytes()
        if len(buffer) > MAX_SECONDS * bytes_per_second:
            hours = MAX_SECONDS // 3600
            raise BadMediaError(
                subject, f"lasts longer than {hours} hours.", "Cut it: ffmpeg -i IN -t 03:00:00 OUT.mp4"
            )
    seconds = len(buffer) / bytes_per_second
    if seconds < MIN_SECONDS:
        raise BadMediaError(subject, f"has only {seconds:.3f} s of audio that can be decoded.", REENCODE)
    return np.frombuffer(buffer, dtype=np.float32)


def normalize_loudness(samples: Float32[np.ndarray, " S"]) -> Float32[np.ndarray, " S"]:
    """The same audio at -20 dBFS (RMS), or less where its peaks would exceed 1. Silence is not amplified."""
    if not is_loud(samples):
        return samples.copy()
    rms = float(np.sqrt(np.mean(np.square(samples), dtype=np.float64)))
    peak = float(np.abs(samples).max())
    return samples * np.float32(min(TARGET_RMS / rms, 1.0 / peak))


def pieces(path: Path, subject: str, rate: int, layout: str) -> Iterator[Float32[np.ndarray, "C S"]]:
    """The audio in pieces of bounded length, in [-1, 1]. Gaps between timestamps are filled with silence."""
    number = track(path, subject).number
    with open_container(path, subject) as container:
        yield from _track_pieces(container, subject, number, rate, layout)


@dataclass(frozen=True)
class Track:
    """The audio track of a file that is used."""

    number: int  # from 0
    note: str | None = None  # reported to the user: why this track was chosen


def track(path: Path, subject: str) -> Track:
    """The audio track to use: the default or the first one, unless it is silent and another one is not."""
    return _track(path, subject, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=8)  # the selection may decode a whole silent track
def _track(path: Path, subject: str, mtime_ns: int) -> Track:
    with open_container(path, subject) as container:
        order = sound_order(container)
        names = [_track_name(stream, number) for number, stream in enumerate(container.streams.audio)]
    if len(order) < 2:
        return Track(0)
    sounding = next((number for number in order if _sounds(path, subject, number)), None)
    if sounding is None:
        return Track(order[0], f"all {len(order)} audio tracks are silent")
    silent = ", ".join(names[number] for number in order[: order.index(sounding)])
    return Track(sounding, f"audio track {silent} is silent; {names[sounding]} is used" if silent else None)


def _track_name(stream: AudioStream, number: int) -> str:
    return " ".join(filter(None, [str(number + 1), (stream.language or "und").replace("und", "")]))


def _sounds(path: Path, subject: str, number: int) -> bool:
    """Whether an audio track is not silent. Decoding stops at the first piece that is not silent."""
    try:
        with open_container(path, subject) as container:
            found = _track_pieces(container, subject, number, SAMPLE_RATE, "mono")
            return any(is_loud(piece[0]) for piece in found)
    except BadMediaError:
        return False


def is_loud(samples: Float32[np.ndarray, " S"]) -> bool:
    """Whether the RMS level reaches SILENCE_RMS."""
    return len(samples) > 0 and float(np.sqrt(np.mean(np.square(samples), dtype=np.float64))) >= SILENCE_RMS


def _track_pieces(
    container: InputContainer, subject: str, number: int, rate: int, layout: str
) -> Iterator[Float32[np.ndarray, "C S"]]:
    stream = sound_stream(container, subject, number)
    resample = _Resampler(rate, layout)
    start, clock, smallest_hole = origin(container), 0.0, 0.0
    for frame in decoded(container, stream):
        if not isinstance(frame, AudioFrame) or not frame.samples:
            continue
        _check_frame(frame, subject)
        hole = 0.0 if frame.time is None else frame.time - start - clock
        if smallest_hole < hole < MAX_HOLE_S:
            yield from resample.flush()
            yield np.zeros((len(resample.layout.channels), round(hole * rate)), dtype=np.float32)
            clock += hole
        smallest_hole = MIN_HOLE_S
        clock += frame.samples / frame.sample_rate
        try:
            yield from resample.push(frame)
        except (FFmpegError, ValueError) as error:
            problem = f"has audio that cannot be converted ({frame.format.name}, {frame.layout.name})."
            raise BadMediaError(subject, problem, REENCODE) from error
    yield from resample.flush()


def resampled(samples: Float32[np.ndarray, " S"], rate: int, layout: str) -> Iterator[Float32[np.ndarray, "C S"]]:
    """Converts mono samples at 16 kHz to another rate and layout, in pieces of about one second."""
    resample = _Resampler(rate, layout)
    for start in range(0, len(samples), SAMPLE_RATE):
        piece = np.ascontiguousarray(samples[None, start : start + SAMPLE_RATE], dtype=np.float32)
        frame = AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        yield from resample.push(frame)
    yield from resample.flush()


def stream_rate(path: Path, subject: str) -> int:
    """Sample rate in Hz, from the file's header."""
    number = track(path, subject).number
    with open_container(path, subject) as container:
        return sound_stream(container, subject, number).rate


class _Resampler:
    """Converts frames of any format to float32 arrays of one rate and layout. The input format may change."""

    def __init__(self, rate: int, layout: str) -> None:
        self.rate, self.layout = rate, av.AudioLayout(layout)
        self.resampler: AudioResampler | None = None
        self.source: tuple[str, str, int] | None = None

    def push(self, frame: AudioFrame) -> Iterator[np.ndarray]:
        """Converts a frame; some of its samples may be returned with the next one."""
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        if source != self.source:
            yield from self.flush()
            self.source = source
        if self.resampler is None:
            layout = "mono" if len(frame.layout.channels) == 1 else self.layout  # ffmpeg mixes mono 3 dB lower
            self.resampler = AudioResampler("fltp", layout, self.rate, options=MIXING)
        yield from map(self._samples, self.resampler.resample(frame))

    def flush(self) -> Iterator[np.ndarray]:
        """The samples that are still buffered."""
        if self.resampler is not None:
            rest = [frame for frame in self.resampler.resample(None) if frame is not None]
            self.resampler = None
            yield from map(self._samples, rest)

    def _samples(self, frame: AudioFrame) -> Float32[np.ndarray, "C S"]:
        samples = np.nan_to_num(frame.to_ndarray(), nan=0.0, posinf=1.0, neginf=-1.0)
        samples = np.clip(samples, -1.0, 1.0, dtype=np.float32)
        return np.broadcast_to(samples, (len(self.layout.channels), samples.shape[1]))


def _check_frame(frame: AudioFrame, subject: str) -> None:
    if not MIN_RATE <= frame.sample_rate <= MAX_RATE:
        limits = f"{MIN_RATE} to {MAX_RATE} are supported"
        raise BadMediaError(subject, f"has {frame.sample_rate} samples per second; {limits}.", REENCODE)
    if len(frame.layout.channels) > MAX_CHANNELS:
        channels = len(frame.layout.channels)
        raise BadMediaError(subject, f"has {channels} channels; at most {MAX_CHANNELS} are supported.", REENCODE)
