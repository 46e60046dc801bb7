"""A video's plate and some of its frames -> one image: joints on the frames above, the person alone below.

Axes used in shapes:
    H rows    W columns
"""

from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from dancegen import schema, storage, tables
from dancegen.drawing.draw import draw_skeleton
from dancegen.pages.report import picture_name
from dancegen.skeleton import COCO18

CELLS = 8
CELL_HEIGHT_PX = 256
JPEG_QUALITY = 88
BEHIND = (40, 160, 90)  # colour behind the person: holes and remains of the background are visible on it
COLUMNS = ["jpeg", "joints", "matte"]


def write_picture(folder: str, footage: dict[str, Any], parts: list[str]) -> None:
    """Write the image of a video. `footage` is a row of schema.FOOTAGE; `parts` are those of its frames."""
    plate = _decoded(footage["plate"])
    cells = [np.vstack([plate, np.zeros_like(plate)]), *(_cell(row) for row in _chosen(parts))]
    strip = np.hstack(cells)
    size = (max(1, round(strip.shape[1] * 2 * CELL_HEIGHT_PX / strip.shape[0])), 2 * CELL_HEIGHT_PX)
    strip = np.asarray(cv2.resize(strip, size, interpolation=cv2.INTER_AREA))
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), quality)[1]
    storage.write_bytes(storage.join(folder, picture_name(footage["uri"])), jpeg.tobytes())


def _chosen(parts: list[str]) -> list[dict[str, Any]]:
    """Rows of schema.FRAMES at regular distances."""
    positions = np.linspace(0, len(parts), CELLS, endpoint=False)
    rows = []
    for number in range(len(parts)):
        within = positions[(positions >= number) & (positions < number + 1)] - number
        if len(within):
            table = tables.read(parts[number], schema.FRAMES, COLUMNS)
            rows += table.take((within * len(table)).astype(int)).to_pylist()
    return rows


def _cell(row: dict[str, Any]) -> UInt8[np.ndarray, "H W 3"]:
    picture = _decoded(row["jpeg"])
    height_px, width_px = picture.shape[:2]
    joints = schema.from_bytes(row["joints"], "float32", len(COCO18), 3)
    drawn = draw_skeleton(joints * (width_px, height_px, 1), width_px, height_px, "dark")
    above = np.where(drawn.any(axis=-1, keepdims=True), drawn, picture)
    if row["matte"] is None:
        return np.vstack([above, np.zeros_like(above)])
    matte = cv2.imdecode(np.frombuffer(row["matte"], np.uint8), cv2.IMREAD_GRAYSCALE)
    share = np.asarray(matte, np.float32)[..., None] / 255
    return np.vstack([above, (share * picture + (1 - share) * np.array(BEHIND)).astype(np.uint8)])


def _decoded(picture: bytes) -> UInt8[np.ndarray, "H W 3"]:
    bgr = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(np.asarray(bgr), cv2.COLOR_BGR2RGB))
