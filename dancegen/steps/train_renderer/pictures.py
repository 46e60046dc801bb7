"""Pose, generated and real frames side by side, as an image and as a short video.

Axes used in shapes:
    H rows    W columns
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from dancegen.drawing.draw import draw_skeleton
from dancegen.media.writer import VideoWriter

INK, TEXT_SIZE = (230, 230, 230), 0.4
NAMES = ("pose", "generated", "real")

Frame = UInt8[np.ndarray, "H W 3"]
Columns = tuple[Frame, Frame, Frame]


def columns(joints: Float[np.ndarray, "18 3"], generated: Frame, real: Frame) -> Columns:
    """The three frames of a row. Joints are fractions of the frame."""
    height, width = real.shape[:2]
    places = joints * np.array([width, height, 1], dtype=np.float32)
    return draw_skeleton(places, width, height), generated, real


def write_picture(path: Path, rows: Sequence[Columns]) -> None:
    """Write a PNG with a row per frame."""
    picture = np.vstack([_row(row) for row in rows])
    _, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    path.write_bytes(png.tobytes())


def write_video(path: Path, rows: Iterable[Columns], width_px: int, height_px: int, fps: float) -> None:
    """Write an MP4 with a frame per row. `width_px` and `height_px` are those of one frame."""
    with VideoWriter(path, len(NAMES) * width_px, height_px, fps) as writer:
        for row in rows:
            writer.write(_row(row))


def _row(row: Columns) -> Frame:
    return np.hstack([_named(frame, name) for frame, name in zip(row, NAMES, strict=True)])


def _named(frame: Frame, name: str) -> Frame:
    return cv2.putText(frame.copy(), name, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, TEXT_SIZE, INK, 1, cv2.LINE_AA)
