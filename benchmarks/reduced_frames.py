"""Frames of a smaller size, for benchmarks: a table of cut-frames with its footage, scaled."""

from typing import Any

import cv2
import numpy as np

from dancegen import schema, tables
from dancegen.steps.train_renderer.frames import FLOW_SCALE, FOOTAGE, picture

JPEG_QUALITY = 95
ALL_VALID = 0.99  # mean of a cell whose flow is valid everywhere, but for rounding


def reduce_frames(uri: str, height: int, width: int, output: str) -> None:
    """Write the table `uri` with pictures, mattes, flow and plates of this size to `output`."""
    size = {"height_px": height, "width_px": width}
    tables.begin(output, schema.FRAMES, size)
    for split in ("train", "validation", "test"):
        for part in tables.parts(uri, split):
            rows = [_frame(row, size) for row in tables.read(part, schema.FRAMES).to_pylist()]
            tables.write_part(output, schema.table(schema.FRAMES, rows), part, folder=split)
    tables.begin(output + FOOTAGE, schema.FOOTAGE, size)
    rows = [_footage(row, size) for row in tables.read(uri + FOOTAGE, schema.FOOTAGE).to_pylist()]
    tables.write_part(output + FOOTAGE, schema.table(schema.FOOTAGE, rows), "all")


def _frame(row: dict[str, Any], size: dict[str, int]) -> dict[str, Any]:
    height, width = size["height_px"], size["width_px"]
    found = row | size | {"jpeg": _encoded(_scaled(picture(row["jpeg"]), height, width), ".jpg")}
    if row["matte"] is not None:
        found["matte"] = _encoded(_scaled(picture(row["matte"]), height, width), ".png")
    if row["flow"] is not None:
        before, grid = ((sides["height_px"] // FLOW_SCALE, sides["width_px"] // FLOW_SCALE) for sides in (row, size))
        flow = schema.from_bytes(row["flow"], "float16", 2, *before).astype(np.float32)
        valid = schema.from_bytes(row["flow_valid"], "uint8", *before).astype(np.float32)
        moved = _scaled(np.moveaxis(flow, 0, -1), *grid) * (width / row["width_px"], height / row["height_px"])
        found["flow"] = schema.to_bytes(np.moveaxis(moved, -1, 0), "float16")
        found["flow_valid"] = schema.to_bytes(_scaled(valid, *grid) > ALL_VALID, "uint8")
    return found


def _footage(row: dict[str, Any], size: dict[str, int]) -> dict[str, Any]:
    if row["plate"] is None:
        return row
    plate = _scaled(picture(row["plate"]), size["height_px"], size["width_px"])
    return row | size | {"plate": _encoded(plate, ".png")}


def _scaled(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Means over the areas of the smaller pixels."""
    return cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)


def _encoded(rgb: np.ndarray, ending: str) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if ending == ".jpg" else []
    return cv2.imencode(ending, rgb[..., ::-1], options)[1].tobytes()
