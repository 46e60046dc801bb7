"""The released data of Ren et al. (ACM MM 2020) -> recordings, one per record of ten seconds.

    {video: {start_second: {"audio_sequence": [160000], "joint_coors": [100][18][2]}}}

The file is JSON inside a JSON string (or plain JSON) of several gigabytes: it is read as a stream, with one record in
memory at a time. Joints are pixels of a 640x360 frame, ten per second, and (0, 0) where OpenPose found none; audio is
16-bit amplitudes at 16 kHz. Records with lists of unequal lengths are bad.

Axes used in shapes:
    T frames    S samples
"""

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import ijson
import numpy as np
from jaxtyping import Float32

from dancegen import skeleton, storage
from dancegen.errors import BadMediaError
from dancegen.skeleton import COCO18
from dancegen.steps.import_poses.formats.recording import BadRecording, Recording, frame_times, nearest_frames
from dancegen.steps.import_poses.settings import ImportPosesConfig

FPS = 10.0
WIDTH_PX, HEIGHT_PX = 640, 360
FULL_SCALE = 32768  # of a 16-bit amplitude
CATEGORIES = {"ballet": "ballet", "kpop": "kpop", "k-pop": "kpop", "popping": "popping"}  # words in names of files
FORM = '{video: {start_second: {"audio_sequence": ..., "joint_coors": ...}}}'

CHUNK_BYTES = 1 << 16
TOKENS = re.compile(r'(?:[^"\\]++|\\[^u]|\\u[0-9a-fA-F]{4})*+')  # the tokens of a JSON string
HIGH_SURROGATE = re.compile(r"(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2})\Z")  # first half of a surrogate pair
LONGEST_TOKEN = len(r"\u0000")


def read(config: ImportPosesConfig, source: str) -> Iterator[Recording | BadRecording]:
    """See dancegen.steps.import_poses.formats.recordings."""
    with storage.opening(source) as found, found.open("rb") if isinstance(found, Path) else nullcontext(found) as file:
        for video, start, record in _records(source, _Plain(file)):
            yield _recording(config, source, video, start, record)


def _records(source: str, file: "_Plain") -> Iterator[tuple[str, str, Any]]:
    """Video, start second and record, one by one."""
    count = 0
    try:
        for found in _walk(file):
            yield found
            count += 1
    except (ijson.JSONError, ValueError) as error:
        problem = f"is truncated, or not the paper's data {FORM}, after {count} records ({_line(error)})."
        raise BadMediaError(source, problem, "Download it again; records read before are kept.") from error


def _walk(file: "_Plain") -> Iterator[tuple[str, str, Any]]:
    events = ijson.basic_parse(file, use_float=True)
    _enter(events, "the file")
    for event, video in events:
        if event == "end_map":
            return
        _enter(events, f"video {video!r}")
        for event, start in events:
            if event == "end_map":
                break
            yield video, start, _value(events)


def _enter(events: Iterator[tuple[str, Any]], subject: str) -> None:
    event, _ = next(events)
    if event != "start_map":
        raise ValueError(f"{subject} is not a JSON object")


def _value(events: Iterator[tuple[str, Any]]) -> Any:
    builder, depth = ijson.ObjectBuilder(), 0
    for event, value in events:
        builder.event(event, value)
        if event in ("start_map", "start_array"):
            depth += 1
        elif event in ("end_map", "end_array"):
            depth -= 1
        if depth == 0:
            break
    return builder.value


def _recording(config: ImportPosesConfig, source: str, video: str, start: str, record: Any) -> Recording | BadRecording:
    uri = f"{source}#{video}/{start}"
    width_px, height_px = config.width_px or WIDTH_PX, config.height_px or HEIGHT_PX
    try:
        joints_px, samples = _joints(uri, record), _samples(uri, record)
    except BadMediaError as error:
        return BadRecording(uri, str(error))
    joints = skeleton.hide_missing(joints_px / np.array([width_px, height_px, 1], dtype=np.float32))
    joints = joints[nearest_frames(frame_times(len(joints), FPS), config.fps)]
    category = _category(video) or _category(storage.stem(source)) or config.category
    return Recording(uri, video, config.dancer, category, joints, config.fps, width_px, height_px, samples=samples)


def _joints(uri: str, record: Any) -> Float32[np.ndarray, "T 18 3"]:
    places = _numbers(uri, record, "joint_coors")
    if places.ndim != 3 or places.shape[1:] != (len(COCO18), 2):
        shape = "x".join(map(str, places.shape))
        raise BadMediaError(uri, f"has joint_coors of shape {shape}, not Tx18x2.", "Leave the record out.")
    found = (places != 0).any(axis=-1, keepdims=True)
    return np.concatenate([places, found], axis=-1, dtype=np.float32)


def _samples(uri: str, record: Any) -> Float32[np.ndarray, " S"]:
    amplitudes = _numbers(uri, record, "audio_sequence")
    if amplitudes.ndim != 1 or not np.isfinite(amplitudes).all():
        shape = "x".join(map(str, amplitudes.shape))
        raise BadMediaError(uri, f"has audio_sequence that is not audio (shape {shape}).", "Leave the record out.")
    return np.clip(amplitudes / FULL_SCALE, -1.0, 1.0)


def _numbers(uri: str, record: Any, key: str) -> Float32[np.ndarray, "..."]:
    """A list of a record as an array. Raises BadMediaError when it is missing, ragged, not numeric or empty."""
    if not isinstance(record, dict) or key not in record:
        raise BadMediaError(uri, f"has no {key}.", "Leave the record out.")
    try:
        numbers = np.array(record[key], dtype=np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        problem = f"has {key} that is ragged or not numeric ({_line(error)})."
        raise BadMediaError(uri, problem, "Leave the record out.") from error
    if not numbers.size:
        raise BadMediaError(uri, f"has an empty {key}.", "Leave the record out.")
    return numbers


def _category(name: str) -> str | None:
    words = re.split(r"[^a-z-]+", name.lower())
    return next((category for word, category in CATEGORIES.items() if word in words), None)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


@runtime_checkable
class Readable(Protocol):
    """A local file, or one on S3."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`; b"" at the end."""
        ...


class _Plain:
    """The JSON of a file as a stream; for a file that is one JSON string, the JSON inside it."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._pending = ""  # read, but not yet returned: it may end within an escape
        self._inside: bool | None = None  # whether this is the inside of a string; None: not yet known
        self._over = False

    def read(self, size: int = -1) -> bytes:
        """The next bytes, of any length; b"" at the end. Raises ValueError when the file is truncated."""
        if size == 0 or self._over:
            return b""
        while True:
            chunk = self._file.read(CHUNK_BYTES)
            self._pending += self._decoder.decode(chunk, final=not chunk)
            text = self._text()
            if text or self._over:
                return text.encode("utf-8")
            if not chunk:
                self._over = True
                if self._inside:
                    raise ValueError("the file ends inside the JSON string that it consists of")
                return b""

    def _text(self) -> str:
        """The part of the pending text that is complete."""
        if self._inside is None:
            self._pending = self._pending.lstrip()
            if not self._pending:
                return ""
            self._inside = self._pending.startswith('"')
            self._pending = self._pending.removeprefix('"')
        if not self._inside:
            text, self._pending = self._pending, ""
            return text
        end = cast(re.Match[str], TOKENS.match(self._pending)).end()
        maybe_half = self._pending.startswith("\\u", end - LONGEST_TOKEN)  # avoids the search in most cases
        if maybe_half and (half := HIGH_SURROGATE.search(self._pending[:end])):
            end = half.start(1)
        text, self._pending = self._pending[:end], self._pending[end:]
        self._over = self._pending.startswith('"')
        if not self._over and len(self._pending) > 2 * LONGEST_TOKEN:
            raise ValueError(f"a JSON string cannot contain {self._pending[:LONGEST_TOKEN]!r}")
        return json.loads(f'"{text}"', strict=False)
