"""videos -> files: format and audio measures of each video, which is read once from beginning to end."""

import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from dancegen import schema, storage
from dancegen.errors import BadMediaError, DanceGenError, StorageUnreachableError
from dancegen.media import audio
from dancegen.media.video import probe
from dancegen.music.sound import sound_columns


class ProbeVideos:
    """Table of videos in, table of files out, one row each.

    reads    uri, version
    writes   schema.FILES
    on error the row stays, with `error` set and unknown columns null
    """

    def __call__(self, videos: pa.Table) -> pa.Table:
        """Rows of schema.FILES for the videos."""
        return schema.table(schema.FILES, [self.one(row) for row in videos.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row of schema.FILES of one video."""
        started = time.monotonic()
        try:
            with storage.reading(row["uri"]) as path:
                made = _look(path, row["uri"])
        except StorageUnreachableError:
            raise
        except DanceGenError as error:
            made = {"error": str(error)}
        return {"uri": row["uri"], "version": row["version"], **made, "wall_s": time.monotonic() - started}


def _look(path: Path, uri: str) -> dict[str, Any]:
    info = probe(path, uri)
    sound = _sound(path, uri) if info.has_audio else {}
    return {
        "content_hash": storage.content_hash(str(path)),
        "width_px": info.width_px,
        "height_px": info.height_px,
        "fps": info.fps,
        "seconds": info.seconds,
        "has_audio": bool(sound),
        **sound,
    }


def _sound(path: Path, uri: str) -> dict[str, Any]:
    """Columns of the audio; empty when it cannot be decoded: the frames may still be usable."""
    try:
        samples = audio.load(path, uri)
    except BadMediaError:
        return {}
    return sound_columns(samples, audio.track(path, uri).note)
