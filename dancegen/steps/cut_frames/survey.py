"""poses and about 100 frames of a video -> verdict, crop, clean plate and proportions of the body.

Axes used in shapes:
    N samples    H rows    W columns
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from jaxtyping import Bool, UInt8

from dancegen import schema, storage, tables
from dancegen.errors import DanceGenError, StorageUnreachableError
from dancegen.media.video import frames
from dancegen.renderer.driving.body_fit import measure
from dancegen.steps.cut_frames import verdict
from dancegen.steps.cut_frames.footage import AROUND, Footage
from dancegen.steps.cut_frames.poses import distinct_poses, standing_height
from dancegen.steps.cut_frames.settings import CutFramesConfig
from dancegen.steps.cut_frames.vision.crop import Crop, choose_crop
from dancegen.steps.cut_frames.vision.plate import clean_plate
from dancegen.steps.cut_frames.vision.steadiness import camera_shifts, drift, exposure_offsets

SAMPLES = 100  # at most
SMALL_WIDTH_PX = 640  # of whole frames, on which movements of the camera are measured


@dataclass(frozen=True)
class Samples:
    """Frames at regular times: their crops, and whole frames in grey and small."""

    indices: list[int]
    pictures: UInt8[np.ndarray, "N H W 3"]
    greys: UInt8[np.ndarray, "N H2 W2"]


class SurveyFootage:
    """Table of videos in, table of footage out, one row each.

    reads    uri, version, copy_of (URI of its duplicate, if any); its row of schema.POSES; the video
    writes   schema.FOOTAGE without the counts of frames
    on error the row stays, with `error` set; known columns stay too
    """

    def __init__(self, config: CutFramesConfig) -> None:
        self._config = config

    def __call__(self, videos: pa.Table) -> pa.Table:
        """Survey each video."""
        return schema.table(schema.FOOTAGE, [self.one(row) for row in videos.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """Survey one video; returns its row of schema.FOOTAGE."""
        started = time.monotonic()
        made: dict[str, Any] = {"uri": row["uri"], "version": row["version"]}
        try:
            self._survey(row, made)
        except StorageUnreachableError:
            raise
        except DanceGenError as error:
            made["error"] = str(error)
        return {**made, "wall_s": time.monotonic() - started}

    def _survey(self, row: dict[str, Any], made: dict[str, Any]) -> None:
        """Fill `made` step by step, so that known columns are kept when an error is raised."""
        config = self._config
        pose = tables.read_part(config.poses, schema.POSES, row["uri"])
        made |= {"content_hash": pose["content_hash"], "person": config.person or pose["dancer"]}
        made["left_out"] = []  # if set, the row's error is a verdict on the video, not a failure
        verdict.check_usable(pose, row["copy_of"])
        footage = Footage.of(pose)
        made |= {"fps": footage.fps, "seconds": len(footage.joints) / footage.fps}
        made["warnings"] = verdict.check_poses(row["uri"], pose, footage, config.verdict)
        crop = choose_crop(
            footage.boxes[footage.present], footage.width_px, footage.height_px, config.height_px, config.width_px
        )
        made |= {"crop": [crop.x, crop.y, crop.width, crop.height]}
        made |= {"height_px": config.height_px, "width_px": config.width_px}
        made["warnings"] += verdict.crop_warnings(footage, crop, config.height_px)
        made["left_out"] = None
        samples = self._samples(row["uri"], footage, crop)
        made["left_out"] = []
        made["warnings"] += self._check_background(row["uri"], footage, samples)
        made |= self._picture_columns(footage, crop, samples)
        made["warnings"] += verdict.check_variety(row["uri"], made["distinct_poses"], config.verdict)
        made["warnings"] += verdict.plate_warnings(made["plate_coverage"])

    def _samples(self, uri: str, footage: Footage, crop: Crop) -> Samples:
        step = -(-len(footage.joints) // SAMPLES)
        height_px, width_px = self._config.height_px, self._config.width_px
        pictures, greys = [], []
        with storage.opening(uri) as source:
            for picture in _every(frames(source, uri, footage.fps / step), -(-len(footage.joints) // step)):
                pictures.append(crop.cut(picture, height_px, width_px))
                greys.append(_small(picture))
        return Samples([step * number for number in range(len(pictures))], np.stack(pictures), np.stack(greys))

    def _check_background(self, uri: str, footage: Footage, samples: Samples) -> list[str]:
        """Raise BadMediaError when the camera moves or the exposure drifts; returns warnings."""
        rows, columns = samples.greys.shape[1:]
        whole = Crop(0, 0, footage.width_px, footage.height_px)
        person = _regions(footage, samples.indices, whole, rows, columns)
        grey = np.repeat(samples.greys[..., None], 3, axis=-1)
        plate = clean_plate(grey, person).picture[..., 0]
        shifts = camera_shifts(samples.greys, person)
        offsets = exposure_offsets(samples.greys, plate, person)
        spacing_s = (samples.indices[1] - samples.indices[0]) / footage.fps if len(samples.indices) > 1 else 1.0
        return verdict.check_background(uri, shifts, offsets, drift(offsets, spacing_s), self._config.verdict)

    def _picture_columns(self, footage: Footage, crop: Crop, samples: Samples) -> dict[str, Any]:
        height_px, width_px = self._config.height_px, self._config.width_px
        person = _regions(footage, samples.indices, crop, height_px, width_px)
        plate = clean_plate(samples.pictures, person)
        joints = footage.in_crop(crop)[footage.present]
        body = measure(joints, crop.width / crop.height)
        return {
            "plate": cv2.imencode(".png", cv2.cvtColor(plate.picture, cv2.COLOR_RGB2BGR))[1].tobytes(),
            "plate_coverage": plate.coverage,
            "bones": schema.to_bytes(body.bones, "float32"),
            "torso": body.torso,
            "floor_y": body.floor_y,
            "standing_height": standing_height(joints, body),
            "distinct_poses": distinct_poses(joints, body),
        }


def _every(pictures: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """At most `count` pictures: the video may be longer than its poses."""
    for _, picture in zip(range(count), pictures, strict=False):
        yield picture


def _small(picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H2 W2"]:
    width_px = min(SMALL_WIDTH_PX, picture.shape[1])
    height_px = max(1, round(picture.shape[0] * width_px / picture.shape[1]))
    small = cv2.resize(picture, (width_px, height_px), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))


def _regions(
    footage: Footage, indices: list[int], crop: Crop, height_px: int, width_px: int
) -> Bool[np.ndarray, "N H W"]:
    return np.stack([footage.region(index, AROUND, crop, height_px, width_px) for index in indices])
