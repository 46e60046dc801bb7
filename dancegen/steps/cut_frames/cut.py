"""segments of footage -> frames: crop, joints, matte and flow of each. Frames are streamed."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from jaxtyping import Float, UInt8

from dancegen import schema, storage, tables
from dancegen.errors import DanceGenError, StorageUnreachableError
from dancegen.media.video import frames
from dancegen.skeleton import COCO18
from dancegen.steps.cut_frames.footage import CLOTHED, CORE, Footage
from dancegen.steps.cut_frames.settings import CutFramesConfig
from dancegen.steps.cut_frames.splits import GAP, SPLITS, splits_of
from dancegen.steps.cut_frames.vision.crop import Crop
from dancegen.steps.cut_frames.vision.flow import small_flow
from dancegen.steps.cut_frames.vision.matte import difference_matte

NO_DANCER = "the dancer is not found"
CUT_OFF = "the dancer is cut off by the edge of the frame"
LEAVES = "the dancer leaves the crop"
BETWEEN = "it is in the gap between two splits"
SAME = "it is nearly the same as the last frame"
BLURRED = "it is blurred"
FACE = COCO18.indices("nose", "right_eye", "left_eye", "right_ear", "left_ear")
FACE_SIDE, MIN_FACE_JOINTS = 0.5, 3  # of the torso; joints
ID_DIGITS = 16

Row = dict[str, Any]


class CutFrames:
    """Table of segments in, table of segments with counts out, one row each; the frames go to the table of frames.

    reads    uri, version, video_uri, first, stop; its rows of schema.POSES and of the survey; the video
    writes   schema.FRAMES, a part per segment and split, below <split>/; schema.SEGMENTS
    on error the row stays, with `error` set; the segment has no frames then
    """

    def __init__(self, config: CutFramesConfig, survey: str) -> None:
        self._config, self._survey = config, survey

    def __call__(self, segments: pa.Table) -> pa.Table:
        """Cut each segment; returns the table of counts."""
        return schema.table(schema.SEGMENTS, [self.one(row) for row in segments.to_pylist()])

    def one(self, row: Row) -> Row:
        """Cut one segment; returns its row of schema.SEGMENTS."""
        started = time.monotonic()
        made = {name: row[name] for name in ("uri", "version", "video_uri")}
        cut: list[Row] = []
        try:
            left_out: Counter[str] = Counter()
            cut = list(self._cut(row, left_out))
            made |= {"frames": len(cut), "left_out": sorted(left_out.items())}
        except StorageUnreachableError:
            raise
        except DanceGenError as error:
            made["error"] = str(error)
        self._write(row["uri"], cut)
        return {**made, "wall_s": time.monotonic() - started}

    def _cut(self, row: Row, left_out: Counter[str]) -> Iterator[Row]:
        """Rows of schema.FRAMES of one segment; counts the other frames by reason."""
        survey = tables.read_part(self._survey, schema.FOOTAGE, row["video_uri"])
        pose = tables.read_part(self._config.poses, schema.POSES, row["video_uri"])
        segment = _Segment(self._config, pose, survey)
        kept = []
        with storage.opening(row["video_uri"]) as source:
            for index, picture in segment.pictures(source, row["video_uri"], row["first"], row["stop"]):
                reason = segment.reason(index, picture)
                if reason is None:
                    kept.append(segment.frame(index, picture))
                else:
                    left_out[reason] += 1
        sharp = self._config.min_sharpness * float(np.median([frame["sharpness"] for frame in kept])) if kept else 0.0
        blurred = {frame["index"] for frame in kept if frame["sharpness"] < sharp}
        left_out.update([BLURRED] * len(blurred))
        for frame in kept:
            if frame["index"] - 1 in blurred:
                frame |= {"flow": None, "flow_valid": None}
            if frame["index"] not in blurred:
                yield frame

    def _write(self, uri: str, cut: list[Row]) -> None:
        """Write the frames of a segment by split; deletes parts of an earlier run in splits without frames."""
        for split in SPLITS:
            rows = [frame for frame in cut if frame["split"] == split]
            if rows:
                tables.write_part(self._config.frames, schema.table(schema.FRAMES, rows), uri, split)
            else:
                storage.delete(storage.join(self._config.frames, split, tables.part_name(uri)))


class _Segment:
    """What the frames of a video have in common, and the last frame that was kept."""

    def __init__(self, config: CutFramesConfig, pose: Row, survey: Row) -> None:
        self._config, self._survey = config, survey
        self._crop = Crop(*survey["crop"])
        self._footage = Footage.of(pose)
        self._joints = self._footage.in_crop(self._crop)
        self._plate = cv2.cvtColor(
            np.asarray(cv2.imdecode(np.frombuffer(survey["plate"], np.uint8), cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB
        )
        shares = (config.validation_share, config.test_share)
        self._splits = splits_of(self._footage.present, self._footage.fps, *shares, config.gap_s)
        self._leaves, self._cut_off = self._footage.leaves(self._crop), self._footage.cut_off
        self._last: tuple[int, np.ndarray] | None = None

    def pictures(
        self, source: Path | storage.SeekableFile, uri: str, first: int, stop: int
    ) -> Iterator[tuple[int, UInt8[np.ndarray, "H W 3"]]]:
        """Index and crop of the frames first..stop-1. The frame before them becomes the last one, if it is usable."""
        begin = max(0, first - 1)
        for index, picture in enumerate(frames(source, uri, self._footage.fps, begin, stop), begin):
            small = self._crop.cut(picture, self._config.height_px, self._config.width_px)
            if index >= first:
                yield index, small
            elif self._judged(index) is None:
                self._last = index, small

    def reason(self, index: int, picture: UInt8[np.ndarray, "H W 3"]) -> str | None:
        """The reason why a frame is left out; None when it is kept."""
        reason = self._judged(index)
        if reason is None and self._last is not None:
            rows, columns = self._box(index)
            change = cv2.absdiff(picture[rows, columns], self._last[1][rows, columns]).mean()
            reason = SAME if change < self._config.min_change else None
        return reason

    def frame(self, index: int, picture: UInt8[np.ndarray, "H W 3"]) -> Row:
        """The row of schema.FRAMES of a frame, which becomes the last one that was kept."""
        config, survey = self._config, self._survey
        quality = [cv2.IMWRITE_JPEG_QUALITY, config.jpeg_quality]
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        row = {
            "frame_id": f"{survey['content_hash'][:ID_DIGITS]}@{index}",
            "video_uri": survey["uri"],
            "person": survey["person"],
            "split": self._splits[index],
            "index": index,
            "time_s": index / self._footage.fps,
            "fps": self._footage.fps,
            "height_px": config.height_px,
            "width_px": config.width_px,
            "jpeg": cv2.imencode(".jpg", bgr, quality)[1].tobytes(),
            "joints": schema.to_bytes(self._joints[index], "float32"),
            "face": self._face(index),
            "matte": self._matte(index, picture) if config.matte == "difference" else None,
            **self._flow(index, picture),
            "sharpness": self._sharpness(index, picture),
        }
        self._last = index, picture
        return row

    def _judged(self, index: int) -> str | None:
        """The reason why a frame is left out, from its joints alone."""
        if index >= len(self._joints) or not self._footage.present[index]:
            return NO_DANCER
        if self._splits[index] == GAP:
            return BETWEEN
        if self._cut_off[index]:
            return CUT_OFF
        return LEAVES if self._leaves[index] else None

    def _flow(self, index: int, picture: UInt8[np.ndarray, "H W 3"]) -> Row:
        if not self._config.flow or self._last is None or self._last[0] != index - 1:
            return {"flow": None, "flow_valid": None}
        flow, valid = small_flow(self._last[1], picture)
        return {"flow": schema.to_bytes(flow, "float16"), "flow_valid": schema.to_bytes(valid, "uint8")}

    def _matte(self, index: int, picture: UInt8[np.ndarray, "H W 3"]) -> bytes:
        shape = (self._crop, self._config.height_px, self._config.width_px)
        wide, core = (self._footage.region(index, radius, *shape) for radius in (CLOTHED, CORE))
        matte = difference_matte(picture, self._plate, wide, self._footage.floor(index, *shape), core)
        return cv2.imencode(".png", matte)[1].tobytes()

    def _sharpness(self, index: int, picture: UInt8[np.ndarray, "H W 3"]) -> float:
        rows, columns = self._box(index)
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return float(cv2.Laplacian(grey, cv2.CV_32F)[rows, columns].var())

    def _box(self, index: int) -> tuple[slice, slice]:
        """Rows and columns of the picture around the dancer."""
        left, top, right, bottom = self._footage.boxes[index]
        crop, config = self._crop, self._config
        across, down = config.width_px / crop.width, config.height_px / crop.height
        return (
            _slice((top - crop.y) * down, (bottom - crop.y) * down, config.height_px),
            _slice((left - crop.x) * across, (right - crop.x) * across, config.width_px),
        )

    def _face(self, index: int) -> bytes | None:
        """Square around the mean of nose, eyes and ears; None when fewer than three of them are found."""
        face = self._joints[index, FACE]
        found = face[face[:, 2] > 0, :2]
        if len(found) < MIN_FACE_JOINTS:
            return None
        size = FACE_SIDE * self._footage.torso_px / np.array((self._crop.width, self._crop.height))
        return schema.to_bytes(_box_at(found.mean(axis=0), size), "float32")


def _slice(start: float, stop: float, length: int) -> slice:
    first = int(np.clip(start, 0, length - 1))
    return slice(first, max(first + 1, int(np.clip(stop, 0, length))))


def _box_at(centre: Float[np.ndarray, " 2"], size: Float[np.ndarray, " 2"]) -> Float[np.ndarray, " 4"]:
    """x, y of the corner, width and height."""
    return np.concatenate([centre - size / 2, size])
