"""frames -> joints of all people, by ONNX networks: a person detector, and a pose network for each person (RTMPose).

Axes used in shapes:
    P people    H rows    W columns    K keypoints    4 left, top, right and bottom in pixels
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import cv2
import numpy as np
from jaxtyping import Float32

from dancegen import skeleton
from dancegen.errors import ConfigError
from dancegen.estimators.base import People, Picture, VideoPart
from dancegen.estimators.heads import as_coco18, keypoints
from dancegen.estimators.network import Network
from dancegen.estimators.plausible import is_plausible
from dancegen.estimators.settings import DetectorConfig, EstimatorConfig

PADDING = 1.25  # of a person's bounding box, as in the networks' training
NEXT_BOX = 1.5  # of the bounding box of a pose: search region in the next frame
BESIDE = 114  # grey padding of a frame with another aspect, as in the detectors' training
PERSON = 0  # COCO's first class
MIN_SIDE_PX = 4.0  # of a bounding box: smaller ones are discarded

Box = Float32[np.ndarray, " 4"]
Boxes = Float32[np.ndarray, "_ 4"]


class OnnxPose:
    """Top-down pose estimation: detects people, then finds the joints of each."""

    reads_files = False

    def __init__(self, config: EstimatorConfig) -> None:
        assert config.weights is not None  # validated by EstimatorConfig
        self._config = config
        self._pose = Network(config.weights, config.sha256, config.device, config.mean, config.std)
        self._detector = _Detector(config.detector, config) if config.detector else None
        self.name = f"onnx {self._pose.name}" + (f" + {self._detector.name}" if self._detector else "")

    def __call__(self, part: VideoPart, pictures: Iterator[Picture]) -> list[People]:
        """See Estimator."""
        if self._detector is None:
            return self._one_dancer(pictures)
        found: list[People] = []
        while batch := list(islice(pictures, self._config.batch)):
            found += self._people(batch, self._detector(batch))
        return found

    def _one_dancer(self, pictures: Iterator[Picture]) -> list[People]:
        """Finds one person per frame, in the region of the previous pose."""
        found: list[People] = []
        before = _nobody()
        for picture in pictures:
            people = _nobody()
            if len(before):
                people = self._people([picture], [_box_around(before[0], picture)[None]])[0]
            if not len(people):
                people = self._people([picture], [_whole(picture)[None]])[0]
            found.append(people)
            before = people
        return found

    def _people(self, pictures: Sequence[Picture], boxes: Sequence[Boxes]) -> list[People]:
        """The people in the bounding boxes of each frame; all boxes of all frames form one batch."""
        each = [(picture, box) for picture, inside in zip(pictures, boxes, strict=True) for box in inside]
        if not each:
            return [_nobody() for _ in pictures]
        width_px, height_px = self._pose.width_px, self._pose.height_px
        crops = [_crop(picture, box, width_px, height_px) for picture, box in each]
        points = keypoints(self._pose([crop for crop, _ in crops]), width_px, height_px, self._pose.uri)
        joints = as_coco18(points, self._pose.uri)
        placed = [
            self._placed(person, back, picture)
            for person, (picture, _), (_, back) in zip(joints, each, crops, strict=True)
        ]
        ends = np.cumsum([len(inside) for inside in boxes])[:-1]
        groups = np.split(np.stack(placed), ends)
        return [_plausible(group, picture) for group, picture in zip(groups, pictures, strict=True)]

    def _placed(self, joints: Float32[np.ndarray, "18 3"], back: np.ndarray, picture: Picture) -> np.ndarray:
        """Joints in the crop as fractions of the frame; `back` maps from crop to frame."""
        joints[joints[:, 2] < self._config.min_confidence, 2] = 0.0
        height, width = picture.shape[:2]
        joints[:, :2] = (joints[:, :2] @ back[:, :2].T + back[:, 2]) / (width, height)
        return skeleton.hide_missing(joints)


class _Detector:
    """Finds the bounding boxes of people."""

    def __init__(self, config: DetectorConfig, estimator: EstimatorConfig) -> None:
        self._network = Network(config.weights, config.sha256, estimator.device, config.mean, config.std)
        self.name = self._network.name
        self._min_confidence, self._max_people = config.min_confidence, estimator.max_people

    def __call__(self, pictures: Sequence[Picture]) -> list[Boxes]:
        """The bounding boxes of the people in each frame, in order of decreasing score."""
        shown, scales = zip(*(self._fitted(picture) for picture in pictures), strict=True)
        outputs = self._network(shown)
        boxes = next((output for output in outputs if output.ndim == 3 and output.shape[2] == 5), None)
        if boxes is None:
            shapes = ", ".join(str(output.shape) for output in outputs)
            problem = f"returns outputs of shapes {shapes}; boxes (N, P, 5) are required."
            raise ConfigError(self._network.uri, problem, "Export it with non-maximum suppression inside.")
        labels = next((output for output in outputs if output.ndim == 2), np.full(boxes.shape[:2], PERSON))
        return [self._sure(*each) for each in zip(boxes, labels, scales, strict=True)]

    def _sure(self, boxes: np.ndarray, labels: np.ndarray, scale: float) -> Boxes:
        sides = boxes[:, 2:4] - boxes[:, :2]
        wanted = (labels == PERSON) & (boxes[:, 4] >= self._min_confidence) & (sides > MIN_SIDE_PX * scale).all(axis=1)
        best = boxes[wanted][np.argsort(-boxes[wanted, 4], kind="stable")][: self._max_people]
        return (best[:, :4] / scale).astype(np.float32)

    def _fitted(self, picture: Picture) -> tuple[np.ndarray, float]:
        """The frame as BGR, scaled into the upper left corner of the network's input; and the scale factor."""
        scale = min(self._network.height_px / picture.shape[0], self._network.width_px / picture.shape[1])
        height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
        shown = np.full((self._network.height_px, self._network.width_px, 3), BESIDE, dtype=np.uint8)
        shown[:height, :width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)[..., ::-1]
        return shown, scale


def _crop(picture: Picture, box: Box, width_px: int, height_px: int) -> tuple[np.ndarray, np.ndarray]:
    """A padded box as an image of the network's size, and the matrix `(2, 3)` from its pixels to the frame's."""
    left, top, right, bottom = (float(side) for side in box)
    width, height = (right - left) * PADDING, (bottom - top) * PADDING
    scale = max(width / width_px, height / height_px)
    corner = (left + right - scale * width_px) / 2, (top + bottom - scale * height_px) / 2
    back = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, back, (width_px, height_px), flags=how), back


def _plausible(people: People, picture: Picture) -> People:
    aspect = picture.shape[1] / picture.shape[0]
    return people[[is_plausible(person, aspect) for person in people]] if len(people) else people


def _box_around(person: Float32[np.ndarray, "18 3"], picture: Picture) -> Box:
    """Search region for a person in the next frame."""
    size = np.array(picture.shape[1::-1])
    places = person[person[:, 2] > 0, :2] * size
    low, high = places.min(axis=0), places.max(axis=0)
    margin = np.maximum((high - low) * (NEXT_BOX - 1) / 2, MIN_SIDE_PX)
    return np.concatenate([np.maximum(low - margin, 0), np.minimum(high + margin, size)]).astype(np.float32)


def _whole(picture: Picture) -> Box:
    return np.array([0, 0, picture.shape[1], picture.shape[0]], dtype=np.float32)


def _nobody() -> People:
    return np.zeros((0, len(skeleton.COCO18), 3), dtype=np.float32)
