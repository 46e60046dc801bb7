"""Interface of pose estimators. A backend is a module here and a line in the table.

Axes used in shapes:
    P people    H rows    W columns    18 joints of skeleton.COCO18    3 x, y, confidence
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from dancegen.errors import ConfigError
from dancegen.estimators.settings import EstimatorConfig
from dancegen.media.video import VideoInfo

Picture = UInt8[np.ndarray, "H W 3"]
People = Float32[np.ndarray, "_ 18 3"]


@dataclass(frozen=True)
class VideoPart:
    """Frames first..stop-1 of a video; frame k is shown k/fps seconds after its beginning."""

    uri: str
    """The URI of the original video."""
    info: VideoInfo
    fps: float
    first: int
    stop: int | None
    """None: the end of the video."""


@runtime_checkable
class Estimator(Protocol):
    """Finds the joints of all people in a part of a video."""

    name: str
    """Name and version, recorded in the table."""
    reads_files: bool
    """Whether it only reads existing results and needs no frames."""

    def __call__(self, part: VideoPart, pictures: Iterator[Picture]) -> list[People]:
        """All people in each frame of the part.

        x and y are fractions of the upright frame; NaN where the joint is missing, with confidence 0. P may be 0.
        An estimator that `reads_files` consumes no `pictures`. Raises BadMediaError when the video or its existing
        results cannot be used.
        """
        ...


# name -> (import path, extra with its dependencies)
ESTIMATORS = {
    "mediapipe": ("dancegen.estimators.mediapipe:MediaPipe", "mediapipe"),
    "onnx": ("dancegen.estimators.onnx:OnnxPose", "onnx"),
    "openpose_json": ("dancegen.estimators.openpose_json:OpenPoseJson", ""),
}


def load_estimator(config: EstimatorConfig) -> Estimator:
    """The estimator named in the settings. Raises ConfigError when its package is not installed."""
    target, extra = ESTIMATORS[config.name]
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)(config)
    except ModuleNotFoundError as error:
        remedy = f"pip install 'dancegen[{extra}]'"
        raise ConfigError(f"estimator.name={config.name}", f"needs the package {error.name!r}.", remedy) from error
