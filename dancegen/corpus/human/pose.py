"""3-D joints -> position and rotation of every bone of a body: the dance's directions, with the body's own lengths.

Limbs take the directions of the dance's bones. Ankles are where the dance has them, so that a foot that stands does
not slide; the knee follows by two-bone inverse kinematics, and the pelvis is lowered where a leg would be too short.
COCO joints have neither hands nor feet: hands are relaxed, and feet stand flat, roll over the ball or hang.

World axes as in `body`.

Axes used in shapes:
    T frames    J joints, as in skeleton.COCO18    B bones
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.ndimage import gaussian_filter1d

from dancegen.corpus.human.body import Body, Posed
from dancegen.corpus.human.feet import Foot, stand
from dancegen.corpus.human.rotations import (
    Angles,
    Turns,
    Vectors,
    about,
    across,
    angle_about,
    apply,
    between,
    frame,
    shortest,
    unit,
)
from dancegen.skeleton import COCO18

UP, FRONT = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
SIDES = {"left": ("L", 1.0), "right": ("R", -1.0)}
SPINE = {"spine05": 0.1, "spine04": 0.3, "spine03": 0.55, "spine02": 0.8, "spine01": 1.0}
"""Share of the way from the rotation of the pelvis to that of the chest."""
NECK = {"neck01": 0.35, "neck02": 0.6, "neck03": 0.85, "head": 1.0}
PELVIS_FOLLOWS = 0.5  # of the trunk's inclination: the rest bends the spine
CLAVICLE_UP, CLAVICLE_FORE = np.radians(26.0), np.radians(14.0)
TWIST_UPPER = {"upperarm01": 0.4, "upperarm02": 1.0}
TWIST_LOWER = {"lowerarm02": 0.6}
ROLL = np.radians(9.0)  # of the hand about the forearm, to and fro
SMOOTH_S = 0.06  # of twists, which are unknown while a limb is straight
CURL = np.radians(16.0)  # of each joint of a relaxed finger
REACH = 0.9985  # maximum extension of a leg, of its length
LIMB_BONES = {
    "shoulder": "upperarm01",
    "elbow": "lowerarm01",
    "wrist": "wrist",
    "hip": "upperleg01",
    "knee": "lowerleg01",
    "ankle": "foot",
}


@dataclass(frozen=True)
class Dance:
    """A dance for a body: joints in metres, in world axes, on a floor at the body's height."""

    joints: Float64[np.ndarray, "T J 3"]
    fps: float
    nose_drop: float
    """Angle in radians of the nose below the ears, seen from the middle between them, of a head held level."""


@dataclass(frozen=True)
class Poses:
    """Position and rotation of each bone in each frame."""

    heads: Float64[np.ndarray, "T B 3"]
    turns: Float64[np.ndarray, "T B 3 3"]

    def at(self, number: int) -> Posed:
        """The bones of a frame."""
        return Posed(self.heads[number], self.turns[number])


def pose(dance: Dance, body: Body) -> Poses:
    """The poses of a dance."""
    return _Poser(dance, body).poses()


def landmarks(poses: Poses, body: Body) -> Float64[np.ndarray, "T J 3"]:
    """The COCO joints of posed bodies: joints of the bones, centres of the eyes, tip of the nose, ears."""
    joints = np.empty((len(poses.heads), len(COCO18), 3))
    for side, (mark, _) in SIDES.items():
        for joint, bone in LIMB_BONES.items():
            joints[:, COCO18.index(f"{side}_{joint}")] = poses.heads[:, body.bone(f"{bone}.{mark}")]
        joints[:, COCO18.index(f"{side}_eye")] = poses.heads[:, body.bone(f"eye.{mark}")]
    head = body.bone("head")
    for name, place in {"nose": body.nose, **{f"{side}_ear": ear for side, ear in body.ears.items()}}.items():
        turned = apply(poses.turns[:, head], place - body.heads[head])
        joints[:, COCO18.index(name)] = poses.heads[:, head] + turned
    shoulders = joints[:, COCO18.indices("left_shoulder", "right_shoulder")]
    joints[:, COCO18.index("neck")] = shoulders.mean(axis=1)
    return joints


class _Poser:
    """Bones in the order in which they depend on each other."""

    def __init__(self, dance: Dance, body: Body) -> None:
        self._dance, self._body = dance, body
        frames = len(dance.joints)
        self._turns = np.tile(np.eye(3), (frames, len(body.bones), 1, 1))
        self._heads = np.zeros((frames, len(body.bones), 3))
        self._set: set[int] = set()

    def poses(self) -> Poses:
        """All bones, posed."""
        pelvis, chest = self._trunk()
        self._head(chest)
        for side in SIDES:
            self._arm(side, chest)
        self._legs(pelvis)
        self._forward(from_bone=0)
        return Poses(self._heads, self._turns)

    def _joint(self, name: str) -> Vectors:
        return self._dance.joints[:, COCO18.index(name)]

    def _turn(self, bone: str, turns: Turns) -> None:
        self._turns[:, self._body.bone(bone)] = turns
        self._set.add(self._body.bone(bone))

    def _forward(self, from_bone: int) -> None:
        """Positions of a bone's descendants, which turn with their parent unless their rotation is set."""
        reached = {from_bone}
        for bone, parent in enumerate(self._body.parents):
            if parent in reached:
                reached.add(bone)
                if bone not in self._set:
                    self._turns[:, bone] = self._turns[:, parent]
                step = self._body.heads[bone] - self._body.heads[parent]
                self._heads[:, bone] = self._heads[:, parent] + apply(self._turns[:, parent], step)

    def _at(self, bone: str) -> Vectors:
        return self._heads[:, self._body.bone(bone)]

    def _trunk(self) -> tuple[Turns, Turns]:
        """Pelvis and spine; returns the rotations of pelvis and chest."""
        hips = (self._joint("left_hip") + self._joint("right_hip")) / 2
        trunk = unit(self._joint("neck") - hips)
        pelvis_x = unit(self._joint("left_hip") - self._joint("right_hip"))
        pelvis_up = unit(PELVIS_FOLLOWS * trunk + (1 - PELVIS_FOLLOWS) * UP)
        pelvis = _by_side(pelvis_x, pelvis_up)
        chest_x = unit(self._joint("left_shoulder") - self._joint("right_shoulder"))
        chest = _by_side(chest_x, unit(trunk - PELVIS_FOLLOWS * pelvis_up))
        body = self._body
        self._turn("root", pelvis)
        for bone, share in SPINE.items():
            self._turn(bone, between(pelvis, chest, share))
        rest_hips = (body.head("upperleg01.L") + body.head("upperleg01.R")) / 2
        self._heads[:, 0] = hips - apply(pelvis, rest_hips - body.heads[0])
        self._forward(from_bone=0)
        shoulders = (self._at("upperarm01.L") + self._at("upperarm01.R")) / 2
        base = self._at("spine05")
        swing = shortest(unit(shoulders - base), unit(self._joint("neck") - base))
        for bone in SPINE:
            self._turn(bone, swing @ self._turns[:, body.bone(bone)])
        self._forward(from_bone=0)
        return pelvis, self._turns[:, body.bone("spine01")]

    def _head(self, chest: Turns) -> None:
        ears = (self._joint("left_ear") + self._joint("right_ear")) / 2
        side = unit(self._joint("left_ear") - self._joint("right_ear"))
        level = _level_head(side, self._joint("nose") - ears, self._dance.nose_drop)
        for bone, share in NECK.items():
            self._turn(bone, between(chest, level, share))

    def _arm(self, side: str, chest: Turns) -> None:
        mark, sign = SIDES[side]
        body = self._body
        shoulder, elbow, wrist = (self._joint(f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist"))
        upper, lower = unit(elbow - shoulder), unit(wrist - elbow)
        collar = chest @ _collar(apply(np.swapaxes(chest, -1, -2), upper), sign)
        self._turn(f"clavicle.{mark}", collar)
        rest_upper = unit(body.head(f"lowerarm01.{mark}") - body.head(f"upperarm01.{mark}"))
        rest_lower = unit(body.head(f"wrist.{mark}") - body.head(f"lowerarm01.{mark}"))
        swing = shortest(apply(collar, rest_upper), upper) @ collar
        hinge = apply(swing, np.cross(rest_upper, rest_lower))
        bent = np.cross(upper, lower)
        twist = _smooth_angle(angle_about(upper, hinge, bent), np.square(bent).sum(axis=-1), self._dance.fps)
        for bone, share in TWIST_UPPER.items():
            self._turn(f"{bone}.{mark}", about(upper, share * twist) @ swing)
        upper_turn = self._turns[:, body.bone(f"upperarm02.{mark}")]
        lower_turn = shortest(apply(upper_turn, rest_lower), lower) @ upper_turn
        self._turn(f"lowerarm01.{mark}", lower_turn)
        self._hand(mark, lower_turn, lower)

    def _hand(self, mark: str, lower: Turns, forearm: Vectors) -> None:
        """A relaxed hand: it rolls and bends a little, and its fingers are curled."""
        body = self._body
        sign = 1.0 if mark == "L" else -1.0
        seconds = np.arange(len(lower)) / self._dance.fps
        breath = np.sin(0.9 * seconds + (1 + sign)) + 0.6 * np.sin(2.3 * seconds + 1)
        roll = sign * ROLL * breath
        for bone, share in TWIST_LOWER.items():
            self._turn(f"{bone}.{mark}", about(forearm, share * roll) @ lower)
        joints = [body.head(f"finger3-{joint}.{mark}") for joint in (1, 2, 3)]
        bends = unit(np.cross(joints[1] - joints[0], joints[2] - joints[1]))
        hand = about(forearm, roll) @ lower @ about(bends, np.radians(3.0 + 4.0 * breath))
        self._turn(f"wrist.{mark}", hand)
        for finger in range(2, 6):
            curl = CURL * (0.7 + 0.12 * finger + 0.22 * breath)
            for joint in (1, 2, 3):
                self._turn(f"finger{finger}-{joint}.{mark}", hand @ about(bends, joint * curl))

    def _legs(self, pelvis: Turns) -> None:
        feet = {side: stand(self._foot(side), self._body, SIDES[side][0]) for side in SIDES}
        self._lower({side: foot.ankle for side, foot in feet.items()})
        self._forward(from_bone=0)
        for side, foot in feet.items():
            mark, _ = SIDES[side]
            pole = self._pole(side, pelvis)
            shin = self._leg(mark, foot.ankle, pole)
            self._turn(f"foot.{mark}", foot.turn(shin))
            for toe in range(1, 6):
                self._turn(f"toe{toe}-1.{mark}", foot.toes(shin))

    def _foot(self, side: str) -> Foot:
        ankle, knee, hip = (self._joint(f"{side}_{joint}") for joint in ("ankle", "knee", "hip"))
        bend = across(knee - hip, unit(ankle - hip))
        hips = np.cross(self._joint("left_hip") - self._joint("right_hip"), UP)
        return Foot(ankle, unit(bend + 0.15 * unit(hips)), self._dance.fps, SIDES[side][1])

    def _lower(self, ankles: dict[str, Vectors]) -> None:
        """Lower the pelvis, smoothly, where a leg does not reach its ankle."""
        drop = np.zeros(len(self._heads))
        for side, ankle in ankles.items():
            mark, _ = SIDES[side]
            hip = self._at(f"upperleg01.{mark}")
            reach = REACH * sum(self._leg_lengths(mark))
            flat = np.square((ankle - hip)[:, [0, 2]]).sum(axis=1)
            top = ankle[:, 1] + np.sqrt(np.maximum(reach**2 - flat, 0.0))
            drop = np.maximum(drop, hip[:, 1] - top)
        sigma = 0.05 * self._dance.fps
        self._heads[:, 0, 1] -= np.maximum(drop, gaussian_filter1d(drop, sigma, mode="nearest"))

    def _leg_lengths(self, mark: str) -> tuple[float, float]:
        hip, knee, ankle = (self._body.head(f"{bone}.{mark}") for bone in ("upperleg01", "lowerleg01", "foot"))
        return float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))

    def _pole(self, side: str, pelvis: Turns) -> Vectors:
        """Direction in which the knee points; to the front of the pelvis while the leg is straight."""
        _, sign = SIDES[side]
        hip, knee, ankle = (self._joint(f"{side}_{joint}") for joint in ("hip", "knee", "ankle"))
        bend = across(knee - hip, unit(ankle - hip))
        ahead = apply(pelvis, unit(np.array([0.2 * sign, 0.0, 1.0])))
        pole = bend + 0.02 * ahead
        return unit(gaussian_filter1d(pole, SMOOTH_S * self._dance.fps / 2, axis=0, mode="nearest"))

    def _leg(self, mark: str, ankle: Vectors, pole: Vectors) -> Turns:
        """Thigh and shin by two-bone inverse kinematics; returns the rotation of the shin."""
        body = self._body
        thigh, shin = self._leg_lengths(mark)
        hip = self._at(f"upperleg01.{mark}")
        distance = np.minimum(np.linalg.norm(ankle - hip, axis=-1), 0.9999 * (thigh + shin))
        along = unit(ankle - hip)
        share = (distance**2 + thigh**2 - shin**2) / (2 * distance)
        height = np.sqrt(np.maximum(thigh**2 - share**2, 0.0))
        knee = hip + share[:, None] * along + height[:, None] * unit(across(pole, along))
        rest = [body.head(f"{bone}.{mark}") for bone in ("upperleg01", "lowerleg01", "foot")]
        turn = frame(hip - knee, pole) @ frame(rest[0] - rest[1], FRONT).T
        self._turn(f"upperleg01.{mark}", turn)
        shin_turn = frame(knee - ankle, pole) @ frame(rest[1] - rest[2], FRONT).T
        self._turn(f"lowerleg01.{mark}", shin_turn)
        return shin_turn


def _by_side(side: Vectors, up: Vectors) -> Turns:
    """Axes of which x is exactly the side."""
    y = unit(across(up, side))
    return np.stack([side, y, np.cross(side, y)], axis=-1)


def _level_head(side: Vectors, nose: Vectors, drop: float) -> Turns:
    """The head's rotation from the direction of its ears, and of its nose, which is `drop` below level."""
    front = unit(across(nose, side))
    return about(side, np.full(len(side), -drop)) @ np.stack([side, np.cross(front, side), front], axis=-1)


def _collar(upper: Vectors, sign: float) -> Turns:
    """The collar's rotation against the chest: it rises and turns with a raised arm (scapulohumeral rhythm)."""
    raised = np.arccos(np.clip(-upper[:, 1], -1, 1))
    up = CLAVICLE_UP * np.clip((raised - np.radians(50)) / np.radians(110), 0, 1) ** 1.2
    fore = CLAVICLE_FORE * np.clip(upper[:, 2] - 0.3, 0, 1) / 0.7
    return about(FRONT, sign * up) @ about(UP, -sign * fore)


def _smooth_angle(angles: Angles, weights: Angles, fps: float) -> Angles:
    """Angles smoothed in time, by weight; towards 0 where no frame near has weight."""
    width = SMOOTH_S * fps
    numbers = gaussian_filter1d(weights * np.exp(1j * angles) + 1e-4, width, mode="nearest")
    return np.angle(numbers)
