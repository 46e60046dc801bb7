"""files that an estimator wrote beside the video -> joints. The estimator itself is not required.

Two formats are read, distinguished by their paths:
    <video's name>_openpose/*_<frame>_keypoints.json
        OpenPose: one file per frame, with all its people
    <video's name>.json
        COCO results, as AlphaPose and others write them: a list of {image_id, category_id, keypoints, score}, one
        per person; image_id is the frame, as a number or in an image's name
Frames count from 0, at the video's own rate. COCO-17, COCO-18 and BODY_25 are distinguished by the count of numbers
per person.

Axes used in shapes:
    P people
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dancegen import skeleton, storage
from dancegen.errors import BadMediaError
from dancegen.estimators.base import People, Picture, VideoPart
from dancegen.estimators.settings import EstimatorConfig
from dancegen.skeleton import COCO17_JOINTS, COCO18

ENDING = "_keypoints.json"
PERSON = 1  # COCO's category
DOWNLOADS = 16  # concurrent
MAX_HOLE_S = 3 * 3600  # a frame number beyond this is an error in a name, not a long video
BODY_25 = (
    *("nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist"),
    *("middle_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
    *("left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"),
)
COLUMNS = {  # numbers per person -> positions of COCO-18's joints among them
    len(COCO18) * 3: list(range(len(COCO18))),
    len(BODY_25) * 3: [BODY_25.index(name) for name in COCO18.joints],
}
KNOWN = "51 (COCO-17), 54 (COCO-18) or 75 (BODY_25)"

Frame = str | list[Any]  # the file with the people, or the people
Frames = dict[int, Frame]


class OpenPoseJson:
    """Reads the existing results of an estimator."""

    name = "openpose_json"
    reads_files = True

    def __init__(self, config: EstimatorConfig) -> None:
        self._min_confidence = config.min_confidence
        self._json_folder = config.json_folder
        self._frames = lru_cache(maxsize=1)(self._listed)  # the parts of a video are processed in succession

    def __call__(self, part: VideoPart, pictures: Iterator[Picture]) -> list[People]:
        """See Estimator. Reads only the files of the part's frames, and no frames."""
        frames, rate = self._frames(part.uri), part.info.fps
        last = max(frames)
        if last > MAX_HOLE_S * rate:
            problem = f"has people in frame {last:,} according to its JSON."
            raise BadMediaError(part.uri, problem, "Correct the frame numbers.")
        there = math.ceil((last + 1) / rate * part.fps - 1e-6)
        final = last
        if isinstance(frames[last], list) and part.info.seconds:  # result lists omit frames without people
            there = max(there, math.floor(part.info.seconds * part.fps))
            final = max(last, round(part.info.seconds * rate))
        stop = there if part.stop is None else min(part.stop, there)
        wanted = [min(final, round(k / part.fps * rate)) for k in range(part.first, stop)]
        scale = np.array([part.info.width_px, part.info.height_px, 1], dtype=np.float32)
        return [
            self._only_seen(people_px / scale) for people_px in _read([frames.get(number, []) for number in wanted])
        ]

    def _only_seen(self, people: People) -> People:
        people[people[..., 2] < self._min_confidence, 2] = 0.0
        people[..., 2] = np.minimum(people[..., 2], 1.0)
        return skeleton.hide_missing(people)[(people[..., 2] > 0).any(axis=1)]

    def _listed(self, uri: str) -> Frames:
        """The file or the people of each frame of a video. Raises BadMediaError when there are no results."""
        beside = self._json_folder or uri.rsplit("/", 1)[0]
        folders = [storage.join(beside, storage.stem(uri) + ending) for ending in ("_openpose", "")]
        for folder in folders:
            files = [file for file in storage.find(folder, (".json",)) if file.endswith(ENDING)]
            if files:
                return {_frame_of_file(file): file for file in files}
        results = f"{folders[1]}.json"
        if storage.exists(results):
            return _results(results)
        problem = f"has neither files *{ENDING} in {folders[0]} nor {results}."
        raise BadMediaError(uri, problem, "Run OpenPose with --write_json on it, or set estimator.json_folder.")


def _frame_of_file(file: str) -> int:
    number = re.search(r"(\d+)_keypoints\.json$", file)
    if number is None:
        raise BadMediaError(file, "has no frame number in its name.", f"Name it like dance_000000000012{ENDING}.")
    return int(number[1])


def _results(file: str) -> Frames:
    """The people of each frame, from a file of COCO results. Raises BadMediaError when it is invalid or empty."""
    frames: Frames = {}
    try:
        for found in json.loads(storage.read_bytes(file)):
            if found.get("category_id", PERSON) == PERSON:
                people = frames.setdefault(_frame_of_image(found["image_id"]), [])
                assert isinstance(people, list)
                people.append(_person(found["keypoints"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"is not a list of COCO results ({type(error).__name__}: {error})."
        raise BadMediaError(
            file, problem, "Write {image_id, category_id, keypoints, score} for each person."
        ) from error
    if not frames:
        raise BadMediaError(file, "contains no people.", "Run the estimator again, or leave the video out.")
    return frames


def _frame_of_image(image: int | str) -> int:
    """The frame number, given as such or contained in an image's name, such as dance_0012.jpg."""
    if isinstance(image, int):
        return image
    numbers = re.findall(r"\d+", Path(image).stem)
    if not numbers:
        raise ValueError(f"image_id {image!r} has no frame number")
    return int(numbers[-1])


def _read(frames: Sequence[Frame]) -> list[People]:
    """The people of each frame, in pixels."""
    if not any(isinstance(frame, str) and storage.is_remote(frame) for frame in frames):
        return [_people(frame) for frame in frames]
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        return list(pool.map(_people, frames))


def _people(frame: Frame) -> People:
    persons = _of_file(frame) if isinstance(frame, str) else frame
    return np.stack(persons) if persons else np.zeros((0, len(COCO18), 3), dtype=np.float32)


def _of_file(file: str) -> list[np.ndarray]:
    try:
        return [_person(person["pose_keypoints_2d"]) for person in json.loads(storage.read_bytes(file))["people"]]
    except (ValueError, KeyError, TypeError) as error:
        problem = f"is not OpenPose JSON ({type(error).__name__}: {error})."
        raise BadMediaError(file, problem, "Run OpenPose again; COCO and BODY_25 are supported.") from error


def _person(numbers: list[float]) -> np.ndarray:
    """Joints `(18, 3)` in pixels; missing ones have confidence 0. Raises ValueError for an unknown skeleton."""
    values = np.nan_to_num(np.asarray(numbers, dtype=np.float32))
    if values.size == len(COCO17_JOINTS) * 3:
        return np.nan_to_num(skeleton.from_coco17(values.reshape(-1, 3)))
    if values.size not in COLUMNS:
        raise ValueError(f"{values.size} numbers per person; {KNOWN} are supported")
    return values.reshape(-1, 3)[COLUMNS[values.size]]
