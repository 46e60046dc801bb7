"""Rotations of 3-D vectors, as matrices.

Axes used in shapes:
    ... any number of leading axes
"""

import numpy as np
from jaxtyping import Float64
from scipy.spatial.transform import Rotation

Vectors = Float64[np.ndarray, "... 3"]
Turns = Float64[np.ndarray, "... 3 3"]
Angles = Float64[np.ndarray, "..."]


def unit(vectors: Vectors) -> Vectors:
    """Vectors of length 1 in the same directions."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def dot(first: Vectors, second: Vectors) -> Angles:
    """Scalar products."""
    return np.asarray(np.sum(first * second, axis=-1))


def across(vectors: Vectors, axes: Vectors) -> Vectors:
    """The parts of vectors at right angles to unit axes."""
    return vectors - dot(vectors, axes)[..., None] * axes


def apply(turns: Turns, vectors: Vectors) -> Vectors:
    """Each vector turned by its rotation."""
    return np.einsum("...ij,...j->...i", turns, vectors)


def frame(up: Vectors, front: Vectors) -> Turns:
    """Axes as columns: y along `up`, z towards `front` as far as it is across `up`, and x to their left."""
    y = unit(up)
    z = unit(across(front, y))
    return np.stack([np.cross(y, z), y, z], axis=-1)


def about(axes: Vectors, angles: Angles) -> Turns:
    """Rotations by angles in radians about unit axes (Rodrigues)."""
    x, y, z = np.moveaxis(np.broadcast_to(axes, (*np.shape(angles), 3)), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    sine, versine = np.sin(angles)[..., None, None], (1 - np.cos(angles))[..., None, None]
    return np.eye(3) + sine * cross + versine * (cross @ cross)


def shortest(start: Vectors, end: Vectors) -> Turns:
    """The smallest rotations of unit vectors onto others."""
    normal = np.cross(start, end)
    return about(unit(normal), np.asarray(np.arctan2(np.linalg.norm(normal, axis=-1), dot(start, end))))


def between(start: Turns, end: Turns, share: float) -> Turns:
    """Rotations at a share of the way from one to the other (slerp)."""
    shape = end.shape
    way = Rotation.from_matrix((np.swapaxes(start, -1, -2) @ end).reshape(-1, 3, 3)).as_rotvec()
    return start @ Rotation.from_rotvec(share * way).as_matrix().reshape(shape)


def angle_about(axes: Vectors, start: Vectors, end: Vectors) -> Angles:
    """Angles in radians about unit axes from one direction to another."""
    start, end = across(start, axes), across(end, axes)
    return np.arctan2(dot(axes, np.cross(start, end)), dot(start, end))
