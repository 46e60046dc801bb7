"""The dance of a long song -> videos of its segments, without sound."""

import time
from functools import lru_cache
from typing import Any

import pyarrow as pa

from dancegen import schema, tables
from dancegen.errors import BadMediaError, CheckpointError, ConfigError, StorageError, StorageUnreachableError
from dancegen.media.publish import publish
from dancegen.media.video import VideoWriter
from dancegen.media.write_behind import write_all
from dancegen.steps.render.looks.look import Look, load_look
from dancegen.steps.render.motions import joints_px
from dancegen.steps.render.segments.division import segment_frames
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.song_settings import SongSettings

KEPT = 4  # looks of earlier segments

Row = dict[str, Any]


class RenderSegments:
    """Table of segments in; one video per segment and a table of results out.

    reads    uri, version, song, output_uri, number, count, motion, settings (SongSettings as JSON)
    writes   the videos, schema.RENDER_SEGMENTS
    on error the row stays, with `error` set and unknown columns null
    """

    def __init__(self, picture: PictureConfig, device: str, motions: str) -> None:
        """`motions` is the URI of the table of motions, which has the dances."""
        self._picture, self._motions = picture, motions
        self._look = lru_cache(maxsize=KEPT)(lambda look: load_look(picture.model_copy(update={"look": look}), device))

    def __call__(self, segments: pa.Table) -> pa.Table:
        """Render the segments of a table."""
        return schema.table(schema.RENDER_SEGMENTS, [self.one(segment) for segment in segments.to_pylist()])

    def one(self, segment: Row) -> Row:
        """Render one segment."""
        picture = SongSettings.model_validate_json(segment["settings"]).picture(self._picture)
        try:
            return {**segment, **self._rendered(segment, picture, self._look(picture.look))}
        except StorageUnreachableError:
            raise
        except (BadMediaError, StorageError, CheckpointError, ConfigError) as error:
            return {**segment, "output_uri": None, "error": str(error)}

    def _rendered(self, segment: Row, picture: PictureConfig, look: Look) -> Row:
        wall_s, compute_s = time.perf_counter(), time.process_time()
        dance = tables.find_part(self._motions, schema.MOTIONS, segment["motion"], schema.MOTIONS.names)
        if dance is None:
            raise BadMediaError(
                segment["song"], "has no dance in the table of motions any more.", "Run the step again."
            )
        joints = joints_px(dance, look.size, picture.fps)
        joints = joints[segment_frames(len(joints), segment["number"], segment["count"])]
        pictures = look.pictures(joints, picture.fps, lambda done: None)
        made = publish(
            segment["output_uri"],
            lambda path: write_all(pictures.frames, VideoWriter(path, *look.size, picture.fps)),
        )
        return {
            "frames": len(joints),
            "pictures_s": made.pictures_s,
            "encoding_s": made.encoding_s,
            "wall_s": time.perf_counter() - wall_s,
            "compute_s": time.process_time() - compute_s,
        }
