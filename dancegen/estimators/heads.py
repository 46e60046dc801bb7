"""outputs of a top-down pose network -> keypoints in the pixels of its input.

Two kinds of heads, distinguished by their outputs:
    SimCC (RTMPose; Li et al., ECCV 2022)    two outputs (N, K, W * split) and (N, K, H * split): one axis each
    heatmaps (Xiao et al., ECCV 2018)        one output (N, K, h, w)

Axes used in shapes:
    N persons    K keypoints    B bins of an axis    h, w sides of a heatmap
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32

from dancegen import skeleton
from dancegen.errors import ConfigError
from dancegen.skeleton import COCO17_JOINTS, COCO18

FIRST_ARE_COCO17 = (17, 25, 26, 133)  # COCO; Halpe without and with the mid-hip; COCO-WholeBody
QUARTER_PX = 0.25  # shift towards the higher neighbour: sub-pixel position of a heatmap's maximum


def keypoints(
    outputs: Sequence[np.ndarray], width_px: int, height_px: int, subject: str
) -> Float32[np.ndarray, "N K 3"]:
    """x, y and confidence of each keypoint. `subject` names the network in error messages.

    Raises ConfigError when the outputs have other shapes.
    """
    shapes = [output.shape for output in outputs]
    if len(outputs) == 2 and all(len(shape) == 3 for shape in shapes) and shapes[0][:2] == shapes[1][:2]:
        bins = shapes[0][2] / width_px, shapes[1][2] / height_px
        if bins[0] == bins[1]:
            return _simcc(outputs[0], outputs[1], bins[0])
    if len(outputs) == 1 and len(shapes[0]) == 4:
        return _heatmaps(outputs[0], width_px, height_px)
    problem = f"returns outputs of shapes {', '.join(map(str, shapes))} for images of {width_px}x{height_px}."
    raise ConfigError(
        subject, problem, "Use a network with SimCC outputs (N, K, W*s) and (N, K, H*s), or heatmaps (N, K, h, w)."
    )


def as_coco18(points: Float32[np.ndarray, "N K 3"], subject: str) -> Float32[np.ndarray, "N 18 3"]:
    """Converts keypoints of one of the supported skeletons to COCO-18. Raises ConfigError for any other skeleton."""
    count = points.shape[1]
    if count == len(COCO18):
        return skeleton.hide_missing(points)
    if count in FIRST_ARE_COCO17:
        return skeleton.from_coco17(points[:, : len(COCO17_JOINTS)])
    known = ", ".join(map(str, sorted((len(COCO18), *FIRST_ARE_COCO17))))
    raise ConfigError(subject, f"returns {count} keypoints; {known} are supported.", "Use another network.")


def _simcc(
    across: Float[np.ndarray, "N K B"], down: Float[np.ndarray, "N K B2"], bins_per_px: float
) -> Float32[np.ndarray, "N K 3"]:
    places = [axis.argmax(axis=-1) / bins_per_px for axis in (across, down)]
    sure = np.minimum(across.max(axis=-1), down.max(axis=-1))
    return np.stack([*places, np.clip(sure, 0, 1)], axis=-1).astype(np.float32)


def _heatmaps(maps: Float[np.ndarray, "N K h w"], width_px: int, height_px: int) -> Float32[np.ndarray, "N K 3"]:
    rows, columns = maps.shape[2:]
    flat = maps.reshape(*maps.shape[:2], -1)
    row, column = np.divmod(flat.argmax(axis=-1), columns)
    x = column + QUARTER_PX * _slope(maps.max(axis=2), column)
    y = row + QUARTER_PX * _slope(maps.max(axis=3), row)
    sure = np.clip(flat.max(axis=-1), 0, 1)
    return np.stack([x * width_px / columns, y * height_px / rows, sure], axis=-1).astype(np.float32)


def _slope(axis: Float[np.ndarray, "N K B"], top: np.ndarray) -> np.ndarray:
    """-1, 0 or 1: the side of the maximum with the higher neighbour."""
    padded = np.pad(axis, ((0, 0), (0, 0), (1, 1)), mode="edge")
    before, after = (np.take_along_axis(padded, (top + step)[..., None], axis=-1)[..., 0] for step in (0, 2))
    return np.sign(after - before)
