"""Save and load people: one file holds the generator, the body, the poses of the footage and the plate."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from dancegen import storage
from dancegen.checkpoints import weights_file
from dancegen.checkpoints.header import PERSON, UNFIT, person_checkpoint, unfit
from dancegen.renderer.driving.body_fit import Body
from dancegen.renderer.driving.pose_range import PoseRange
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.person import Person
from dancegen.renderer.settings import RendererConfig

GENERATOR = "generator."  # prefix of its weights
PLATE, CENTRES = "plate_png", "pose_centres"


def save(path: Path, person: Person, half: bool = True) -> None:
    """Write a person atomically; with `half` the weights take two bytes each."""
    body = person.body
    about = {
        "settings": person.config.model_dump(mode="json"),
        "height_px": person.height_px,
        "width_px": person.width_px,
        "body": {
            "bones": [round(float(length), 6) if np.isfinite(length) else None for length in body.bones],
            "torso": body.torso,
            "floor_y": body.floor_y,
            "aspect": body.aspect,
        },
        "pose_limit": person.poses.limit,
        "name": person.name,
        "consent": person.consent,
        "licence": person.licence,
        "card": person.card,
    }
    weights = {GENERATOR + name: value for name, value in person.generator.state_dict().items()}
    more = {PLATE: _png(person.plate), CENTRES: torch.from_numpy(person.poses.centres)}
    weights_file.write(path, PERSON, about, {**weights, **more}, half)


def load(path: Path) -> Person:
    """The person of a file, in full precision. Raises CheckpointError if it is missing or damaged."""
    about, tensors = weights_file.read(path, PERSON)
    try:
        config = RendererConfig.model_validate(about["settings"])
        weights = {name.removeprefix(GENERATOR): part for name, part in tensors.items() if name.startswith(GENERATOR)}
        return Person(
            generator=weights_file.fill(PersonGenerator(config), weights).eval().requires_grad_(False),
            config=config,
            body=_body(about["body"]),
            poses=PoseRange(tensors[CENTRES].float().numpy(), about["pose_limit"]),
            plate=_plate(tensors[PLATE]),
            card=about.get("card", {}),
            **{name: about[name] for name in ("height_px", "width_px", "name", "consent", "licence")},
        )
    except UNFIT as error:
        raise unfit(str(path), error, PERSON) from error


def load_person(uri: str, device: str = "cpu") -> Person:
    """The person of a checkpoint, or a shipped one by its name, with the generator on a device."""
    with storage.reading(person_checkpoint(uri)) as path:
        person = load(path)
    person.generator.to(device)
    return person


def _body(told: dict[str, Any]) -> Body:
    bones = np.array([np.nan if length is None else length for length in told["bones"]], dtype=np.float32)
    return Body(bones, told["torso"], told["floor_y"], told["aspect"])


def _png(picture: UInt8[np.ndarray, "H W 3"]) -> Tensor:
    _, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return torch.from_numpy(png.ravel())


def _plate(png: Tensor) -> UInt8[np.ndarray, "H W 3"]:
    picture = cv2.imdecode(png.numpy(), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("its plate is no picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
