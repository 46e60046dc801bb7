"""OpenPose's files, one JSON a frame -> joints. Nothing of OpenPose is needed: only what it wrote."""

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from dancegen import skeleton, storage
from dancegen.errors import BadMediaError
from dancegen.media.video import VideoInfo
from dancegen.settings.extract_poses import EstimatorConfig
from dancegen.skeleton import COCO18

ENDING = "_keypoints.json"
DOWNLOADS = 16  # at the same time
MAX_HOLE_S = 3 * 3600  # a frame number beyond this is a mistake in a name, not a long video
BODY_25 = (
    *("nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist"),
    *("middle_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
    *("left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"),
)
COLUMNS = {  # numbers a person -> where COCO-18's joints are among them
    len(COCO18) * 3: list(range(len(COCO18))),
    len(BODY_25) * 3: [BODY_25.index(name) for name in COCO18.joints],
}


class OpenPoseJson:
    """Reads `<video's name>_openpose/*_<frame number>_keypoints.json`."""

    name = "openpose_json"

    def __init__(self, config: EstimatorConfig) -> None:
        self._min_confidence = config.min_confidence
        self._json_folder = config.json_folder

    def __call__(self, path: Path, uri: str, info: VideoInfo, fps: float) -> Float[np.ndarray, "T 18 3"]:
        """See Estimator."""
        folder, files = self._files(uri)
        numbers = [_frame_number(file) for file in files]
        if max(numbers) > MAX_HOLE_S * info.fps:
            raise BadMediaError(folder, f"has a file for frame {max(numbers):,}.", "Correct the files' names.")
        joints_px = np.zeros((max(numbers) + 1, len(COCO18), 3), dtype=np.float32)
        joints_px[numbers] = _read(files)
        joints_px[joints_px[..., 2] < self._min_confidence, 2] = 0.0
        at_wanted_rate = joints_px[_nearest(len(joints_px), info.fps, fps)]
        return skeleton.hide_missing(at_wanted_rate / (info.width_px, info.height_px, 1))

    def _files(self, uri: str) -> tuple[str, list[str]]:
        """The folder of a video's files, and the files."""
        beside = self._json_folder or uri.rsplit("/", 1)[0]
        folders = [storage.join(beside, storage.stem(uri) + ending) for ending in ("_openpose", "")]
        for folder in folders:
            files = [file for file in storage.find(folder, (".json",)) if file.endswith(ENDING)]
            if files:
                return folder, files
        remedy = "Run OpenPose with --write_json on it, or set estimator.json_folder."
        raise BadMediaError(uri, f"has no files *{ENDING} in {folders[0]}.", remedy)


def _frame_number(file: str) -> int:
    number = re.search(r"(\d+)_keypoints\.json$", file)
    if number is None:
        raise BadMediaError(file, "has no frame number in its name.", f"Name it like dance_000000000012{ENDING}.")
    return int(number[1])


def _nearest(count: int, fps_in: float, fps_out: float) -> list[int]:
    """Which of `count` frames are nearest to k/fps_out seconds, for every k before the end."""
    wanted = math.ceil(count / fps_in * fps_out - 1e-6)
    return [min(count - 1, round(k / fps_out * fps_in)) for k in range(wanted)]


def _read(files: list[str]) -> np.ndarray:
    """Joints `(files, 18, 3)` in pixels."""
    if not storage.is_remote(files[0]):
        return np.stack([_joints(file) for file in files])
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        return np.stack(list(pool.map(_joints, files)))


def _joints(file: str) -> np.ndarray:
    """The surest person of one frame, `(18, 3)`; zeros when there is nobody."""
    try:
        people = [_person(person) for person in json.loads(storage.read_bytes(file))["people"]]
    except (ValueError, KeyError, TypeError) as error:
        problem = f"is not what OpenPose writes ({type(error).__name__}: {error})."
        raise BadMediaError(file, problem, "Run OpenPose again; COCO and BODY_25 are read.") from error
    return max(people, key=lambda joints: joints[:, 2].sum(), default=np.zeros((len(COCO18), 3), dtype=np.float32))


def _person(person: dict[str, Any]) -> np.ndarray:
    numbers = np.asarray(person["pose_keypoints_2d"], dtype=np.float32)
    if numbers.size not in COLUMNS:
        raise ValueError(f"{numbers.size} numbers a person, and 54 or 75 are known")
    return np.nan_to_num(numbers.reshape(-1, 3)[COLUMNS[numbers.size]])
