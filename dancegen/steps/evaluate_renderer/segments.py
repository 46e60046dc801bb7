"""The segments of a split: runs of consecutive frames, cut into pieces of nearly equal length, and their frames.

Axes used in shapes:
    N frames    H rows    W columns
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow.dataset as pads
from jaxtyping import UInt8

from dancegen import schema, tables
from dancegen.errors import TableError
from dancegen.skeleton import COCO18
from dancegen.steps.evaluate_renderer.measures import Frames, Segment
from dancegen.steps.train_renderer.frames import CUT_AGAIN, FOOTAGE, picture

MIN_FRAMES = 4  # of a run: a shorter one says little about stability
LIKENESS_FRAMES, LIKENESS_PARTS = 64, 16  # of the training frames; parts of the table that they are from

Mattes = UInt8[np.ndarray, "N H W"]


@dataclass(frozen=True)
class Place:
    """Where a segment is in the footage."""

    name: str
    """`<frame_id of its first frame>+<number of frames>`"""
    video_uri: str
    first: int
    """Pose index of its first frame in the video."""
    frames: int


def places(uri: str, split: str, most_frames: int, most_segments: int) -> list[Place]:
    """The segments of a split, at most `most_segments` evenly spaced ones. Raises TableError when there are none."""
    found = [place for run in _runs(uri, split) for place in _cut(run, most_frames)]
    chosen = np.unique(np.linspace(0, len(found) - 1, min(most_segments, len(found))).round().astype(int))
    return [found[number] for number in chosen]


def longest(uri: str, split: str) -> Place:
    """The longest run of consecutive frames of a split. Raises TableError when there are none."""
    run = max(_runs(uri, split), key=len)
    return next(_cut(run, len(run)))


def read_segment(uri: str, place: Place) -> Segment:
    """The frames of a segment. Raises TableError for frames without a matte, or that were removed since."""
    field = pads.field
    inside = (field("index") >= place.first) & (field("index") < place.first + place.frames)
    columns = ["index", "fps", "jpeg", "joints", "matte"]
    found = tables.read(uri, schema.FRAMES, columns, where=(field("video_uri") == place.video_uri) & inside)
    rows = found.sort_by("index").to_pylist()
    if len(rows) != place.frames:
        raise TableError(uri, f"has {len(rows)} of the {place.frames} frames of {place.name}.", "Run the step again.")
    real, mattes = _decoded(uri, rows)
    joints = np.stack([schema.from_bytes(row["joints"], "float32", len(COCO18), 3) for row in rows])
    return Segment(place.name, rows[0]["fps"], real, joints, mattes)


def read_plate(uri: str, video_uri: str) -> UInt8[np.ndarray, "H W 3"]:
    """The background of a video. Raises TableError without one."""
    where = pads.field("uri") == video_uri
    rows = tables.read(uri + FOOTAGE, schema.FOOTAGE, ["plate"], where=where).to_pylist()
    if not rows or rows[0]["plate"] is None:
        raise TableError(uri + FOOTAGE, f"has no plate of {video_uri}.", f"{CUT_AGAIN}.")
    return picture(rows[0]["plate"])


def training_frames(uri: str) -> Iterator[tuple[Frames, Mattes]]:
    """Some frames of the training split with their mattes, evenly spaced over some of its parts."""
    parts = tables.parts(uri, "train")
    chosen = parts[:: -(-len(parts) // LIKENESS_PARTS)] if parts else []
    for part in chosen:
        rows = tables.read(part, schema.FRAMES, ["jpeg", "matte"])
        count = min(len(rows), -(-LIKENESS_FRAMES // len(chosen)))
        numbers = np.unique(np.linspace(0, len(rows) - 1, count).round().astype(int))
        yield _decoded(uri, rows.take(numbers).to_pylist())


def _decoded(uri: str, rows: list[dict[str, Any]]) -> tuple[Frames, Mattes]:
    """Pictures and mattes of rows of schema.FRAMES."""
    if any(row["matte"] is None for row in rows):
        problem = "holds frames without a matte, and the scores are of the person and the background apart."
        raise TableError(uri, problem, "Run cut-frames with matte=difference.")
    pictures = np.stack([picture(row["jpeg"]) for row in rows])
    return pictures, np.stack([picture(row["matte"])[..., 0] for row in rows])


def _runs(uri: str, split: str) -> list[list[dict[str, Any]]]:
    """Runs of at least MIN_FRAMES consecutive frames of one video. Raises TableError when there are none."""
    columns = ["video_uri", "index", "frame_id"]
    rows = tables.read(uri, schema.FRAMES, columns, where=pads.field("split") == split)
    runs: list[list[dict[str, Any]]] = []
    for row in rows.sort_by([("video_uri", "ascending"), ("index", "ascending")]).to_pylist():
        if runs and (row["video_uri"], row["index"]) == (runs[-1][-1]["video_uri"], runs[-1][-1]["index"] + 1):
            runs[-1].append(row)
        else:
            runs.append([row])
    if not (found := [run for run in runs if len(run) >= MIN_FRAMES]):
        problem = f"holds no {MIN_FRAMES} consecutive frames of split={split}."
        raise TableError(uri, problem, f"{CUT_AGAIN}, or set another split.")
    return found


def _cut(run: list[dict[str, Any]], most_frames: int) -> Iterator[Place]:
    """Pieces of nearly equal length, of at most `most_frames`."""
    pieces = -(-len(run) // most_frames)
    edges = [round(len(run) * number / pieces) for number in range(pieces + 1)]
    for first, stop in pairwise(edges):
        start = run[first]
        yield Place(f"{start['frame_id']}+{stop - first}", start["video_uri"], start["index"], stop - first)
