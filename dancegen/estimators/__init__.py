"""Pose estimators: a backend is a module here and a line in the table."""

from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float

from dancegen.errors import ConfigError
from dancegen.media.video import VideoInfo
from dancegen.settings.extract_poses import EstimatorConfig


class Estimator(Protocol):
    """Finds one dancer's joints in a video."""

    name: str
    """Name and version, for the table."""

    def __call__(self, path: Path, uri: str, info: VideoInfo, fps: float) -> Float[np.ndarray, "T 18 3"]:
        """COCO-18 joints at k/fps seconds: x and y as fractions of the upright frame, confidence; NaN when missing.

        `path` is a local copy of the video at `uri`. Raises BadMediaError when it cannot be used.
        """
        ...


# name -> (where it lives, the extra that brings its dependencies)
ESTIMATORS = {
    "mediapipe": ("dancegen.estimators.mediapipe:MediaPipe", "mediapipe"),
    "openpose_json": ("dancegen.estimators.openpose_json:OpenPoseJson", ""),
}


def load_estimator(config: EstimatorConfig) -> Estimator:
    """The estimator that the settings name. Raises ConfigError when its package is not installed."""
    target, extra = ESTIMATORS[config.name]
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)(config)
    except ModuleNotFoundError as error:
        remedy = f"pip install 'dancegen[{extra}]'"
        raise ConfigError(f"estimator.name={config.name}", f"needs the package {error.name!r}.", remedy) from error
