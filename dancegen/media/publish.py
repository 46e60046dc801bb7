"""A video file -> its URI, under which it appears complete or not at all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dancegen import storage
from dancegen.errors import StorageExistsError

Write = Callable[[Path], tuple[float, float]]
"""Writes a file; returns the wall-clock times of making and of encoding its frames, in seconds."""


@dataclass(frozen=True)
class Published:
    """A published video: columns of schema.RENDERS."""

    output_bytes: int
    output_hash: str
    pictures_s: float
    encoding_s: float


def publish(video: str, write: Write, new: bool = False) -> Published:
    """Write and publish a video. With `new`, one on S3 that another process has published meanwhile stays.

    Raises StorageError when it cannot be written, and what `write` raises.
    """
    times = 0.0, 0.0
    try:
        with storage.writing(video, new) as unfinished:
            times = write(unfinished)
            size, digest = unfinished.stat().st_size, storage.content_hash(str(unfinished))
    except StorageExistsError:  # by an actor that was taken for lost; the row must describe its video
        size, digest = storage.size(video), storage.content_hash(video)
    return Published(size, digest, *times)
