"""The person of some footage: body, background and poses, which a checkpoint carries besides the weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dancegen import schema, tables
from dancegen.errors import TableError
from dancegen.renderer.driving.body_fit import Body
from dancegen.renderer.driving.pose_range import PoseRange, measure_range
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.person import Person
from dancegen.skeleton import COCO18
from dancegen.steps.train_renderer.frames import CUT_AGAIN, FOOTAGE, picture
from dancegen.steps.train_renderer.settings import TrainRendererConfig


@dataclass(frozen=True)
class MainVideo:
    """The video with the most frames, and the poses of all videos."""

    row: dict[str, Any]
    """Of the table of footage."""
    body: Body
    poses: PoseRange


def measure_footage(frames: str, earlier: PoseRange | None = None) -> MainVideo:
    """Body, background and poses of the footage, from all joints of the table of frames.

    The person was trained before on footage with the poses `earlier`.
    """
    row = main_video(frames)
    bones = schema.from_bytes(row["bones"], "float32", len(COCO18.bones))
    body = Body(bones, row["torso"], row["floor_y"], row["width_px"] / row["height_px"])
    stored = tables.read(frames, schema.FRAMES, columns=["joints"])["joints"].to_pylist()
    joints = np.stack([schema.from_bytes(each, "float32", len(COCO18), 3) for each in stored])
    return MainVideo(row, body, measure_range(joints, body, earlier=earlier))


def person_of(
    config: TrainRendererConfig, video: MainVideo, generator: PersonGenerator, card: dict[str, Any]
) -> Person:
    """The person of some footage, with a trained generator."""
    row = video.row
    return Person(
        generator=generator,
        config=config.model,
        body=video.body,
        poses=video.poses,
        plate=picture(row["plate"]),
        height_px=row["height_px"],
        width_px=row["width_px"],
        name=config.person or row["person"],
        consent=config.consent,
        licence=config.licence,
        card=card,
    )


def main_video(frames: str) -> dict[str, Any]:
    """The row of the table of footage with the most frames. Raises TableError without any."""
    rows = [row for row in tables.read(frames + FOOTAGE, schema.FOOTAGE).to_pylist() if row["frames"]]
    if not rows:
        raise TableError(frames + FOOTAGE, "holds no video with frames.", f"{CUT_AGAIN}.")
    return max(rows, key=lambda row: (row["frames"], row["uri"]))
