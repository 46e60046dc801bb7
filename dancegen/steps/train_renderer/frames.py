"""Frames of the footage in windows of consecutive ones: how they are read, shuffled and sharded.

The frames of a split are kept in memory as they are in the table (compressed, about 40 kB each at 256 px). The order
depends only on the seed, the epoch and the worker's rank, so a resumed run gets the frames of an uninterrupted one.

Axes used in shapes:
    B windows    L frames of a window    H height    W width, in pixels    h, w of the flow, a quarter of them
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from dancegen import schema, tables
from dancegen.errors import TableError
from dancegen.skeleton import COCO18
from dancegen.training.clips import Shard, shard_indices
from dancegen.training.prefetch import ahead

FOOTAGE = "_footage"  # suffix of the table with a row per video, beside the table of frames
WINDOW = 5  # frames of the longest window in training
COLUMNS = ["video_uri", "split", "index", "fps", "jpeg", "joints", "matte", "flow", "flow_valid"]
IN_ORDER = [("video_uri", "ascending"), ("index", "ascending")]
CUT_AGAIN = "Run cut-frames again, with more footage or other limits"
FLOW_SCALE = 4  # pixels per value of the flow


@dataclass(frozen=True)
class Summary:
    """Summary of a table of frames. A window of training starts at each of `train` frames."""

    train: int
    validation: int
    test: int
    height_px: int
    width_px: int
    fps: float
    people: tuple[str, ...]
    data_hash: str
    """Changes when a frame is added, removed or cut differently, whatever the order and the location of the table."""


@dataclass(frozen=True)
class FrameBatch:
    """Windows of consecutive frames. Matte and flow are those of the last frame, the flow to the one before."""

    pictures: Float[Tensor, "B L 3 H W"]
    """In [-1, 1]."""
    joints: Float[Tensor, "B L 18 3"]
    """As fractions of the picture."""
    plate: Float[Tensor, "B 3 H W"]
    """The background without the person, in [-1, 1]."""
    matte: Float[Tensor, "B 1 H W"]
    """In [0, 1]."""
    matte_known: Float[Tensor, " B"]
    """1 where the footage gives a matte, else 0."""
    flow: Float[Tensor, "B 2 h w"]
    flow_valid: Float[Tensor, "B h w"]

    def to(self, device: torch.device) -> "FrameBatch":
        """The batch on a device."""
        return FrameBatch(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))


def summarize(uri: str) -> Summary:
    """Summarize a table. Raises TableError without frames to train on, and for frames of several sizes or rates."""
    columns = ["frame_id", "video_uri", "split", "index", "height_px", "width_px", "fps", "person"]
    rows = tables.read(uri, schema.FRAMES, columns=columns)
    for name, meaning in (("fps", "frames per second"), ("height_px", "height"), ("width_px", "width")):
        found = sorted(set(rows[name].to_pylist()))
        if len(found) > 1:
            raise TableError(uri, f"holds frames of several values of {name} ({meaning}): {found}.", CUT_AGAIN + ".")
    counts = {split: len(windows(_of(rows, split), WINDOW)) for split in ("train", "validation", "test")}
    if not counts["train"]:
        raise TableError(uri, f"holds no {WINDOW} consecutive frames to train on.", f"{CUT_AGAIN}.")
    pairs = zip(rows["split"].to_pylist(), rows["frame_id"].to_pylist(), strict=True)
    names = [f"{split} {frame}" for split, frame in pairs]
    first = rows.slice(0, 1).to_pylist()[0]
    size = f"{first['width_px']}x{first['height_px']}"
    return Summary(
        **counts,
        height_px=first["height_px"],
        width_px=first["width_px"],
        fps=first["fps"],
        people=tuple(sorted(set(rows["person"].to_pylist()))),
        data_hash=hashlib.sha256("\n".join([size, *sorted(names)]).encode()).hexdigest(),
    )


class Frames:
    """One split of a table of frames, in the order of the videos."""

    def __init__(self, uri: str, split: str) -> None:
        self.rows = _of(tables.read(uri, schema.FRAMES, columns=COLUMNS), split).sort_by(IN_ORDER)
        self.starts = windows(self.rows, WINDOW)
        footage = tables.read(uri + FOOTAGE, schema.FOOTAGE, columns=["uri", "plate"]).to_pylist()
        self.plates = {row["uri"]: picture(row["plate"]) for row in footage if row["plate"] is not None}

    def __len__(self) -> int:
        return len(self.starts)

    def epoch(self, share: Shard, length: int) -> Iterator[FrameBatch]:
        """A worker's batches of one epoch, shuffled and full: windows of `length` frames, at most WINDOW.

        Batches are prefetched in another thread.
        """
        order = shard_indices([len(self.starts)], share)[share.done * share.batch_size :, 1]
        groups = np.split(order, range(share.batch_size, len(order), share.batch_size)) if len(order) else []
        yield from ahead(self.batch(self.starts[group], length) for group in groups)

    def some(self, count: int, length: int) -> Int64[np.ndarray, " N"]:
        """First rows of up to `count` windows of `length` frames, evenly spaced, always the same; may be none."""
        starts = windows(self.rows, length)
        return starts[np.unique(np.linspace(0, len(starts) - 1, min(count, len(starts))).round().astype(int))]

    def longest(self, most: int) -> tuple[int, int] | None:
        """First row and length of the first of the longest runs of consecutive frames, up to `most`; None if empty."""
        for length in range(min(most, len(self.rows)), 0, -1):
            if len(starts := windows(self.rows, length)):
                return int(starts[0]), length
        return None

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.rows["fps"][0].as_py() if len(self.rows) else 0.0

    def batch(self, starts: Int64[np.ndarray, " B"], length: int) -> FrameBatch:
        """The windows of `length` frames that start at these rows."""
        places = starts[:, None] + np.arange(length)
        taken = self.rows.take(pa.array(places.ravel())).to_pylist()
        last = taken[length - 1 :: length]
        pictures = np.stack([picture(row["jpeg"]) for row in taken])
        height, width = pictures.shape[1:3]
        joints = np.stack([schema.from_bytes(row["joints"], "float32", len(COCO18), 3) for row in taken])
        mattes = np.stack([_matte(row["matte"], height, width) for row in last])
        flows = [_flow(row["flow"], row["flow_valid"], height // FLOW_SCALE, width // FLOW_SCALE) for row in last]
        return FrameBatch(
            pictures=_signed(pictures).unflatten(0, (len(starts), length)),
            joints=torch.from_numpy(joints).unflatten(0, (len(starts), length)),
            plate=_signed(np.stack([self.plates[row["video_uri"]] for row in last])),
            matte=torch.from_numpy(mattes)[:, None].float() / 255,
            matte_known=torch.tensor([float(row["matte"] is not None) for row in last]),
            flow=torch.from_numpy(np.stack([flow for flow, _ in flows])).float(),
            flow_valid=torch.from_numpy(np.stack([valid for _, valid in flows])).float(),
        )


def windows(rows: pa.Table, length: int) -> Int64[np.ndarray, " N"]:
    """Rows, in the order of the videos, at which `length` consecutive frames of one video start."""
    if len(rows) < length:
        return np.zeros(0, dtype=np.int64)
    keys = rows.select(["video_uri", "index"]).sort_by(IN_ORDER)
    index = keys["index"].to_numpy()
    video = np.unique(keys["video_uri"].to_pylist(), return_inverse=True)[1]
    first, last = slice(None, len(rows) - length + 1), slice(length - 1, None)
    return np.flatnonzero((index[last] - index[first] == length - 1) & (video[last] == video[first]))


def _of(rows: pa.Table, split: str) -> pa.Table:
    return rows.filter(pads.field("split") == split)


def picture(data: bytes) -> UInt8[np.ndarray, "H W 3"]:
    """An RGB picture of a JPEG or PNG."""
    return _decoded(data, cv2.IMREAD_COLOR_RGB)


def _matte(data: bytes | None, height: int, width: int) -> UInt8[np.ndarray, "H W"]:
    if data is None:
        return np.zeros((height, width), np.uint8)
    return _decoded(data, cv2.IMREAD_GRAYSCALE)


def _decoded(data: bytes, flags: int) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if picture is None:
        raise TableError("frames", "hold a picture that cannot be decoded.", f"{CUT_AGAIN}.")
    return picture


def _flow(flow: bytes | None, valid: bytes | None, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The flow and where it is valid: nowhere when it is unknown."""
    if flow is None or valid is None:
        return np.zeros((2, height, width), np.float16), np.zeros((height, width), np.uint8)
    return schema.from_bytes(flow, "float16", 2, height, width), schema.from_bytes(valid, "uint8", height, width)


def _signed(pictures: UInt8[np.ndarray, "N H W 3"]) -> Float[Tensor, "N 3 H W"]:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
