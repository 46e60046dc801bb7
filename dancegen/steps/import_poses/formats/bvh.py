"""BVH motion capture -> recordings, one per camera: 3-D joints by forward kinematics, projected into the frame.

The parser is our own: of the packages for BVH, pybvh (0.9) rejects joints below the root that have position channels,
which Bandai Namco's files have, and bvhio (1.5) creates an object per joint and frame and pins one version of PyGLM.

Orientation is estimated from the motion, so that no program's axis conventions are needed: up is the mean direction
from feet to head over the take; front is the direction that hips and shoulders face; the head faces as the chest does,
averaged over the frames in which the dancer is most upright. Nose, eyes and ears are placed on the head in the
proportions of an adult.

Axes used in shapes:
    T frames    K channels
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Float32, Float64

from dancegen import storage
from dancegen.errors import BadMediaError
from dancegen.skeleton import COCO18
from dancegen.steps.import_poses.formats.recording import (
    BadRecording,
    Recording,
    find_sound,
    frame_times,
    nearest_frames,
)
from dancegen.steps.import_poses.settings import ImportPosesConfig

WIDTH_PX, HEIGHT_PX = 1280, 720
EXPORT_AGAIN = "Export it again as BVH."

# COCO joint -> its names in other skeletons, most specific first: "shoulder" is the collar where there is an "arm", and
# "leg" is the shin where there is an "upleg" and the thigh where there is a "knee". Mixamo, CMU, MotionBuilder, Poser,
# 3ds Max, Unreal, Rigify, SMPL, Xsens, mocopi, Bandai Namco, MikuMikuDance.
SIDED = {
    "shoulder": ("upperarm", "uparm", "arm", "humerus", "shldr", "shoulder", "腕"),
    "elbow": ("elbow", "forearm", "lowerarm", "lowarm", "radius", "ひじ", "肘"),
    "wrist": ("wrist", "hand", "手首"),
    "hip": ("upleg", "upperleg", "thigh", "femur", "hip", "leg", "足"),
    "knee": ("knee", "lowerleg", "lowleg", "calf", "shin", "tibia", "leg", "ひざ", "膝"),
    "ankle": ("ankle", "foot", "足首"),
}
EYES = ("eye", "目")
HEAD = ("head", "頭")
SIDES = {"left": ("left", "l", "左"), "right": ("right", "r", "右")}

LEG_PER_STATURE = 0.49  # hip to ankle (Winter, Biomechanics and Motor Control of Human Movement)
SKULL_PER_STATURE = 0.11  # from the head joint to the top of the skull: rounded, as are those below
SKULL_RANGE = (0.5, 2.0)  # of that: a head end site outside this range is not the top of the skull
UPRIGHT_SHARE = 0.25  # of the frames: those that determine the head's own axes
FACE = {  # in skull heights: left, up and forward of the head joint
    "nose": (0.0, 0.15, 0.6),
    "left_eye": (0.17, 0.38, 0.45),
    "right_eye": (-0.17, 0.38, 0.45),
    "left_ear": (0.38, 0.3, 0.05),
    "right_ear": (-0.38, 0.3, 0.05),
}

ELEVATION_DEG = 5.0  # of the camera, above the dancer's middle
DISTANCE_STATURES = 4.0  # from the camera to the nearest point of the dance
MARGIN = 0.08  # of the frame, free on each side

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
HIERARCHY = re.compile(
    rf"(?P<kind>ROOT|JOINT)[ \t]+(?P<name>[^\r\n{{]+)|(?P<end>End\s+Site[^\r\n{{]*)|(?P<close>}})"
    rf"|OFFSET\s+(?P<offset>{NUMBER}\s+{NUMBER}\s+{NUMBER})|CHANNELS\s+\d+(?P<channels>(?:\s+[XYZ](?:position|rotation))*)"
)
MOTION = re.compile(rf"MOTION\s+Frames:\s*(?P<frames>\d+)\s+Frame\s+Time:\s*(?P<period>{NUMBER})\s*")


@dataclass
class Joint:
    """A joint of the hierarchy."""

    name: str
    parent: int | None
    offset: Float64[np.ndarray, " 3"] = field(default_factory=lambda: np.zeros(3))
    """Offset from its parent in the rest pose."""
    channels: list[str] = field(default_factory=list)
    """Such as Xposition, Zrotation, in the order of application."""
    end: Float64[np.ndarray, " 3"] | None = None
    """Offset of the End Site, for a leaf joint."""


@dataclass(frozen=True)
class Take:
    """The content of a BVH file."""

    joints: list[Joint]
    fps: float
    motion: Float64[np.ndarray, "T K"]


@dataclass(frozen=True)
class Moved:
    """A joint's trajectory: position and rotation in each frame."""

    place: Float64[np.ndarray, "T 3"]
    turn: Float64[np.ndarray, "T 3 3"]


def read(config: ImportPosesConfig, source: str) -> Iterator[Recording | BadRecording]:
    """See dancegen.steps.import_poses.formats.recordings."""
    with storage.reading(source) as path:
        take = parse(_text(path.read_bytes()), source)
    names = coco_names([joint.name for joint in take.joints], source)
    frames = nearest_frames(frame_times(len(take.motion), take.fps), config.fps)
    moved = forward_kinematics(take.joints, take.motion[frames], source)
    body, up, front, stature = joints_in_space(take.joints, moved, names, source)
    song = storage.stem(source)
    audio_uri = find_sound(config.music, song, source)
    width_px, height_px = config.width_px or WIDTH_PX, config.height_px or HEIGHT_PX
    for azimuth in config.cameras or (0.0,):
        seen = look(body, up, front, stature, float(azimuth), width_px / height_px)
        yield Recording(
            f"{source}#azimuth={float(azimuth):g}",
            song,
            config.dancer,
            config.category,
            seen,
            config.fps,
            width_px,
            height_px,
            audio_uri,
        )


def parse(text: str, subject: str) -> Take:
    """Parse the text of a BVH file; a truncated one yields its complete frames. Raises BadMediaError when invalid."""
    heading = MOTION.search(text)
    if heading is None or float(heading["period"]) <= 0:
        raise BadMediaError(subject, "is not BVH: it has no MOTION with Frames and Frame Time.", EXPORT_AGAIN)
    joints = _hierarchy(text[: heading.start()], subject)
    channels = sum(len(joint.channels) for joint in joints)
    try:
        numbers = np.fromstring(text[heading.end() :], sep=" ")
    except ValueError as error:
        raise BadMediaError(subject, "has motion values that are not numeric.", EXPORT_AGAIN) from error
    frames = min(int(heading["frames"]), len(numbers) // channels) if channels else 0
    motion = numbers[: frames * channels].reshape(frames, channels) if frames else numbers
    if not frames or not np.isfinite(motion).all():
        problem = f"has no complete frame, or non-finite motion values ({len(numbers)} numbers, {channels} channels)."
        raise BadMediaError(subject, problem, EXPORT_AGAIN)
    return Take(joints, 1 / float(heading["period"]), motion)


def forward_kinematics(joints: Sequence[Joint], motion: Float64[np.ndarray, "T K"], subject: str) -> list[Moved]:
    """The trajectory of each joint by forward kinematics. A position channel replaces the joint's offset.

    Raises BadMediaError for an invalid order of rotation axes.
    """
    from scipy.spatial.transform import Rotation

    moved: list[Moved] = []
    column = 0
    for joint in joints:
        values = motion[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        step = np.tile(joint.offset, (len(motion), 1))
        for number, channel in enumerate(joint.channels):
            if channel.endswith("position"):
                step[:, "XYZ".index(channel[0])] = values[:, number]
        turns = [number for number, channel in enumerate(joint.channels) if channel.endswith("rotation")]
        turn = np.tile(np.eye(3), (len(motion), 1, 1))
        if turns:
            axes = "".join(joint.channels[number][0] for number in turns)  # capitals: intrinsic rotations
            try:
                turn = Rotation.from_euler(axes, values[:, turns], degrees=True).as_matrix()
            except ValueError as error:
                problem = f"rotates {joint.name} about {axes}, which is not a valid order of axes."
                raise BadMediaError(subject, problem, EXPORT_AGAIN) from error
        if joint.parent is not None:
            above = moved[joint.parent]
            step = above.place + np.einsum("tij,tj->ti", above.turn, step)
            turn = above.turn @ turn
        moved.append(Moved(step, turn))
    return moved


def coco_names(names: Sequence[str], subject: str) -> dict[str, int]:
    """Map of COCO joints to the file's joints: limbs and "head", and the eyes if present.

    Raises BadMediaError with the names of joints that are not found.
    """
    where: dict[str, int] = {}
    for position, name in reversed(list(enumerate(names))):  # the first joint of a name is used
        where |= dict.fromkeys(_spellings(name), position)
    found = {"head": _first(where, HEAD)}
    for side, marks in SIDES.items():
        for joint, aliases in (*SIDED.items(), ("eye", EYES)):
            sided = [name for alias in aliases for mark in marks for name in (mark + alias, alias + mark)]
            found[f"{side}_{joint}"] = _first(where, sided)
        if found[f"{side}_hip"] == found[f"{side}_knee"]:
            found[f"{side}_hip"] = None
    lacking = [joint for joint, position in found.items() if position is None and not joint.endswith("eye")]
    if lacking:
        problem = f"has no joints for {', '.join(lacking)}; it has {', '.join(names)}."
        raise BadMediaError(
            subject, problem, "Rename its joints as Mixamo does: Head, LeftArm, LeftForeArm, LeftUpLeg ..."
        )
    return {joint: position for joint, position in found.items() if position is not None}


def look(
    body: Float[np.ndarray, "T 18 3"],
    up: Float[np.ndarray, " 3"],
    front: Float[np.ndarray, " 3"],
    stature: float,
    azimuth_deg: float,
    aspect: float,
) -> Float32[np.ndarray, "T 18 3"]:
    """Joints projected by a fixed camera, as fractions of a frame that just contains the whole dance."""
    azimuth, elevation = np.deg2rad(azimuth_deg), np.deg2rad(ELEVATION_DEG)
    aside = np.cos(azimuth) * front + np.sin(azimuth) * np.cross(up, front)
    towards = np.cos(elevation) * aside + np.sin(elevation) * up  # from the dance to the camera
    right = np.cross(up, aside)
    above = np.cross(towards, right)
    middle = (body.reshape(-1, 3).min(axis=0) + body.reshape(-1, 3).max(axis=0)) / 2
    from_middle = body - middle
    distance = np.linalg.norm(from_middle, axis=-1).max() + DISTANCE_STATURES * stature
    depth = distance - from_middle @ towards
    places = np.stack([from_middle @ right / depth, -(from_middle @ above) / depth], axis=-1)
    low, high = places.reshape(-1, 2).min(axis=0), places.reshape(-1, 2).max(axis=0)
    shape = np.array([aspect, 1.0])  # of the frame, in frame heights
    scale = ((1 - 2 * MARGIN) * shape / (high - low)).min()
    seen = 0.5 + scale * (places - (low + high) / 2) / shape
    return np.concatenate([seen, np.ones((*seen.shape[:2], 1))], axis=-1, dtype=np.float32)


def _text(data: bytes) -> str:
    """Decode a file: names of joints are ASCII, or Japanese in one of two encodings."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp932", errors="replace")


def _hierarchy(text: str, subject: str) -> list[Joint]:
    """The joints, each after its parent. Raises BadMediaError when the hierarchy is invalid."""
    joints: list[Joint] = []
    open_joints: list[int] = []  # from the root to the current one
    at_end = False  # inside an End Site, which is not a joint
    for token in HIERARCHY.finditer(text):
        if token["kind"]:
            joints.append(Joint(token["name"].strip(), open_joints[-1] if open_joints else None))
            open_joints.append(len(joints) - 1)
        elif not open_joints:
            break
        elif token["end"]:
            at_end = True
        elif token["close"] and at_end:
            at_end = False
        elif token["close"]:
            open_joints.pop()
        elif token["offset"]:
            offset = np.array(token["offset"].split(), dtype=np.float64)
            if at_end:
                joints[open_joints[-1]].end = offset
            else:
                joints[open_joints[-1]].offset = offset
        else:
            joints[open_joints[-1]].channels = token["channels"].split()
    if not joints or open_joints:
        raise BadMediaError(subject, "is not BVH: its HIERARCHY has no ROOT, or is not closed.", EXPORT_AGAIN)
    return joints


def _spellings(name: str) -> list[str]:
    """A name without separators; also without its first word, which may be the character's name."""
    plain = name.rsplit(":", 1)[-1]
    later = re.split(r"[\W_]+", plain, maxsplit=1)[1:]
    return [re.sub(r"[\W_]+", "", part).lower() for part in (plain, *later)]


def _first(where: dict[str, int], names: Sequence[str]) -> int | None:
    return next((where[name] for name in names if name in where), None)


def joints_in_space(
    joints: Sequence[Joint], moved: Sequence[Moved], names: dict[str, int], subject: str
) -> tuple[Float64[np.ndarray, "T 18 3"], Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"], float]:
    """COCO joints in 3-D; the up direction; the front direction; the dancer's stature."""
    place = {name: moved[position].place for name, position in names.items()}
    place["neck"] = (place["left_shoulder"] + place["right_shoulder"]) / 2
    stature = _leg(place) / LEG_PER_STATURE
    feet = (place["left_ankle"] + place["right_ankle"]) / 2
    upwards = (place["head"] - feet).mean(axis=0)
    axis = int(np.abs(upwards).argmax())
    if stature <= 0 or upwards[axis] == 0:
        raise BadMediaError(subject, "has legs of length 0, or a head that is not above the feet.", EXPORT_AGAIN)
    up = np.sign(upwards[axis]) * np.eye(3)[axis]

    leftward = place["left_hip"] - place["right_hip"] + place["left_shoulder"] - place["right_shoulder"]
    front = _unit(_unit(np.cross(leftward, up)).mean(axis=0))
    hips = (place["left_hip"] + place["right_hip"]) / 2
    chest_up = _unit(place["neck"] - hips)
    chest_front = _unit(np.cross(place["left_shoulder"] - place["right_shoulder"], chest_up))
    place |= _face(joints[names["head"]], moved[names["head"]], chest_up, chest_front, up, stature)
    place |= {f"{side}_eye": moved[names[f"{side}_eye"]].place for side in SIDES if f"{side}_eye" in names}
    return np.stack([place[name] for name in COCO18.joints], axis=1), up, front, stature


def _leg(place: dict[str, Float64[np.ndarray, "T 3"]]) -> float:
    """Length from hip to ankle along the bones: the median of both legs and all frames."""
    bones = [(f"{side}_{a}", f"{side}_{b}") for side in SIDES for a, b in (("hip", "knee"), ("knee", "ankle"))]
    lengths = [np.linalg.norm(place[start] - place[end], axis=1) for start, end in bones]
    return float(np.median(np.sum(lengths, axis=0))) / 2


def _face(
    head: Joint,
    moved: Moved,
    chest_up: Float64[np.ndarray, "T 3"],
    chest_front: Float64[np.ndarray, "T 3"],
    up: Float64[np.ndarray, " 3"],
    stature: float,
) -> dict[str, Float64[np.ndarray, "T 3"]]:
    """Nose, eyes and ears, which rotate with the head. Its own axes are aligned with the chest on average."""
    lean = -chest_up @ up
    ahead = lean <= np.quantile(lean, UPRIGHT_SHARE)  # when the dancer bends or crouches, the head is tilted
    head_up = _unit((up @ moved.turn[ahead]).mean(axis=0))
    front = np.einsum("tij,ti->j", moved.turn[ahead], chest_front[ahead])
    front = _unit(front - (front @ head_up) * head_up)
    axes = np.stack([np.cross(head_up, front), head_up, front])  # left, up and forward, in the head's own coordinates
    usual = SKULL_PER_STATURE * stature
    skull = float(np.linalg.norm(head.end)) if head.end is not None else 0.0
    if not SKULL_RANGE[0] * usual <= skull <= SKULL_RANGE[1] * usual:
        skull = usual
    return {name: moved.place + moved.turn @ (np.array(at) * skull @ axes) for name, at in FACE.items()}


def _unit(vectors: Float64[np.ndarray, "... 3"]) -> Float64[np.ndarray, "... 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.finfo(np.float64).tiny)
