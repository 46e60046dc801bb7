"""A published generator, and the poses of its footage -> a person."""

from typing import Any

import numpy as np
from jaxtyping import Float32

from dancegen import schema, tables
from dancegen.errors import TableError
from dancegen.renderer.driving.body_fit import measure
from dancegen.renderer.driving.pose_range import measure_range
from dancegen.renderer.person import Person
from dancegen.skeleton import COCO18
from dancegen.tools.import_weights import released_generator
from dancegen.tools.import_weights.released import Weights
from dancegen.tools.import_weights.settings import PersonConfig


def load(weights: Weights, config: PersonConfig, card: dict[str, Any], subject: str) -> Person:
    """The person of published weights. The plate is black, and not used: such a generator has no matte.

    Raises CheckpointError, ConfigError and TableError when weights, settings or poses cannot be used.
    """
    generator = released_generator.load(weights, config, subject)
    joints = read_joints(config.poses)
    body = measure(joints, config.width_px / config.height_px)
    if not np.isfinite([body.torso, body.floor_y]).all():
        problem = "has no pose with neck and hips, or none with ankles, by which to measure the body."
        raise TableError(config.poses, problem, "Give poses of the whole body.")
    try:
        poses = measure_range(joints, body)
    except ValueError as error:
        raise TableError(config.poses, f"cannot be used: {error}.", "Give poses of the whole body.") from error
    return Person(
        generator=generator,
        config=generator.config,
        body=body,
        poses=poses,
        plate=np.zeros((config.height_px, config.width_px, 3), dtype=np.uint8),
        height_px=config.height_px,
        width_px=config.width_px,
        name=config.name,
        consent=config.consent,
        licence=config.licence,
        card=card,
    )


def read_joints(uri: str) -> Float32[np.ndarray, "N 18 3"]:
    """The poses of all good rows of a table."""
    rows = tables.read(uri, schema.POSES, ["joints", "error"]).to_pylist()
    found = [schema.from_bytes(row["joints"], "float32", -1, len(COCO18), 3) for row in rows if row["error"] is None]
    if not found:
        raise TableError(uri, "has no poses without an error.", "Give the poses of the footage.")
    return np.concatenate(found)
