"""Sound of any file as samples, decoded in pieces so that memory is bounded by the sound and not by its header.

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
MAX_HOLE_S = 60.0  # a longer hole is a lie of the timestamps
MIN_RATE, MAX_RATE, MAX_CHANNELS = 4_000, 768_000, 64

MIXING = {"rematrix_maxval": "1.0"}  # the sum of loud channels must not clip

TARGET_RMS = 0.1  # -20 dBFS
SILENCE_RMS = 1e-4  # -80 dBFS: what is below is noise, not to be made loud


def load(path: Path, thing: str) -> Float32[np.ndarray, " S"]:
    """The sound of a song or a video, mono at 16 kHz, in [-1, 1]. It begins when the file's first picture does."""
    buffer = bytearray()
    bytes_per_second = SAMPLE_RATE * 4
    for piece in pieces(path, thing, SAMPLE_RATE, "mono"):
        buffer += piece[0].tobytes()
        if len(buffer) > MAX_SECONDS * bytes_per_second:
            hours = MAX_SECONDS // 3600
            raise BadMediaError(thing, f"lasts longer than {hours} hours.", "Cut it: ffmpeg -i IN -t 03:00:00 OUT.mp4")
    seconds = len(buffer) / bytes_per_second
    if seconds < MIN_SECONDS:
        raise BadMediaError(thing, f"has only {seconds:.3f} s of sound that can be decoded.", REENCODE)
    return np.frombuffer(buffer, dtype=np.float32)


def normalize_loudness(samples: Float32[np.ndarray, " S"]) -> Float32[np.ndarray, " S"]:
    """The same sound at -20 dBFS (RMS), or less where its peaks would pass 1. Silence stays silence."""
    if not is_loud(samples):
        return samples.copy()
    rms = float(np.sqrt(np.mean(np.square(samples), dtype=np.float64)))
    peak = float(np.abs(samples).max())
    return samples * np.float32(min(TARGET_RMS / rms, 1.0 / peak))


def pieces(path: Path, thing: str, rate: int, layout: str) -> Iterator[Float32[np.ndarray, "C S"]]:
    """The sound in pieces of bounded length, in [-1, 1]. Holes between the timestamps are filled with silence."""
    number = track(path, thing).number
    with open_container(path, thing) as container:
        yield from _track_pieces(container, thing, number, rate, layout)


@dataclass(frozen=True)
class Track:
    """Which of a file's sound tracks is used."""

    number: int  # from 0
    note: str | None = None  # what a person should know of the choice


def track(path: Path, thing: str) -> Track:
    """The sound track to use: the default one, or the first, unless it is silent and another one sounds."""
    return _track(path, thing, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=8)  # the choice may have to decode a whole silent track
def _track(path: Path, thing: str, mtime_ns: int) -> Track:
    with open_container(path, thing) as container:
        order = sound_order(container)
        names = [_track_name(stream, number) for number, stream in enumerate(container.streams.audio)]
    if len(order) < 2:
        return Track(0)
    sounding = next((number for number in order if _sounds(path, thing, number)), None)
    if sounding is None:
        return Track(order[0], f"all of its {len(order)} sound tracks are silent")
    silent = ", ".join(names[number] for number in order[: order.index(sounding)])
    return Track(sounding, f"its sound track {silent} is silent; {names[sounding]} is used" if silent else None)


def _track_name(stream: AudioStream, number: int) -> str:
    return " ".join(filter(None, [str(number + 1), (stream.language or "und").replace("und", "")]))


def _sounds(path: Path, thing: str, number: int) -> bool:
    """Whether a sound track is more than silence. It is decoded until it sounds."""
    try:
        with open_container(path, thing) as container:
            found = _track_pieces(container, thing, number, SAMPLE_RATE, "mono")
            return any(is_loud(piece[0]) for piece in found)
    except BadMediaError:
        return False


def is_loud(samples: Float32[np.ndarray, " S"]) -> bool:
    """Whether there is sound above the noise of silence."""
    return len(samples) > 0 and float(np.sqrt(np.mean(np.square(samples), dtype=np.float64))) >= SILENCE_RMS


def _track_pieces(
    container: InputContainer, thing: str, number: int, rate: int, layout: str
) -> Iterator[Float32[np.ndarray, "C S"]]:
    stream = sound_stream(container, thing, number)
    resample = _Resampler(rate, layout)
    start, clock, smallest_hole = origin(container), 0.0, 0.0
    for frame in decoded(container, stream):
        if not isinstance(frame, AudioFrame) or not frame.samples:
            continue
        _check_frame(frame, thing)
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
            problem = f"has sound that cannot be converted ({frame.format.name}, {frame.layout.name})."
            raise BadMediaError(thing, problem, REENCODE) from error
    yield from resample.flush()


def resampled(samples: Float32[np.ndarray, " S"], rate: int, layout: str) -> Iterator[Float32[np.ndarray, "C S"]]:
    """Mono samples at 16 kHz in another rate and layout, in pieces of about a second."""
    resample = _Resampler(rate, layout)
    for start in range(0, len(samples), SAMPLE_RATE):
        piece = np.ascontiguousarray(samples[None, start : start + SAMPLE_RATE], dtype=np.float32)
        frame = AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        yield from resample.push(frame)
    yield from resample.flush()


def stream_rate(path: Path, thing: str) -> int:
    """Samples a second as the file says."""
    number = track(path, thing).number
    with open_container(path, thing) as container:
        return sound_stream(container, thing, number).rate


class _Resampler:
    """Frames of any format in, float32 arrays of one rate and layout out. The format may change on the way."""

    def __init__(self, rate: int, layout: str) -> None:
        self.rate, self.layout = rate, av.AudioLayout(layout)
        self.resampler: AudioResampler | None = None
        self.source: tuple[str, str, int] | None = None

    def push(self, frame: AudioFrame) -> Iterator[np.ndarray]:
        """What a frame gives; some of it may come with the next one."""
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        if source != self.source:
            yield from self.flush()
            self.source = source
        if self.resampler is None:
            layout = "mono" if len(frame.layout.channels) == 1 else self.layout  # ffmpeg plays mono 3 dB softer
            self.resampler = AudioResampler("fltp", layout, self.rate, options=MIXING)
        yield from map(self._samples, self.resampler.resample(frame))

    def flush(self) -> Iterator[np.ndarray]:
        """What is still inside."""
        if self.resampler is not None:
            rest = [frame for frame in self.resampler.resample(None) if frame is not None]
            self.resampler = None
            yield from map(self._samples, rest)

    def _samples(self, frame: AudioFrame) -> Float32[np.ndarray, "C S"]:
        samples = np.nan_to_num(frame.to_ndarray(), nan=0.0, posinf=1.0, neginf=-1.0)
        samples = np.clip(samples, -1.0, 1.0, dtype=np.float32)
        return np.broadcast_to(samples, (len(self.layout.channels), samples.shape[1]))


def _check_frame(frame: AudioFrame, thing: str) -> None:
    if not MIN_RATE <= frame.sample_rate <= MAX_RATE:
        limits = f"{MIN_RATE} to {MAX_RATE} are supported"
        raise BadMediaError(thing, f"has {frame.sample_rate} samples a second; {limits}.", REENCODE)
    if len(frame.layout.channels) > MAX_CHANNELS:
        channels = len(frame.layout.channels)
        raise BadMediaError(thing, f"has {channels} channels; at most {MAX_CHANNELS} are supported.", REENCODE)
