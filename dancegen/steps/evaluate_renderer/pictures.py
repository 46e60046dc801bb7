"""Comparison of a segment as video and image: real frame, generated frame, their difference, and the flicker.

Axes used in shapes:
    N frames    H rows    W columns
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from dancegen.media.writer import VideoWriter

PANELS = ("real", "generated", "difference", "flicker")
STILLS = 4  # frames in an image
FULL_SCALE = 64  # grey levels of difference that have the brightest colour


def write_comparison(
    path: Path, real: UInt8[np.ndarray, "N H W 3"], generated: UInt8[np.ndarray, "N H W 3"], fps: float
) -> None:
    """Write the comparison as MP4. Raises StorageError when the file cannot be written."""
    height_px, width_px = real.shape[1:3]
    with VideoWriter(path, len(PANELS) * width_px // 2 * 2, height_px // 2 * 2, fps) as video:
        for frame in comparison(real, generated):
            video.write(np.ascontiguousarray(frame[: height_px // 2 * 2, : frame.shape[1] // 2 * 2]))


def write_stills(path: Path, real: UInt8[np.ndarray, "N H W 3"], generated: UInt8[np.ndarray, "N H W 3"]) -> None:
    """Write some frames of the comparison as PNG, evenly spaced, one below the other. The first has no flicker."""
    frames = list(comparison(real, generated))
    chosen = np.unique(np.linspace(0, len(frames) - 1, STILLS + 1).round().astype(int))[1:]
    picture = np.vstack([frames[number] for number in chosen])
    _, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    path.write_bytes(png.tobytes())


def comparison(
    real: UInt8[np.ndarray, "N H W 3"], generated: UInt8[np.ndarray, "N H W 3"]
) -> Iterator[UInt8[np.ndarray, "H W4 3"]]:
    """The four panels of each frame, side by side.

    Difference is that of the generated and the real frame. Flicker is the change of the generated frame since the one
    before beyond the change of the real frame: what moves in both is dark.
    """
    before = (real[0], generated[0]) if len(real) else None
    for truth, made in zip(real, generated, strict=True):
        assert before is not None
        excess = np.maximum(0, _change(made, before[1]) - _change(truth, before[0]))
        yield np.hstack([truth, made, heat(_change(made, truth)), heat(excess)])
        before = truth, made


def heat(values: np.ndarray) -> UInt8[np.ndarray, "H W 3"]:
    """Grey levels of difference (H, W) as colours: black for 0, white from FULL_SCALE on."""
    levels = np.clip(values * (255 / FULL_SCALE), 0, 255).astype(np.uint8)
    colours = np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_HOT), dtype=np.uint8)
    return np.ascontiguousarray(colours[..., ::-1])


def _change(one: UInt8[np.ndarray, "H W 3"], other: UInt8[np.ndarray, "H W 3"]) -> np.ndarray:
    return np.abs(one.astype(np.float32) - other).mean(axis=-1)
