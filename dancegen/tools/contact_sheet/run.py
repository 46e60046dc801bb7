"""Videos -> one contact sheet: an image for visual inspection of the dances."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from dancegen import storage
from dancegen.errors import BadMediaError, ConfigError
from dancegen.media.marks import XMP
from dancegen.media.video import frames, probe
from dancegen.tools.contact_sheet.settings import PICTURE_SUFFIXES

CELLS = 8  # frames per video
SECONDS = 4.0  # length of the middle section that is sampled
CELL_HEIGHT_PX = 180
LABEL_PX = 22
INK = (230, 230, 230)
PAPER = 32


def write_contact_sheet(videos: Sequence[str], picture: str) -> None:
    """Write the contact sheet of videos (URIs) as a PNG or JPEG.

    Raises BadMediaError for a video that cannot be read, ConfigError for another image format.
    """
    if storage.suffix(picture) not in PICTURE_SUFFIXES:
        raise ConfigError(picture, "is not a supported image format.", "Use a name that ends in .png or .jpg.")
    with ExitStack() as copies:
        paths = [(uri, copies.enter_context(storage.reading(uri))) for uri in videos]
        sheet = contact_sheet(paths)
    bgr = cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR)
    mark = np.frombuffer(XMP, dtype=np.uint8)
    coded = cv2.imencodeWithMetadata(storage.suffix(picture), bgr, [cv2.IMAGE_METADATA_XMP], [mark])[1]
    storage.write_bytes(picture, coded.tobytes())


def contact_sheet(videos: Sequence[tuple[str, Path]]) -> np.ndarray:
    """The contact sheet of videos, given as (URI, file), with one row per video. RGB `(H, W, 3)`."""
    rows = [_row(uri, _sample(path, uri)) for uri, path in videos]
    width = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])


def _sample(path: Path, uri: str) -> list[np.ndarray]:
    """Evenly spaced frames from the middle of the video. Raises BadMediaError when there are none."""
    rate = CELLS / SECONDS
    length = probe(path, uri).seconds or SECONDS
    first = max(0, round((length - SECONDS) / 2 * rate))
    pictures = []
    for number, frame in enumerate(frames(path, uri, rate)):
        if number >= first:
            pictures.append(_shrunk(frame))
        if len(pictures) == CELLS:
            break
    if not pictures:
        raise BadMediaError(uri, "has no frames.", "Omit it.")
    return pictures


def _shrunk(picture: np.ndarray) -> np.ndarray:
    width = round(picture.shape[1] * CELL_HEIGHT_PX / picture.shape[0])
    return cv2.resize(picture, (width, CELL_HEIGHT_PX), interpolation=cv2.INTER_AREA)


def _row(uri: str, pictures: list[np.ndarray]) -> np.ndarray:
    strip = np.hstack(pictures)
    title = np.full((LABEL_PX, strip.shape[1], 3), PAPER, dtype=np.uint8)
    label = "/".join(uri.split("/")[-2:])
    cv2.putText(title, label, (6, LABEL_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return np.vstack([title, strip])
