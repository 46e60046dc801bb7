"""Arrays in a NumPy file -> a recording: the simplest format, for dances of any origin, such as another model's output.

A file contains `joints`, (N, 18, 2 or 3) in OpenPose's order or (N, 17, 2 or 3) in COCO's: pixels, and optionally the
confidence; NaN where a joint is missing. `fps`, `width_px` and `height_px` are numbers in the file, or settings.

Axes used in shapes:
    N frames of the file    T frames at the requested rate    K joints of the file
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from dancegen import skeleton, storage
from dancegen.errors import BadMediaError
from dancegen.media.arrays import load_arrays
from dancegen.skeleton import COCO17_JOINTS, COCO18
from dancegen.steps.import_poses.formats.recording import (
    BadRecording,
    Recording,
    find_sound,
    frame_times,
    nearest_frames,
)
from dancegen.steps.import_poses.settings import ImportPosesConfig

TAKE = "Save joints, fps, width_px and height_px with numpy.savez."


def read(config: ImportPosesConfig, source: str) -> Iterator[Recording | BadRecording]:
    """See dancegen.steps.import_poses.formats.recordings."""
    arrays = _load(source)
    joints_px = _joints(arrays, source)
    given = {"fps": config.source_fps, "width_px": config.width_px, "height_px": config.height_px}
    source_fps, width_px, height_px = (_number(arrays, source, name, instead) for name, instead in given.items())
    places = joints_px[..., :2] / (width_px, height_px)
    confidence = joints_px[..., 2] if joints_px.shape[-1] == 3 else np.ones(joints_px.shape[:2])
    known = np.isfinite(places).all(axis=-1) & (confidence >= config.min_confidence)
    found = np.concatenate([places, np.where(known, np.minimum(confidence, 1.0), 0.0)[..., None]], axis=-1)
    frames = nearest_frames(frame_times(len(found), source_fps), config.fps)
    yield Recording(
        source,
        song=storage.stem(source),
        dancer=config.dancer,
        category=config.category,
        joints=_as_coco18(found[frames].astype(np.float32)),
        fps=config.fps,
        width_px=round(width_px),
        height_px=round(height_px),
        audio_uri=find_sound(config.music, storage.stem(source), source),
    )


def _load(source: str) -> dict[str, Any]:
    """The arrays by name. No code in the file is run. Raises BadMediaError when it is not a NumPy file."""
    with storage.reading(source) as path:
        return load_arrays(path, source, "a NumPy file of arrays", TAKE)


def _joints(arrays: dict[str, Any], source: str) -> Float[np.ndarray, "N K D"]:
    if "joints" not in arrays:
        raise BadMediaError(source, f"has no joints; it contains {', '.join(arrays)[:200] or 'nothing'}.", TAKE)
    joints = arrays["joints"]
    fits = joints.ndim == 3 and joints.shape[1] in (len(COCO18), len(COCO17_JOINTS)) and joints.shape[2] in (2, 3)
    if not fits or not joints.size or joints.dtype.kind not in "fiu":
        shape = "x".join(map(str, joints.shape))
        raise BadMediaError(source, f"has joints of shape {shape}, not Nx18x2, Nx18x3, Nx17x2 or Nx17x3.", TAKE)
    return joints.astype(np.float64)


def _number(arrays: dict[str, Any], source: str, name: str, instead: float | None) -> float:
    found = arrays.get(name, np.array(instead, dtype=np.float64))
    if found.size != 1 or found.dtype.kind not in "fiu" or not np.isfinite(found).all() or found.item() <= 0:
        setting = "source_fps" if name == "fps" else name
        raise BadMediaError(source, f"has no valid {name}.", f"Save it in the file, or set {setting}.")
    return float(found.item())


def _as_coco18(joints: Float32[np.ndarray, "T K 3"]) -> Float32[np.ndarray, "T 18 3"]:
    return skeleton.hide_missing(joints) if joints.shape[1] == len(COCO18) else skeleton.from_coco17(joints)
