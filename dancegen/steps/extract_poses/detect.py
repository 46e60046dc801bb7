"""parts of videos -> people: joints of all people in each frame, and first frames of new shots."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, UInt8

from dancegen import schema, storage
from dancegen.errors import DanceGenError, StorageUnreachableError
from dancegen.estimators.base import VideoPart, load_estimator
from dancegen.media.shots import LOOK_AROUND, ShotDetector
from dancegen.media.video import VideoInfo, frames
from dancegen.steps.extract_poses.settings import ExtractPosesConfig

People = list[Float32[np.ndarray, "_ 18 3"]]  # of each frame


@dataclass(frozen=True)
class Found:
    """People and cuts found in a part of a video."""

    people: People
    cuts: list[int]  # frame numbers of the video


class DetectPeople:
    """Table of parts of videos in, table of people out, one row each.

    reads    uri, version, video_uri, first, stop, width_px, height_px, fps, seconds
    writes   schema.PEOPLE
    on error the row stays, with `error` set and the columns of the people null
    """

    def __init__(self, config: ExtractPosesConfig) -> None:
        self._config = config
        self._estimate = load_estimator(config.estimator)

    def __call__(self, parts: pa.Table) -> pa.Table:
        """The people in each part."""
        return schema.table(schema.PEOPLE, [self.one(row) for row in parts.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """The people in one part."""
        started = time.monotonic()
        made = {name: row[name] for name in ("uri", "version", "video_uri", "first")}
        try:
            found = self.find(_part(row, self._config.fps))
            made |= people_columns(found) | {"estimator": self._estimate.name}
        except StorageUnreachableError:
            raise
        except DanceGenError as error:
            made["error"] = str(error)
        return {**made, "wall_s": time.monotonic() - started}

    def find(self, part: VideoPart) -> Found:
        """Find all people in each frame of the part, and its cuts."""
        if not self._config.find_cuts:
            with storage.opening(part.uri) as source:
                return Found(self._estimate(part, frames(source, part.uri, part.fps, part.first, part.stop)), [])
        lead = min(part.first, LOOK_AROUND)
        stop = None if part.stop is None else part.stop + LOOK_AROUND
        detector = ShotDetector()
        with storage.opening(part.uri) as source:
            watched = detector.watch(frames(source, part.uri, part.fps, part.first - lead, stop))
            _pass(watched, lead)
            people = self._estimate(part, islice(watched, None if part.stop is None else part.stop - part.first))
            _pass(watched)
        cuts = [part.first - lead + cut for cut in detector.cuts()]
        return Found(people, [cut for cut in cuts if part.first <= cut < part.first + len(people)])


def people_columns(found: Found) -> dict[str, Any]:
    """The columns of schema.PEOPLE for the people and cuts found."""
    counts = [len(each) for each in found.people]
    joints = np.concatenate(found.people) if sum(counts) else np.zeros((0, 18, 3))
    return {
        "frames": len(counts),
        "counts": schema.to_bytes(np.array(counts), "int16"),
        "joints": schema.to_bytes(joints, "float32"),
        "cuts": found.cuts,
    }


def people_of(row: dict[str, Any]) -> People:
    """All people in each frame, from a row of schema.PEOPLE."""
    counts = schema.from_bytes(row["counts"], "int16", -1)
    joints = schema.from_bytes(row["joints"], "float32", -1, 18, 3)
    return np.split(joints, np.cumsum(counts)[:-1]) if len(counts) else []


def _part(row: dict[str, Any], fps: float) -> VideoPart:
    info = VideoInfo(row["width_px"], row["height_px"], row["fps"], row["seconds"], has_audio=False)
    return VideoPart(row["video_uri"], info, fps, row["first"], row["stop"])


def _pass(pictures: Iterator[UInt8[np.ndarray, "H W 3"]], count: int | None = None) -> None:
    """Consume frames without an estimator, so that cuts are still detected."""
    for _ in islice(pictures, count):
        pass
