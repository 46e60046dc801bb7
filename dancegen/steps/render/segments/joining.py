"""Segments of a long song -> its video, whose pictures are not encoded again, with the song's audio."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from dancegen import schema, storage
from dancegen.errors import BadMediaError, StorageError, StorageUnreachableError
from dancegen.media.joining import VideoJoiner
from dancegen.media.publish import publish
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.song_settings import SongSettings

Row = dict[str, Any]


class JoinSegments:
    """Table of long songs in, whose segments are rendered; one video per song and a table of results out.

    reads    the columns of schema.RENDERS that the dance has; output_uri, new (the video does not exist yet), settings
             (SongSettings as JSON), segment_uris, segment_frames (number of each), segment_times (columns with seconds
             -> their sums over the segments), problem (why a segment has no video)
    writes   the videos, schema.RENDERS
    on error the row stays, with `error` set and `output_uri` null
    """

    def __init__(self, picture: PictureConfig) -> None:
        self._picture = picture

    def __call__(self, songs: pa.Table) -> pa.Table:
        """Join the segments of the songs of a table."""
        return schema.table(schema.RENDERS, [self.one(song) for song in songs.to_pylist()])

    def one(self, song: Row) -> Row:
        """Join the segments of one song."""
        if song["problem"] is not None:
            return {**song, "output_uri": None, "error": song["problem"]}
        try:
            return {**song, **self._joined(song)}
        except StorageUnreachableError:
            raise
        except (BadMediaError, StorageError) as error:
            return {**song, "output_uri": None, "error": str(error)}

    def _joined(self, song: Row) -> Row:
        own = SongSettings.model_validate_json(song["settings"])
        fps, started = own.picture(self._picture).fps, (time.perf_counter(), time.process_time())
        with storage.reading(song["uri"]) as sound:
            if storage.content_hash(str(sound)) != song["content_hash"]:
                raise BadMediaError(song["uri"], "has changed since its dance was made.", "Run the step again.")
            segments = dict(zip(song["segment_uris"], song["segment_frames"], strict=True))
            write = partial(_write, segments, fps, sound, own.start_s or 0.0)
            made = publish(song["output_uri"], write, song["new"])
        spent = {
            "wall_s": time.perf_counter() - started[0],
            "compute_s": time.process_time() - started[1],
            "pictures_s": 0.0,
            "encoding_s": 0.0,
        }
        before = song["segment_times"]
        return {
            "output_bytes": made.output_bytes,
            "output_hash": made.output_hash,
            "frames": sum(segments.values()),
            "seconds": sum(segments.values()) / fps,
            **{name: seconds + song[name] + before[name] for name, seconds in spent.items()},
        }


def _write(segments: dict[str, int], fps: float, sound: Path, sound_start_s: float, video: Path) -> tuple[float, float]:
    """Join segments, given by URI with their numbers of frames. Nothing is drawn or encoded: the times are 0."""
    first = next(iter(segments))
    with storage.reading(first) as like, VideoJoiner(video, like, fps, sound, sound_start_s=sound_start_s) as joiner:
        for uri, frames in segments.items():
            with storage.reading(uri) as segment:
                joiner.append(segment, frames, uri)
    return 0.0, 0.0
