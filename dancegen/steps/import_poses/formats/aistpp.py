"""AIST++ 2-D keypoints (Li et al., ICCV 2021) -> recordings, one per camera.

A file is a pickle of {"keypoints2d": (cameras, N, 17, 3), "timestamps": (N)}: COCO-17 in pixels of 1920x1080 with a
score, and microseconds. A pickle can run any code when it is loaded: here only NumPy arrays are allowed.
The file's name contains the labels: gBR_sBM_cAll_d06_mBR2_ch06 is break, dancer d06, song mBR2.

Axes used in shapes:
    N frames of the file    T frames at the requested rate
"""

import pickle
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float, Float32

from dancegen import skeleton, storage
from dancegen.errors import BadMediaError
from dancegen.skeleton import COCO17_JOINTS
from dancegen.steps.import_poses.formats.recording import (
    BadRecording,
    Recording,
    find_sound,
    frame_times,
    nearest_frames,
)
from dancegen.steps.import_poses.settings import AISTPP_CAMERAS, ImportPosesConfig

FPS = 60.0
WIDTH_PX, HEIGHT_PX = 1920, 1080
TIMESTAMPS_PER_SECOND = 1e6
NAME = re.compile(r"g(?P<genre>[A-Z]{2})_s[A-Z]{2}_c(?:All|\d\d)_(?P<dancer>d\d\d)_(?P<song>m[A-Z]{2}\d)_ch\d\d")
GENRES = {
    "BR": "break",
    "PO": "pop",
    "LO": "lock",
    "MH": "middle-hip-hop",
    "LH": "la-hip-hop",
    "HO": "house",
    "WA": "waack",
    "KR": "krump",
    "JS": "street-jazz",
    "JB": "ballet-jazz",
}

MULTIARRAY = "numpy._core.multiarray"
ADMITTED = {  # global used by a pickle of arrays -> its current module
    ("numpy", "ndarray"): "numpy",
    ("numpy", "dtype"): "numpy",
    ("numpy.core.multiarray", "_reconstruct"): MULTIARRAY,
    ("numpy.core.multiarray", "scalar"): MULTIARRAY,
    ("numpy._core.multiarray", "_reconstruct"): MULTIARRAY,
    ("numpy._core.multiarray", "scalar"): MULTIARRAY,
    ("_codecs", "encode"): "_codecs",  # for bytes written by Python 2
}
DAMAGED = (  # exceptions of the pickle module for bytes that are not a pickle
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError, ImportError),
    *(OverflowError, MemoryError, RecursionError),
)


def read(config: ImportPosesConfig, source: str) -> Iterator[Recording | BadRecording]:
    """See dancegen.steps.import_poses.formats.recordings."""
    with storage.reading(source) as path, path.open("rb") as file:
        data = load_arrays(file, source)
    keypoints, times_s = _keypoints(data, source)
    frames = nearest_frames(times_s, config.fps)
    name = NAME.search(storage.stem(source))
    song = name["song"] if name else storage.stem(source)
    audio_uri = find_sound(config.music, song, source)
    for camera in config.cameras or AISTPP_CAMERAS[: len(keypoints)]:
        uri, number = f"{source}#{camera}", AISTPP_CAMERAS.index(str(camera))
        if number >= len(keypoints):
            error = BadMediaError(uri, f"does not exist: the file has {len(keypoints)} cameras.", "Set other cameras.")
            yield BadRecording(uri, str(error))
            continue
        yield Recording(
            uri,
            song=song,
            dancer=name["dancer"] if name else config.dancer,
            category=GENRES.get(name["genre"], config.category) if name else config.category,
            joints=_joints(keypoints[number, frames], config.min_confidence),
            fps=config.fps,
            width_px=WIDTH_PX,
            height_px=HEIGHT_PX,
            audio_uri=audio_uri,
        )


def load_arrays(file: BinaryIO, subject: str) -> Any:
    """The content of a pickle of NumPy arrays. Raises BadMediaError, and runs no code, for any other global."""
    try:
        return _ArraysOnly(file, encoding="latin1").load()
    except _RefusedError as error:
        problem = f"is not a pickle of only NumPy arrays: it requires {error}, which was not run."
        remedy = "Do not load it elsewhere; take the file from the data's own page, in pickle protocol 4 or below."
        raise BadMediaError(subject, problem, remedy) from error
    except DAMAGED as error:
        problem = f"is not a pickle, or is damaged ({type(error).__name__}: {error})."
        raise BadMediaError(subject, problem, "Download it again.") from error


class _RefusedError(Exception):
    """A pickle requires a global other than those of arrays."""


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Called for each global in the pickle."""
        place = ADMITTED.get((module_name, global_name))
        if place is None:
            raise _RefusedError(f"{module_name}.{global_name}")
        return getattr(import_module(place), global_name)


def _keypoints(data: Any, source: str) -> tuple[Float32[np.ndarray, "C N 17 3"], Float[np.ndarray, " N"]]:
    """The keypoints of all cameras, and the time of each frame in seconds."""
    if not isinstance(data, dict) or "keypoints2d" not in data:
        holds = ", ".join(map(str, data)) if isinstance(data, dict) else type(data).__name__
        problem = f"has no keypoints2d; it contains {holds[:200]}."
        raise BadMediaError(source, problem, "Use files of the folder keypoints2d.")
    keypoints = data["keypoints2d"]
    if not isinstance(keypoints, np.ndarray) or keypoints.dtype.kind not in "fiu":
        raise BadMediaError(source, "has keypoints2d that are not numeric.", "Download it again.")
    if keypoints.ndim != 4 or keypoints.shape[2:] != (len(COCO17_JOINTS), 3) or not keypoints.size:
        shape = "x".join(map(str, keypoints.shape))
        raise BadMediaError(source, f"has keypoints2d of shape {shape}, not CxNx17x3.", "Download it again.")
    return keypoints, _times(data.get("timestamps"), keypoints.shape[1])


def _times(timestamps: Any, frames: int) -> Float[np.ndarray, " N"]:
    if not isinstance(timestamps, np.ndarray) or timestamps.shape != (frames,) or timestamps.dtype.kind not in "fiu":
        return frame_times(frames, FPS)
    times_s = timestamps / TIMESTAMPS_PER_SECOND
    return times_s if (np.diff(times_s) > 0).all() else frame_times(frames, FPS)


def _joints(keypoints_px: Float[np.ndarray, "T 17 3"], min_confidence: float) -> Float32[np.ndarray, "T 18 3"]:
    found = keypoints_px / np.array([WIDTH_PX, HEIGHT_PX, 1], dtype=np.float32)
    found[found[..., 2] < min_confidence, 2] = 0.0
    found[..., 2] = np.minimum(found[..., 2], 1.0)
    return skeleton.from_coco17(found)
