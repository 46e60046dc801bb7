"""Writes the true joints of a video in OpenPose's format: one JSON file per frame."""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float

OPENPOSE_VERSION = 1.3


def write_openpose(folder: Path, stem: str, joints_px: Float[np.ndarray, "T J 3"]) -> None:
    """Write `<stem>_<frame>_keypoints.json` for every frame into a folder."""
    numbers = np.round(joints_px.reshape(len(joints_px), -1).astype(np.float64), 3).tolist()
    for frame, keypoints in enumerate(numbers):
        people = [{"person_id": [-1], "pose_keypoints_2d": keypoints}] if any(keypoints) else []
        text = json.dumps({"version": OPENPOSE_VERSION, "people": people})
        Path(folder, f"{stem}_{frame:012d}_keypoints.json").write_text(text)
