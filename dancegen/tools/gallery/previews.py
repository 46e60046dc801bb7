"""Videos -> their posters (WebP) and previews (MP4 of three seconds without sound), each once.

Axes used in shapes:
    H, H2 rows    W, W2 columns
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from dancegen import storage
from dancegen.errors import BadMediaError, StorageError
from dancegen.media.video import frames
from dancegen.media.writer import VideoWriter

FOLDER = "media"
POSTER, PREVIEW = ".webp", ".mp4"
HEIGHT_PX, FPS, SECONDS = 240, 10, 3
BEGIN_SHARE = 1 / 3  # of the video: where the preview begins
QUALITY = 70  # of the poster
AHEAD = 64  # videos a worker, whose results may wait

Row = dict[str, Any]


def key(row: Row) -> str:
    """Name of a song's files and of its place on a page. Another video of the song has another key."""
    return hashlib.sha256(f"{row['uri']} {row['version']} {row['wall_s']}".encode()).hexdigest()[:16]


def make_previews(
    rows: Iterable[Row], folder: str, workers: int, is_there: Callable[[str], bool]
) -> Iterator[tuple[Row, str | None]]:
    """Make the files that are missing in `<folder>/media`; yields each row with the reason why it has none, or None.

    `is_there` says whether a file of a name is in that folder.
    """
    place, rows = storage.join(folder, FOLDER), iter(rows)
    with ThreadPoolExecutor(workers) as pool:
        while some := list(islice(rows, AHEAD * workers)):
            done = [all(is_there(key(row) + suffix) for suffix in (POSTER, PREVIEW)) for row in some]
            yield from zip(
                some, pool.map(lambda row, made: None if made else _make(row, place), some, done), strict=True
            )


def _make(row: Row, folder: str) -> str | None:
    try:
        pictures = _pictures(row["output_uri"], row["seconds"] or 0.0)
        _write(pictures, storage.join(folder, key(row)))
    except (BadMediaError, StorageError) as error:
        return str(error)
    return None


def _pictures(video: str, seconds: float) -> list[UInt8[np.ndarray, "H W 3"]]:
    """The frames of the preview. Raises BadMediaError when there are none."""
    first = int(seconds * BEGIN_SHARE * FPS)
    with storage.opening(video) as source:
        found = [_shrunk(picture) for picture in frames(source, video, FPS, first, first + SECONDS * FPS)]
    if not found:
        raise BadMediaError(video, "ends before its preview.", "Render the song again.")
    return found


def _write(pictures: list[UInt8[np.ndarray, "H W 3"]], uri: str) -> None:
    coded = cv2.imencode(POSTER, cv2.cvtColor(pictures[0], cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1]
    storage.write_bytes(uri + POSTER, coded.tobytes())
    height_px, width_px = pictures[0].shape[:2]
    with storage.writing(uri + PREVIEW) as path, VideoWriter(path, width_px, height_px, FPS) as writer:
        for picture in pictures:
            writer.write(picture)


def _shrunk(picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H2 W2 3"]:
    width_px = 2 * round(picture.shape[1] * HEIGHT_PX / picture.shape[0] / 2)
    return np.asarray(cv2.resize(picture, (max(2, width_px), HEIGHT_PX), interpolation=cv2.INTER_AREA))
