"""Spectrogram of a song with its beats, downbeats and sections, in strips below each other.

Axes used in shapes:
    H hops    M mel bands    Y X pixels
"""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from dancegen.music.beats import Heard
from dancegen.music.sections import Section
from dancegen.music.spectrum import FLOOR_DB, HOPS_A_SECOND

STRIP_S, MAX_STRIPS = 20.0, 40  # longer songs have longer strips
WIDTH_PX, BAND_PX, HEAD_PX, FOOT_PX = 1600, 2, 18, 16
BEAT, DOWNBEAT, INK = (120, 220, 255), (255, 255, 255), (230, 230, 230)
SECTIONS = (
    (66, 103, 172),
    (178, 84, 60),
    (74, 140, 80),
    (140, 84, 160),
    (160, 140, 50),
    (60, 140, 150),
    (120, 120, 120),
)

Picture = UInt8[np.ndarray, "Y X 3"]


def draw(bands: Float32[np.ndarray, "H M"], heard: Heard, sections: list[Section]) -> Picture:
    """RGB image. Downbeats are white lines, other beats blue ticks; a bar above each strip has the sections."""
    seconds = len(bands) / HOPS_A_SECOND
    strip_s = max(STRIP_S, seconds / MAX_STRIPS)
    starts = np.arange(0, max(seconds, 0.1), strip_s)
    return np.vstack([_strip(bands, heard, sections, float(start), strip_s) for start in starts])


def _strip(
    bands: Float32[np.ndarray, "H M"], heard: Heard, sections: list[Section], start: float, strip_s: float
) -> Picture:
    part = bands[round(start * HOPS_A_SECOND) : round((start + strip_s) * HOPS_A_SECOND)]
    height = bands.shape[1] * BAND_PX
    grey = (part.T[::-1] * (200 / FLOOR_DB)).astype(np.uint8)
    width = max(1, round(WIDTH_PX * len(part) / (strip_s * HOPS_A_SECOND)))
    image = np.zeros((HEAD_PX + height + FOOT_PX, WIDTH_PX, 3), dtype=np.uint8)
    image[HEAD_PX : HEAD_PX + height, :width] = cv2.applyColorMap(
        cv2.resize(grey, (width, height)), cv2.COLORMAP_INFERNO
    )[..., ::-1]

    def at(time: float) -> int:
        return round((time - start) / strip_s * WIDTH_PX)

    for number, section in enumerate(sections):
        if section.end_s > start and section.start_s < start + strip_s:
            color = SECTIONS[(ord(section.label[0]) - ord("A")) % len(SECTIONS)]
            left, right = max(0, at(section.start_s)), min(WIDTH_PX, at(section.end_s))
            cv2.rectangle(image, (left, 1), (right - 2, HEAD_PX - 3), color, -1)
            _write(image, f"{section.label} {number + 1}", left + 4, HEAD_PX - 5)
    for time, position in zip(heard.beats_s, heard.positions, strict=True):
        if start <= time < start + strip_s:
            top, color = (HEAD_PX, DOWNBEAT) if position == 0 else (HEAD_PX + 3 * height // 4, BEAT)
            cv2.line(image, (at(time), top), (at(time), HEAD_PX + height), color, 1)
    for tick in np.arange(start, start + strip_s, strip_s / 10):
        _write(image, f"{tick:.0f} s", at(float(tick)) + 2, HEAD_PX + height + FOOT_PX - 4)
    return image


def _write(image: Picture, text: str, x: int, y: int) -> None:
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.38, INK, 1, cv2.LINE_AA)
