"""videos -> poses: where one dancer's joints are, ten times a second."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from dancegen import schema, storage
from dancegen.errors import BadMediaError, DanceGenError
from dancegen.estimators import load_estimator
from dancegen.media.video import probe
from dancegen.settings.extract_poses import ExtractPosesConfig
from dancegen.skeleton import COCO18
from dancegen.stages.previews import write_preview

SIDES = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
BODY = [COCO18.index(f"{side}_{joint}") for side in ("right", "left") for joint in SIDES]
BODY_SHARE = 0.5  # of these must be seen for a frame to count as one with a dancer: a face alone is none


class ExtractPoses:
    """Table of videos in, table of poses out, one row each.

    reads    uri, version, category, song, dancer (as stages.inputs.list_media gives them)
    writes   schema.POSES
    on error the row stays, with `error` set and the columns of the poses null
    """

    def __init__(self, config: ExtractPosesConfig) -> None:
        self._config = config
        self._estimate = load_estimator(config.estimator)

    def __call__(self, videos: pa.Table) -> pa.Table:
        """The poses of each video."""
        return schema.table(schema.POSES, [self.one(row) for row in videos.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """The poses of one video."""
        started = time.monotonic()
        try:
            with storage.reading(row["uri"]) as path:
                made = self._poses(path, row["uri"])
        except DanceGenError as error:
            made = {"error": str(error)}
        return {**row, **made, "wall_s": time.monotonic() - started}

    def _poses(self, path: Path, uri: str) -> dict[str, Any]:
        config = self._config
        info = probe(path, uri)
        joints = self._estimate(path, uri, info, config.fps)
        _check_dancer(joints, uri, config.min_found_share)
        if config.previews is not None:
            write_preview(storage.join(config.previews, f"{storage.name(uri)}.jpg"), path, uri, joints, config.fps)
        return {
            "content_hash": storage.content_hash(str(path)),
            "skeleton": COCO18.name,
            "fps": config.fps,
            "frames": len(joints),
            "width_px": info.width_px,
            "height_px": info.height_px,
            "joints": schema.to_bytes(joints, "float32"),
            "audio_uri": uri if info.has_audio else None,
            "missing_share": float((joints[..., 2] <= 0).mean()),
            "estimator": self._estimate.name,
        }


def _check_dancer(joints: Float[np.ndarray, "T 18 3"], uri: str, min_found_share: float) -> None:
    seen = (joints[:, BODY, 2] > 0).mean(axis=1)
    found = float((seen >= BODY_SHARE).mean())
    if found < min_found_share:
        problem = f"nobody was found in {1 - found:.0%} of the frames."
        remedy = "Use videos of one dancer, seen whole; min_found_share sets the limit."
        raise BadMediaError(uri, problem, remedy)
