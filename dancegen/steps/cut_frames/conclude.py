"""survey and segments -> footage: counts of all frames, the final verdict and the picture of the report."""

import time
from collections import Counter
from typing import Any

import pyarrow as pa

from dancegen import schema, storage, tables
from dancegen.errors import DanceGenError, StorageUnreachableError
from dancegen.steps.cut_frames import verdict
from dancegen.steps.cut_frames.cut import SAME
from dancegen.steps.cut_frames.picture import write_picture
from dancegen.steps.cut_frames.settings import CutFramesConfig
from dancegen.steps.cut_frames.splits import SPLITS


class ConcludeFootage:
    """Table of videos in, table of footage out, one row each.

    reads    uri, version, segments; its row of the survey, its rows of schema.SEGMENTS, its parts of schema.FRAMES
    writes   schema.FOOTAGE, and the video's picture for the report
    on error the row stays, with `error` set, and the video's frames are deleted
    """

    def __init__(self, config: CutFramesConfig, survey: str, segments: str, report: str | None) -> None:
        self._config, self._survey, self._segments, self._report = config, survey, segments, report

    def __call__(self, videos: pa.Table) -> pa.Table:
        """The outcome of each video."""
        return schema.table(schema.FOOTAGE, [self.one(row) for row in videos.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """The outcome of one video."""
        started = time.monotonic()
        made = tables.read_part(self._survey, schema.FOOTAGE, row["uri"]) | {"version": row["version"]}
        try:
            if made["error"] is None:
                self._conclude(row, made)
        except StorageUnreachableError:
            raise
        except DanceGenError as error:
            made |= {"frames": None, "error": str(error)}
            storage.delete_files([storage.join(self._config.frames, part) for part in _places(row["segments"])])
        made["note"] = "; ".join(made["warnings"] or []) or None
        return {**made, "wall_s": made["wall_s"] + time.monotonic() - started}

    def _conclude(self, row: dict[str, Any], made: dict[str, Any]) -> None:
        segments = [tables.read_part(self._segments, schema.SEGMENTS, uri) for uri in row["segments"]]
        made["error"] = next((each["error"] for each in segments if each["error"]), None)
        if made["error"] is not None:
            return
        left_out: Counter[str] = Counter()
        for each in segments:
            left_out.update(dict(each["left_out"]))
        frames = sum(each["frames"] for each in segments)
        usable_s = frames / made["fps"]
        made |= {"frames": frames, "usable_s": usable_s, "left_out": sorted(left_out.items())}
        verdict.check_duration(row["uri"], usable_s, self._config.verdict)
        parts = {split: self._parts(row["segments"], split) for split in SPLITS}
        made["warnings"] = [
            *made["warnings"],
            *verdict.duration_warnings(usable_s, self._config.verdict),
            *verdict.repetition_warnings(left_out[SAME], frames),
            *verdict.split_warnings({split: len(there) for split, there in parts.items()}),
        ]
        if self._report is not None:
            write_picture(self._report, made, [part for there in parts.values() for part in there])

    def _parts(self, segments: list[str], split: str) -> list[str]:
        """URIs of the parts of a video's frames in one split, in the order of time."""
        places = [storage.join(self._config.frames, split, tables.part_name(uri)) for uri in segments]
        return [place for place in places if storage.exists(place)]


def _places(segments: list[str]) -> list[str]:
    """Paths of the parts of segments, in the table of frames."""
    return [storage.join(split, tables.part_name(uri)) for split in SPLITS for uri in segments]
