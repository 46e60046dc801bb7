"""pictures -> joints, by MediaPipe's pose landmarker (its full model is inside its wheel)."""

import os
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from dancegen import skeleton
from dancegen.media.video import VideoInfo, frames
from dancegen.settings.extract_poses import EstimatorConfig

LANDMARKS = 33
OUTSIDE = 0.1  # of the frame's size: a joint that is farther out was guessed, not seen
BUNDLED_MODEL = 1  # the "full" one; the light and the heavy one would be downloaded when first used


class MediaPipe:
    """One dancer's joints, tracked through a video."""

    def __init__(self, config: EstimatorConfig) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")  # its C++ half reports every graph that it makes
        from mediapipe.python.solutions import pose  # late: it takes seconds

        self._pose = pose
        self._min_confidence = config.min_confidence
        self.name = f"mediapipe {metadata.version('mediapipe')}"

    def __call__(self, path: Path, uri: str, info: VideoInfo, fps: float) -> Float[np.ndarray, "T 18 3"]:
        """See Estimator."""
        # One tracker a video: it carries the dancer's place from frame to frame.
        with self._pose.Pose(model_complexity=BUNDLED_MODEL, smooth_landmarks=False) as tracker:
            found = [_landmarks(tracker.process(picture)) for picture in frames(path, uri, fps)]
        landmarks = np.array(found, dtype=np.float32).reshape(-1, LANDMARKS, 3)
        return self._only_seen(skeleton.from_mediapipe33(landmarks))

    def _only_seen(self, joints: Float[np.ndarray, "T 18 3"]) -> Float[np.ndarray, "T 18 3"]:
        outside = ((joints[..., :2] < -OUTSIDE) | (joints[..., :2] > 1 + OUTSIDE)).any(axis=-1)
        unsure = joints[..., 2] < self._min_confidence
        joints[outside | unsure, 2] = 0.0
        return skeleton.hide_missing(joints)


def _landmarks(result: Any) -> list[tuple[float, float, float]]:
    """The 33 landmarks of one frame; of confidence 0 when nobody was found."""
    if result.pose_landmarks is None:
        return [(0.0, 0.0, 0.0)] * LANDMARKS
    return [(mark.x, mark.y, mark.visibility) for mark in result.pose_landmarks.landmark]
