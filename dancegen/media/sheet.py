"""videos -> one contact sheet: a picture to see at a glance whether the dances are good."""

from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np

CELL_HEIGHT_PX = 180
LABEL_PX = 22


def contact_sheet(videos: Sequence[tuple[str, Path]], frames: int = 8, seconds: float = 4.0) -> np.ndarray:
    """One row a video, given as (label, file): so many frames, evenly from the middle `seconds`. RGB `(H, W, 3)`."""
    rows = [_row(label, _sample(path, frames, seconds)) for label, path in videos]
    width = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])


def write_contact_sheet(path: Path, videos: Sequence[tuple[str, Path]]) -> None:
    """The contact sheet as a PNG or JPEG file."""
    cv2.imwrite(str(path), cv2.cvtColor(contact_sheet(videos), cv2.COLOR_RGB2BGR))


def _sample(path: Path, frames: int, seconds: float) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        length = float((stream.duration or 0) * (stream.time_base or 0))
        start = max(0.0, (length - seconds) / 2)
        wanted = list(np.linspace(start, min(length, start + seconds), frames, endpoint=False))
        container.seek(int(start * av.time_base))
        pictures: list[np.ndarray] = []
        for frame in container.decode(stream):
            while wanted and frame.time is not None and frame.time >= wanted[0] - 1e-3:
                pictures.append(_shrunk(frame.to_ndarray(format="rgb24")))
                wanted.pop(0)
            if not wanted:
                break
    return pictures


def _shrunk(picture: np.ndarray) -> np.ndarray:
    width = round(picture.shape[1] * CELL_HEIGHT_PX / picture.shape[0])
    return cv2.resize(picture, (width, CELL_HEIGHT_PX), interpolation=cv2.INTER_AREA)


def _row(label: str, pictures: list[np.ndarray]) -> np.ndarray:
    strip = np.hstack(pictures)
    title = np.full((LABEL_PX, strip.shape[1], 3), 32, dtype=np.uint8)
    cv2.putText(title, label, (6, LABEL_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (230, 230, 230), 1, cv2.LINE_AA)
    return np.vstack([title, strip])
