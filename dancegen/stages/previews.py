"""One picture a video, some frames with the skeleton over them: to see whether the joints are where they should be."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from dancegen import storage
from dancegen.media.draw import draw_skeleton
from dancegen.media.video import frames

COLUMNS, ROWS = 4, 2
CELL_HEIGHT_PX = 360
DIMMED = 0.6  # the frame's brightness below the skeleton


def write_preview(target: str, path: Path, uri: str, joints: Float[np.ndarray, "T 18 3"], fps: float) -> None:
    """Write the picture of the video at `path` to the URI `target`. `joints` are fractions of the frame."""
    wanted = np.linspace(0, len(joints) - 1, COLUMNS * ROWS).round().astype(int).tolist()
    cells: dict[int, np.ndarray] = {}
    for number, picture in enumerate(frames(path, uri, fps)):
        if number in wanted and number < len(joints):
            cells[number] = _cell(picture, joints[number])
    shown = [cells[number] for number in wanted if number in cells]
    blank = [np.zeros_like(shown[0])] * (-len(shown) % COLUMNS)
    strips = [np.hstack([*shown, *blank][row : row + COLUMNS]) for row in range(0, len(shown), COLUMNS)]
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(np.vstack(strips), cv2.COLOR_RGB2BGR))
    storage.write_bytes(target, jpeg.tobytes())


def _cell(picture: np.ndarray, joints: np.ndarray) -> np.ndarray:
    width_px = max(1, round(picture.shape[1] * CELL_HEIGHT_PX / picture.shape[0]))
    small = cv2.resize(picture, (width_px, CELL_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    drawn = draw_skeleton(joints * (width_px, CELL_HEIGHT_PX, 1), width_px, CELL_HEIGHT_PX, "dark")
    return np.where(drawn.any(axis=-1, keepdims=True), drawn, (small * DIMMED).astype(np.uint8))
