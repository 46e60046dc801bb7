"""Dances for a body: the corpus's choreography in the body's own proportions, and motion capture.

Axes used in shapes:
    T frames    J joints, as in skeleton.COCO18
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import dance_in_space, score_in_space
from dancegen.corpus.choreography.score import score_of
from dancegen.corpus.human.body import Body
from dancegen.corpus.human.moves import lively_moves
from dancegen.corpus.human.pose import Dance
from dancegen.corpus.structure import SongStructure
from dancegen.skeleton import COCO18

CORPUS_NOSE_DROP = float(np.arctan2(0.16, 1.12))  # of body.kinematics
SIDES = ("left", "right")
LEG = ("upperleg01", "lowerleg01", "foot")
STANDING_SHARE = 0.1  # of the heights of ankles: those below stand on the floor
DIRECTIONS = np.array([1.0, -1.0, 1.0])  # of the corpus's axes (y down) in the world's


def proportions(body: Body, dancer: Dancer) -> Dancer:
    """The dancer's style on this body."""
    torso = torso_m(body)

    def apart(first: str, second: str) -> float:
        return float(np.linalg.norm(body.head(first) - body.head(second))) / torso

    return replace(
        dancer,
        half_shoulders=apart("upperarm01.L", "upperarm01.R") / 2,
        half_hips=apart("upperleg01.L", "upperleg01.R") / 2,
        upper_arm=apart("upperarm01.L", "lowerarm01.L"),
        forearm=apart("lowerarm01.L", "wrist.L"),
        thigh=apart("upperleg01.L", "lowerleg01.L"),
        shin=apart("lowerleg01.L", "foot.L"),
    )


def torso_m(body: Body) -> float:
    """Metres from the middle of the shoulders to that of the hips."""
    shoulders, hips = ((body.head(f"{bone}.L") + body.head(f"{bone}.R")) / 2 for bone in ("upperarm01", "upperleg01"))
    return float(np.linalg.norm(shoulders - hips))


def choreographed(
    body: Body, structure: SongStructure, dancer: Dancer, seconds: np.ndarray, fps: float, seed: int
) -> Dance:
    """The corpus's dance of a song, for a body."""
    joints = dance_in_space(structure, proportions(body, dancer), seconds, seed)
    return Dance(on_floor(joints * DIRECTIONS * torso_m(body), body), fps, CORPUS_NOSE_DROP)


def lively(body: Body, structure: SongStructure, dancer: Dancer, seconds: np.ndarray, fps: float, seed: int) -> Dance:
    """A dance of lively moves to a song, for a body."""
    own = proportions(body, dancer)
    score = score_of(lively_moves(structure, seed), structure, own)
    joints = score_in_space(score, structure, own, seconds)
    return Dance(on_floor(joints * DIRECTIONS * torso_m(body), body), fps, CORPUS_NOSE_DROP)


def captured(
    body: Body,
    joints: Float64[np.ndarray, "T J 3"],
    up: Float64[np.ndarray, " 3"],
    front: Float64[np.ndarray, " 3"],
    nose_drop: float,
    fps: float,
) -> Dance:
    """A captured dance, in any unit and axes, for a body: in proportion to its legs, on the floor, in the middle."""
    leftward = np.cross(up, front)
    joints = joints @ np.stack([leftward, up, front], axis=1)
    bones = [
        (f"{side}_{start}", f"{side}_{end}") for side in SIDES for start, end in (("hip", "knee"), ("knee", "ankle"))
    ]
    own = np.linalg.norm(np.diff([body.head(f"{bone}.L") for bone in LEG], axis=0), axis=1).sum()
    joints = joints * own / (sum(_bone(joints, *bone) for bone in bones) / 2)
    ankles = joints[:, COCO18.indices("left_ankle", "right_ankle")]
    middle = (joints.reshape(-1, 3).min(axis=0) + joints.reshape(-1, 3).max(axis=0)) / 2
    joints = joints - (middle[0], np.quantile(ankles[..., 1], STANDING_SHARE), middle[2])
    return Dance(on_floor(joints, body), fps, nose_drop)


def _bone(joints: Float64[np.ndarray, "T J 3"], start: str, end: str) -> float:
    """Median length of a bone."""
    first, second = (joints[:, COCO18.index(name)] for name in (start, end))
    return float(np.median(np.linalg.norm(first - second, axis=-1)))


def on_floor(joints: Float64[np.ndarray, "T J 3"], body: Body) -> Float64[np.ndarray, "T J 3"]:
    """The joints, moved up from a floor at 0, on which an ankle that stands is at 0, to the height of the body's."""
    return joints + np.array([0.0, body.head("foot.L")[1], 0.0])
