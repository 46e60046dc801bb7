"""Joint angles and footprints -> 3-D joints by forward and inverse kinematics, and their projection to 2-D.

Axes used in shapes:
    T times    J joints, as in skeleton.COCO18
Coordinates: x to the right of the frame, y down, z towards the camera; the floor is y = 0, and so is an ankle that
stands on it. The dancer faces the camera, so the dancer's left is at positive x. Unit: torso length.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from dancegen.corpus.body.dancers import Dancer
from dancegen.skeleton import COCO18

Scalars = Float64[np.ndarray, "T"]
Points = Float64[np.ndarray, "T 3"]
Turns = Float64[np.ndarray, "T 3 3"]

SIDES = {"left": 1.0, "right": -1.0}
STRETCH = 0.994  # maximum extension of a leg, of its length: a knee is never locked
STANDING_DROP = 0.012
CAMERA_PITCH = np.radians(5.0)  # the camera is pitched down, so steps to the front are lower in the frame


@dataclass(frozen=True)
class ArmAngles:
    """Joint angles of an arm in degrees, each `(T,)`."""

    raised: Scalars
    """0 hanging, 90 level, 180 up."""
    plane: Scalars
    """Plane of the raise: 0 side, 90 front."""
    bend: Scalars
    """Flexion of the elbow: 0 straight."""
    spin: Scalars
    """Direction of the forearm: with the arm level, 0 up, 90 to the front (or across), 180 down."""
    shrug: Scalars
    """Elevation of the shoulder."""


@dataclass(frozen=True)
class LegMotion:
    """Motion of a leg: its foot is on its footprint, in a kick, or blended between both."""

    footprint: Points
    """Position of the ankle while the foot is not kicked."""
    air: Scalars
    """Blend: 0 on the footprint, 1 at the kick's position."""
    raised: Scalars
    plane: Scalars
    reach: Scalars
    """Distance from hip to ankle in the kick, in torso lengths."""
    knee_out: Scalars
    """Outward rotation of the knee, in degrees."""


@dataclass(frozen=True)
class BodyMotion:
    """All motion channels of a body. Lengths in torso lengths, angles in degrees."""

    pelvis: Points
    """Target position of the mid-hip; lowered where the feet are too far apart."""
    turn: Scalars
    hip_roll: Scalars
    twist: Scalars
    lean: Scalars
    slide: Scalars
    bow: Scalars
    push: Scalars
    look: Scalars
    nod: Scalars
    cock: Scalars
    arms: dict[str, ArmAngles]
    legs: dict[str, "LegMotion"]


def joints_in_space(motion: BodyMotion, dancer: Dancer) -> Float64[np.ndarray, "T J 3"]:
    """The 3-D joints of a motion."""
    joints = np.empty((len(motion.turn), len(COCO18), 3))

    def put(joint: str, points: Points) -> None:
        joints[:, COCO18.index(joint)] = points

    facing = yaw(motion.turn)
    pelvis_turn = facing @ roll(motion.hip_roll)
    sockets = {
        side: pelvis_turn @ (sign * dancer.half_hips * np.array([1.0, 0.0, 0.0])) for side, sign in SIDES.items()
    }
    pelvis = _lowered(motion, sockets, dancer)
    for side, sign in SIDES.items():
        hip = pelvis + sockets[side]
        ankle = _ankle(hip, facing, motion.legs[side], sign, dancer)
        put(f"{side}_hip", hip)
        put(f"{side}_ankle", ankle)
        out = np.radians(motion.legs[side].knee_out)
        ahead = np.stack([sign * np.sin(out), np.zeros_like(out), np.cos(out)], axis=-1)
        put(f"{side}_knee", knee(hip, ankle, turned(facing, ahead), dancer.thigh, dancer.shin))

    waist_turn = facing @ yaw(0.4 * motion.twist)
    waist = waist_turn @ roll(0.5 * motion.lean + motion.slide) @ pitch(0.4 * motion.bow + motion.push)
    chest = facing @ yaw(motion.twist) @ roll(motion.lean) @ pitch(motion.bow)
    spine = pelvis + waist @ np.array([0.0, -0.5, 0.0])
    collar = spine + chest @ np.array([0.0, -0.5, 0.0])
    for side, sign in SIDES.items():
        shoulder, elbow, wrist = _arm(collar, chest, motion.arms[side], sign, dancer)
        put(f"{side}_shoulder", shoulder)
        put(f"{side}_elbow", elbow)
        put(f"{side}_wrist", wrist)
    put("neck", (joints[:, COCO18.index("left_shoulder")] + joints[:, COCO18.index("right_shoulder")]) / 2)
    for joint, points in _head(collar, motion, dancer).items():
        put(joint, points)
    return joints


def project(joints: Float64[np.ndarray, "T J 3"], dancer: Dancer) -> Float64[np.ndarray, "T J 2"]:
    """Orthographic projection of the joints; the origin is the mid-hip of the standing dancer."""
    x, y, z = np.moveaxis(joints, -1, 0)
    standing = dancer.leg * (STRETCH - STANDING_DROP)
    return np.stack([x, (y + standing) * np.cos(CAMERA_PITCH) + z * np.sin(CAMERA_PITCH)], axis=-1)


def yaw(degrees: Scalars) -> Turns:
    """Rotations about the vertical axis, to the dancer's left."""
    return _rotation(degrees, 0, 2)


def roll(degrees: Scalars) -> Turns:
    """Rotations that tilt an upright vector towards the dancer's left."""
    return _rotation(degrees, 1, 0)


def pitch(degrees: Scalars) -> Turns:
    """Rotations that tilt an upright vector to the front."""
    return _rotation(degrees, 1, 2)


def turned(rotation: Turns, points: Points) -> Points:
    """Each point rotated by its own rotation."""
    return np.einsum("tij,tj->ti", rotation, points)


def knee(hip: Points, ankle: Points, ahead: Points, thigh: float, shin: float) -> Points:
    """Position of the knee by two-bone inverse kinematics: both bones keep their length, and the knee points ahead.

    "Ahead" is pitched with the leg: the knee of a leg that is raised to the front points up, to the back down.
    """
    way = ankle - hip
    distance = np.linalg.norm(way, axis=-1, keepdims=True)
    along = way / distance
    foot_of_height = (distance**2 + thigh**2 - shin**2) / (2 * distance)
    height = np.sqrt(np.maximum(thigh**2 - foot_of_height**2, 0.0))
    forward = np.sum(ahead * along, axis=-1, keepdims=True)
    pitched = ahead - forward * np.array([0.0, 1.0, 0.0])
    across = pitched - np.sum(pitched * along, axis=-1, keepdims=True) * along
    return hip + foot_of_height * along + height * across / np.linalg.norm(across, axis=-1, keepdims=True)


def soft_least(values: Float64[np.ndarray, "T N"], width: float) -> Scalars:
    """Smooth minimum of each row; never more than the minimum."""
    least = values.min(axis=-1, keepdims=True)
    return least[:, 0] - width * np.log(np.exp((least - values) / width).sum(axis=-1))


def _rotation(degrees: Scalars, target: int, source: int) -> Turns:
    """The rotations of axis `source` towards axis `target`."""
    angle = np.radians(degrees)
    matrix = np.zeros((len(angle), 3, 3))
    matrix[:, range(3), range(3)] = 1.0
    matrix[:, source, source] = matrix[:, target, target] = np.cos(angle)
    matrix[:, source, target] = -np.sin(angle)
    matrix[:, target, source] = np.sin(angle)
    return matrix


def _lowered(motion: BodyMotion, sockets: dict[str, Points], dancer: Dancer) -> Points:
    """The pelvis, lowered to a height that the legs on the floor can reach."""
    heights = [-motion.pelvis[:, 1]]
    for side, leg in motion.legs.items():
        way = leg.footprint - motion.pelvis - sockets[side]
        flat = (way[:, 0] ** 2 + way[:, 2] ** 2) / dancer.leg**2
        reach = dancer.leg * np.sqrt(np.maximum(STRETCH**2 - flat, 0.04))
        top = reach - leg.footprint[:, 1] + sockets[side][:, 1]
        heights.append(top + leg.air * dancer.leg)
    pelvis = motion.pelvis.copy()
    pelvis[:, 1] = -soft_least(np.stack(heights, axis=-1), 0.012 * dancer.leg)
    return pelvis


def _ankle(hip: Points, facing: Turns, leg: LegMotion, sign: float, dancer: Dancer) -> Points:
    """The ankle, blended between footprint and kick; never below the floor or out of reach."""
    raised, plane, air = np.radians(leg.raised), np.radians(leg.plane), leg.air[:, None]
    kick = _stack(sign * np.sin(raised) * np.cos(plane), np.cos(raised), np.sin(raised) * np.sin(plane))
    stand = leg.footprint - hip
    distance = np.linalg.norm(stand, axis=-1, keepdims=True)
    way = (1 - air) * stand / distance + air * turned(facing, kick)
    length = (1 - air) * distance + air * leg.reach[:, None]
    ankle = hip + _reached(length, dancer) * way / np.linalg.norm(way, axis=-1, keepdims=True)
    ankle[:, 1] = 0.5 * (ankle[:, 1] - np.sqrt(ankle[:, 1] ** 2 + (0.05 * leg.air) ** 2))
    return ankle


def _reached(length: Float64[np.ndarray, "T 1"], dancer: Dancer) -> Float64[np.ndarray, "T 1"]:
    """Distance from hip to ankle, saturated above that of standing legs."""
    standing, rest = STRETCH * dancer.leg, 0.8 * (1.0 - STRETCH) * dancer.leg
    return np.where(length > standing, standing + rest * np.tanh((length - standing) / rest), length)


def _arm(collar: Points, chest: Turns, arm: ArmAngles, sign: float, dancer: Dancer) -> tuple[Points, Points, Points]:
    """Shoulder, elbow and wrist."""
    raised, plane, bend, spin, shrug = (
        np.radians(angle) for angle in (arm.raised, arm.plane, arm.bend, arm.spin, arm.shrug)
    )
    shoulder = dancer.half_shoulders * _stack(sign * np.cos(shrug), -np.sin(shrug), np.zeros_like(shrug))
    outwards = _stack(sign * np.cos(plane), np.zeros_like(plane), np.sin(plane))
    down = np.array([0.0, 1.0, 0.0])
    upper = np.cos(raised)[:, None] * down + np.sin(raised)[:, None] * outwards
    above = np.cos(raised)[:, None] * outwards - np.sin(raised)[:, None] * down
    across = _stack(-sign * np.sin(plane), np.zeros_like(plane), np.cos(plane))
    side = np.cos(spin)[:, None] * above + np.sin(spin)[:, None] * across
    lower = np.cos(bend)[:, None] * upper + np.sin(bend)[:, None] * side
    elbow = shoulder + dancer.upper_arm * upper
    wrist = elbow + dancer.forearm * lower
    return collar + turned(chest, shoulder), collar + turned(chest, elbow), collar + turned(chest, wrist)


def _head(collar: Points, motion: BodyMotion, dancer: Dancer) -> dict[str, Points]:
    """Nose, eyes and ears. The face stays turned to the camera as far as the neck allows (spotting)."""
    spotting = -50.0 * np.sin(np.radians(motion.turn + 0.6 * motion.twist))
    turn = yaw(motion.turn + 0.6 * motion.twist + spotting + motion.look)
    neck = turn @ roll(0.6 * motion.lean + 0.5 * motion.cock) @ pitch(0.6 * motion.bow + 0.4 * motion.nod)
    head = turn @ roll(0.5 * motion.lean + motion.cock) @ pitch(0.4 * motion.bow + motion.nod)
    centre = collar + neck @ np.array([0.0, -dancer.head_height, 0.04])
    half = dancer.half_head
    offsets = {
        "nose": (0.0, 0.16, 1.12),
        "left_eye": (0.44, -0.16, 0.86),
        "right_eye": (-0.44, -0.16, 0.86),
        "left_ear": (1.0, 0.0, 0.0),
        "right_ear": (-1.0, 0.0, 0.0),
    }
    return {joint: centre + head @ (half * np.array(offset)) for joint, offset in offsets.items()}


def _stack(x: Scalars, y: Scalars, z: Scalars) -> Points:
    return np.stack([x, y, z], axis=-1)
