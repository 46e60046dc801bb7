"""frames -> joints of all people, by MediaPipe's pose models (the full ones are included in its wheel).

MediaPipe's own solutions find one person (`solutions.pose`), or lose people who stand side by side (the Tasks API
merges two bodies whose regions overlap). So its two models are used directly: one detects people's hips in the whole
frame, the other finds the joints of one person in a square and predicts the square for the next frame.

Axes used in shapes:
    P people    H rows    W columns    L the model's 33 landmarks
"""

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
from jaxtyping import Float32

from dancegen import skeleton
from dancegen.estimators.base import People, Picture, VideoPart
from dancegen.estimators.plausible import alike, is_plausible
from dancegen.estimators.settings import EstimatorConfig
from dancegen.native_output import suppressed

FIND_PEOPLE = """
    input_stream: "image"
    output_stream: "detections"
    node {
        calculator: "PoseDetectionCpu"
        input_stream: "IMAGE:image"
        output_stream: "DETECTIONS:detections"
    }
"""
FIND_JOINTS = """
    input_stream: "image"
    input_stream: "roi"
    input_side_packet: "model_complexity"
    output_stream: "landmarks"
    output_stream: "alignment"
    node {
        calculator: "PoseLandmarkByRoiCpu"
        input_side_packet: "MODEL_COMPLEXITY:model_complexity"
        input_stream: "IMAGE:image"
        input_stream: "ROI:roi"
        output_stream: "LANDMARKS:landmarks"
        output_stream: "AUXILIARY_LANDMARKS:alignment"
    }
"""
BUNDLED_MODEL = 1  # "full"; the light and the heavy model would be downloaded at first use
LOOK_EVERY_S = 0.5  # interval of detection while one person is tracked; every frame when none or several are
MARGIN = 1.25  # around a body, as in the model's training
MARGIN_AMONG_OTHERS = 1.1  # with a larger margin the model merges neighbouring bodies
OUTSIDE = 0.1  # of the frame's size: a joint farther outside is extrapolated, not observed
SAME_WITHIN = 0.35  # of a body's reach: hips within this distance of a tracked person's belong to that person

BLACK = np.zeros((32, 32, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Square:
    """Region of a person: centred on the hips, rotated so that the body is upright. In frame heights."""

    x: float
    y: float
    reach: float  # from the hips to the end of the body
    angle: float  # radians, clockwise


Person = tuple[Float32[np.ndarray, "18 3"], Square]  # joints, and the square for the next frame


class MediaPipe:
    """Finds the joints of all people, and tracks each person from frame to frame."""

    reads_files = False

    def __init__(self, config: EstimatorConfig) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")  # MediaPipe's C++ code logs every graph that it creates
        from mediapipe.framework.formats import rect_pb2  # late: it takes seconds
        from mediapipe.python.solution_base import SolutionBase

        self._graph, self._rect = SolutionBase, vars(rect_pb2)["NormalizedRect"]
        self._min_confidence, self._max_people = config.min_confidence, config.max_people
        self.name = f"mediapipe {metadata.version('mediapipe')}"

    def __call__(self, part: VideoPart, pictures: Iterator[Picture]) -> list[People]:
        """See Estimator."""
        with ExitStack() as graphs:
            people, joints = (graphs.enter_context(closing(graph)) for graph in self._graphs())
            look_every = max(1, round(LOOK_EVERY_S * part.fps))
            followed: list[Square] = []
            found: list[People] = []
            for number, picture in enumerate(pictures):
                persons = self._persons(joints, picture, followed)
                lost = len(persons) < len(followed)
                if len(persons) < self._max_people and (len(persons) != 1 or lost or number % look_every == 0):
                    known = [square for _, square in persons]
                    new = [square for square in _squares(people, picture) if not _is_known(square, known)]
                    persons += self._persons(joints, picture, new, len(known))
                    persons = _different(persons, picture)[: self._max_people]
                followed = [square for _, square in persons]
                found.append(_stacked([person for person, _ in persons]))
            return found

    def _graphs(self) -> tuple[Any, Any]:
        """The person detector and the landmark model. Each has processed a black image: its threads log until then."""
        with suppressed():
            people = self._graph(graph_config=FIND_PEOPLE)
            joints = self._graph(graph_config=FIND_JOINTS, side_inputs={"model_complexity": BUNDLED_MODEL})
            people.process({"image": BLACK})
            joints.process({"image": BLACK, "roi": self._rect(x_center=0.5, y_center=0.5, width=1.0, height=1.0)})
        return people, joints

    def _persons(self, joints: Any, picture: Picture, squares: list[Square], others: int = 0) -> list[Person]:
        """The people in the squares; `others` is the number of people elsewhere in the frame."""
        aspect = picture.shape[1] / picture.shape[0]
        margin = MARGIN if len(squares) + others == 1 else MARGIN_AMONG_OTHERS
        persons: list[Person] = []
        for square in squares:
            side = 2 * margin * square.reach
            roi = self._rect(
                x_center=square.x / aspect, y_center=square.y, width=side / aspect, height=side, rotation=square.angle
            )
            seen = joints.process({"image": picture, "roi": roi})
            if seen.landmarks is None:
                continue
            person = self._only_seen(_landmarks(seen.landmarks))
            if is_plausible(person, aspect):
                hips, end = seen.alignment.landmark
                persons.append((person, _square((hips.x, hips.y), (end.x, end.y), aspect)))
        return _different(persons, picture)

    def _only_seen(self, landmarks: Float32[np.ndarray, "L 3"]) -> Float32[np.ndarray, "18 3"]:
        joints = skeleton.from_mediapipe33(landmarks)
        outside = ((joints[..., :2] < -OUTSIDE) | (joints[..., :2] > 1 + OUTSIDE)).any(axis=-1)
        unsure = joints[..., 2] < self._min_confidence
        joints[outside | unsure, 2] = 0.0
        return skeleton.hide_missing(joints)


def _landmarks(marks: Any) -> Float32[np.ndarray, "L 3"]:
    return np.array([(mark.x, mark.y, mark.visibility) for mark in marks.landmark], dtype=np.float32)


def _stacked(persons: list[np.ndarray]) -> People:
    return np.stack(persons) if persons else np.zeros((0, len(skeleton.COCO18), 3), dtype=np.float32)


def _squares(people: Any, picture: Picture) -> list[Square]:
    """Squares of detected people, in order of decreasing confidence."""
    aspect = picture.shape[1] / picture.shape[0]
    detections = sorted(people.process({"image": picture}).detections or [], key=lambda one: -one.score[0])
    places = [detection.location_data.relative_keypoints[:2] for detection in detections]
    return [_square((hips.x, hips.y), (end.x, end.y), aspect) for hips, end in places]


def _square(hips: tuple[float, float], end: tuple[float, float], aspect: float) -> Square:
    """The square around a body, from the mid-hip and a point above it at the distance of the body's reach."""
    across, down = (end[0] - hips[0]) * aspect, end[1] - hips[1]
    return Square(hips[0] * aspect, hips[1], math.hypot(across, down), math.atan2(across, -down))


def _is_known(square: Square, followed: list[Square]) -> bool:
    return any(math.hypot(square.x - one.x, square.y - one.y) < SAME_WITHIN * one.reach for one in followed)


def _different(persons: list[Person], picture: Picture) -> list[Person]:
    """The persons without duplicates of earlier ones."""
    aspect = picture.shape[1] / picture.shape[0]
    kept: list[Person] = []
    for person, square in persons:
        if not any(alike(person, other, aspect) for other, _ in kept):
            kept.append((person, square))
    return kept
