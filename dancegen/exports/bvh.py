"""A dance -> BVH, planar: the dance in the plane of the picture, x to the right and y up, one unit a pixel.

Each joint turns about Z only, with the direction of the bone to its first child. Bones of a 2-D dance change their
length, so each joint also has its position in the coordinates of its parent. A lift to 3-D would need another model.

Axes used in shapes:
    F frames    J joints    B joints of the file    K channels
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float64

from dancegen.exports.dance import Dance
from dancegen.media.marks import BVH_MARK
from dancegen.skeleton import COCO18

UP, DOWN, LEFT, RIGHT = (0.0, 1.0), (0.0, -1.0), (1.0, 0.0), (-1.0, 0.0)  # a dancer's left is to the picture's right
CHANNELS = "CHANNELS 3 Xposition Yposition Zrotation"


@dataclass(frozen=True)
class Bone:
    """A joint of the file."""

    name: str  # as Mixamo names it
    joint: str  # of COCO18; "hips" is the midpoint of the hips
    parent: str | None
    rest: tuple[float, float]
    """Direction from its parent in the rest pose."""


ROOT = f"{BVH_MARK}_hips"
BONES = (  # depth first; the first child of a joint is the one that its rotation follows
    Bone(ROOT, "hips", None, UP),
    Bone("Neck", "neck", ROOT, UP),
    Bone("Head", "nose", "Neck", UP),
    Bone("LeftEye", "left_eye", "Head", LEFT),
    Bone("LeftEar", "left_ear", "LeftEye", LEFT),
    Bone("RightEye", "right_eye", "Head", RIGHT),
    Bone("RightEar", "right_ear", "RightEye", RIGHT),
    Bone("LeftArm", "left_shoulder", "Neck", LEFT),
    Bone("LeftForeArm", "left_elbow", "LeftArm", LEFT),
    Bone("LeftHand", "left_wrist", "LeftForeArm", LEFT),
    Bone("RightArm", "right_shoulder", "Neck", RIGHT),
    Bone("RightForeArm", "right_elbow", "RightArm", RIGHT),
    Bone("RightHand", "right_wrist", "RightForeArm", RIGHT),
    Bone("LeftUpLeg", "left_hip", ROOT, LEFT),
    Bone("LeftLeg", "left_knee", "LeftUpLeg", DOWN),
    Bone("LeftFoot", "left_ankle", "LeftLeg", DOWN),
    Bone("RightUpLeg", "right_hip", ROOT, RIGHT),
    Bone("RightLeg", "right_knee", "RightUpLeg", DOWN),
    Bone("RightFoot", "right_ankle", "RightLeg", DOWN),
)
CHILDREN = {bone.name: [child for child in BONES if child.parent == bone.name] for bone in BONES}


def write_bvh(dance: Dance, path: Path) -> None:
    """Write the file."""
    places = _places(dance.joints_px[..., :2], dance.height_px)
    with path.open("w", encoding="ascii") as file:
        file.write("HIERARCHY\n" + "\n".join(_hierarchy(BONES[0], _offsets(places), "")))
        file.write(f"\nMOTION\nFrames: {len(dance.joints_px)}\nFrame Time: {1 / dance.fps:.9f}\n")
        np.savetxt(file, motion(places), fmt="%.5f")


def motion(places: dict[str, Float64[np.ndarray, "F 2"]]) -> Float64[np.ndarray, "F K"]:
    """Position and rotation in degrees of each joint, in the coordinates of its parent, in the order of BONES."""
    turns: dict[str | None, Float64[np.ndarray, " F"]] = {None: np.zeros(len(places[ROOT]))}
    columns = []
    for bone in BONES:
        above = turns[bone.parent]
        turns[bone.name] = _direction(places, bone) if CHILDREN[bone.name] else above
        step = places[bone.name] - places.get(bone.parent or "", np.zeros(2))
        cosine, sine = np.cos(above), np.sin(above)
        columns += [cosine * step[:, 0] + sine * step[:, 1], cosine * step[:, 1] - sine * step[:, 0]]
        columns.append(np.rad2deg(turns[bone.name] - above))
    return np.stack(columns, axis=1)


def _places(joints_px: Float[np.ndarray, "F J 2"], height_px: int) -> dict[str, Float64[np.ndarray, "F 2"]]:
    """The place of each joint of the file, y up."""
    upright = np.asarray(joints_px, dtype=np.float64) * (1, -1) + (0, height_px)
    place = {name: upright[:, number] for number, name in enumerate(COCO18.joints)}
    place["hips"] = (place["left_hip"] + place["right_hip"]) / 2
    return {bone.name: place[bone.joint] for bone in BONES}


def _direction(places: dict[str, Float64[np.ndarray, "F 2"]], bone: Bone) -> Float64[np.ndarray, " F"]:
    """Angle from the rest pose of the bone to a joint's first child, in radians, without jumps of a whole turn."""
    child = CHILDREN[bone.name][0]
    x, y = (places[child.name] - places[bone.name]).T
    rest_x, rest_y = child.rest
    return np.unwrap(np.arctan2(y, x) - np.arctan2(rest_y, rest_x))


def _offsets(places: dict[str, Float64[np.ndarray, "F 2"]]) -> dict[str, Float64[np.ndarray, " 2"]]:
    """Offset of each joint from its parent in the rest pose: as long as the bone is in the median frame."""
    offsets = {ROOT: np.zeros(2)}
    for bone in BONES[1:]:
        length = np.linalg.norm(places[bone.name] - places[str(bone.parent)], axis=1)
        offsets[bone.name] = float(np.median(length)) * np.array(bone.rest)
    return offsets


def _hierarchy(bone: Bone, offsets: dict[str, Float64[np.ndarray, " 2"]], indent: str) -> list[str]:
    x, y = offsets[bone.name]
    kind = "ROOT" if bone.parent is None else "JOINT"
    inner = indent + "  "
    lines = [f"{indent}{kind} {bone.name}", f"{indent}{{", f"{inner}OFFSET {x:.5f} {y:.5f} 0.00000", inner + CHANNELS]
    for child in CHILDREN[bone.name]:
        lines += _hierarchy(child, offsets, inner)
    if not CHILDREN[bone.name]:
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}  OFFSET 0.00000 0.00000 0.00000", f"{inner}}}"]
    return [*lines, f"{indent}}}"]
