"""Reads MakeHuman's clothes: a `.mhclo` file binds the vertices of an `.obj` file to the vertices of the base mesh.

A vertex is bound to one base vertex, or to three with weights and an offset. The offset is in units of the body: a
scale line names two base vertices, whose distance along an axis is divided by a length. So the clothes fit every
body that has the base mesh's vertices, and take over their skinning weights.

Axes used in shapes:
    B base vertices    V vertices    F faces    U texture coordinates    P parents of a vertex (3)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from dancegen.errors import BadMediaError

PARENTS = 3
AXES = "xyz"
DOWNLOAD_AGAIN = "Copy the file again from MakeHuman's assets (makehuman/data in its repository, CC0)."


@dataclass(frozen=True)
class Mesh:
    """Vertices and faces of an `.obj` file. A face has three or four corners; a triangle repeats its last one."""

    vertices: Float64[np.ndarray, "V 3"]
    faces: Int64[np.ndarray, "F 4"]
    uv: Float64[np.ndarray, "U 2"]
    uv_faces: Int64[np.ndarray, "F 4"]


@dataclass(frozen=True)
class Binding:
    """Positions of vertices relative to the base mesh."""

    parents: Int64[np.ndarray, "V P"]
    weights: Float64[np.ndarray, "V P"]
    offsets: Float64[np.ndarray, "V 3"]
    scales: dict[int, tuple[int, int, float]]
    """Axis -> two base vertices, and the length that their distance is divided by."""
    hidden: Int64[np.ndarray, " N"]
    """Base vertices that the clothes cover (`delete_verts`)."""

    def place(self, base: Float64[np.ndarray, "B 3"]) -> Float64[np.ndarray, "V 3"]:
        """Positions of the vertices on a body."""
        units = np.ones(3)
        for axis, (first, second, length) in self.scales.items():
            units[axis] = abs(base[first, axis] - base[second, axis]) / length
        return np.einsum("vp,vpi->vi", self.weights, base[self.parents]) + units * self.offsets


def read_binding(path: Path) -> Binding:
    """Parse a `.mhclo` file. Raises BadMediaError if it has no vertices, or numbers that are not numeric."""
    lines = [line.split() for line in path.read_text(errors="replace").splitlines()]
    try:
        bound = [_bound(words) for words in _block(lines, "verts")]
        hidden = list(_ranges(word for words in _block(lines, "delete_verts") for word in words))
        scales = {
            AXES.index(words[0][0]): (int(words[1]), int(words[2]), float(words[3]))
            for words in lines
            if words and words[0] in ("x_scale", "y_scale", "z_scale")
        }
    except (ValueError, IndexError) as error:
        raise BadMediaError(str(path), f"is not a valid .mhclo file: {error}.", DOWNLOAD_AGAIN) from error
    if not bound:
        raise BadMediaError(str(path), "binds no vertices.", DOWNLOAD_AGAIN)
    parents, weights, offsets = (np.array(column) for column in zip(*bound, strict=True))
    return Binding(parents, weights, offsets, scales, np.array(hidden, dtype=np.int64))


def read_obj(path: Path) -> Mesh:
    """Parse an `.obj` file. Raises BadMediaError if it has no faces with texture coordinates."""
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    corners: list[list[list[int]]] = []
    try:
        for line in path.read_text(errors="replace").splitlines():
            kind, *words = line.split() or [""]
            if kind == "v":
                vertices.append([float(word) for word in words[:3]])
            elif kind == "vt":
                uv.append([float(word) for word in words[:2]])
            elif kind == "f":
                face = [[int(number) - 1 for number in word.split("/")[:2]] for word in words]
                corners.append([*face, face[-1]][:4])
        faces, uv_faces = np.moveaxis(np.array(corners, dtype=np.int64), -1, 0)
    except ValueError as error:
        raise BadMediaError(str(path), f"is not a valid .obj file with textures: {error}.", DOWNLOAD_AGAIN) from error
    return Mesh(np.array(vertices), faces, np.array(uv), uv_faces)


def _block(lines: list[list[str]], name: str) -> Iterator[list[str]]:
    """The lines of numbers after a keyword; other lines may stand between the keyword and the numbers."""
    start = next((number + 1 for number, words in enumerate(lines) if words[:1] == [name]), len(lines))
    below = dropwhile(lambda words: not _is_number(words), lines[start:])
    return takewhile(_is_number, below)


def _is_number(words: list[str]) -> bool:
    return bool(words) and words[0].isdigit()


def _bound(words: list[str]) -> tuple[list[int], list[float], list[float]]:
    """Parents, weights and offset of a vertex."""
    if len(words) == 1:
        return [int(words[0])] * PARENTS, [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    numbers = [float(word) for word in words[PARENTS:]]
    return [int(word) for word in words[:PARENTS]], numbers[:3], [*numbers[3:6], 0.0, 0.0, 0.0][:3]


def _ranges(words: Iterator[str]) -> Iterator[int]:
    """The numbers of `3 5 - 7`: 3, 5, 6, 7."""
    last, spans = -1, False
    for word in words:
        if word == "-":
            spans = True
            continue
        number = int(word)
        yield from range(last + 1, number + 1) if spans else (number,)
        last, spans = number, False
