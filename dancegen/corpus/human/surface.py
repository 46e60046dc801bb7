"""Surfaces that a renderer draws: meshes split at the seams of their texture, with normals, tangents and weights.

Axes used in shapes:
    V vertices    P points of the surface    F faces    U texture coordinates
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy.sparse import csr_matrix

from dancegen.corpus.human.mhclo import Mesh


@dataclass(frozen=True)
class Surface:
    """A mesh at rest with one texture coordinate per point."""

    points: Float64[np.ndarray, "P 3"]
    normals: Float64[np.ndarray, "P 3"]
    tangents: Float64[np.ndarray, "P 3"]
    """Unit vectors along the texture's first axis."""
    uv: Float64[np.ndarray, "P 2"]
    faces: Int64[np.ndarray, "F 4"]
    """A triangle repeats its last corner."""
    weights: csr_matrix
    """Skinning weights `(P, bones)`."""

    @property
    def triangles(self) -> Int64[np.ndarray, "N 3"]:
        """The faces as triangles; the second one of a triangle is degenerate."""
        return np.concatenate([self.faces[:, [0, 1, 2]], self.faces[:, [0, 2, 3]]])


def split_at_seams(mesh: Mesh, weights: csr_matrix, hidden: Int64[np.ndarray, " N"] | None = None) -> Surface:
    """The surface of a mesh, without the faces of which every corner is hidden."""
    faces, uv_faces = mesh.faces, mesh.uv_faces
    if hidden is not None:
        kept = ~np.isin(faces, hidden).all(axis=1)
        faces, uv_faces = faces[kept], uv_faces[kept]
    normals = vertex_normals(mesh.vertices, mesh.faces)
    corners = np.stack([faces.ravel(), uv_faces.ravel()], axis=1)
    pairs, inverse = np.unique(corners, axis=0, return_inverse=True)
    points, uv = mesh.vertices[pairs[:, 0]], mesh.uv[pairs[:, 1]]
    split = inverse.reshape(faces.shape)
    tangents = _tangents(points, uv, split, normals[pairs[:, 0]])
    return Surface(points, normals[pairs[:, 0]], tangents, uv, split, weights[pairs[:, 0]])


def vertex_normals(vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 4"]) -> Float64[np.ndarray, "V 3"]:
    """Unit normals of the vertices: those of their faces, weighted by area."""
    across = np.cross(vertices[faces[:, 2]] - vertices[faces[:, 0]], vertices[faces[:, 3]] - vertices[faces[:, 1]])
    sums = np.zeros_like(vertices)
    for corner in range(4):
        np.add.at(sums, faces[:, corner], across)
    return _unit(sums)


def _tangents(
    points: Float64[np.ndarray, "P 3"],
    uv: Float64[np.ndarray, "P 2"],
    faces: Int64[np.ndarray, "F 4"],
    normals: Float64[np.ndarray, "P 3"],
) -> Float64[np.ndarray, "P 3"]:
    """Direction in which the first texture coordinate increases, at right angles to the normal."""
    edges, steps = points[faces[:, 1:3]] - points[faces[:, :1]], uv[faces[:, 1:3]] - uv[faces[:, :1]]
    area = steps[:, 0, 0] * steps[:, 1, 1] - steps[:, 1, 0] * steps[:, 0, 1]
    along = (edges[:, 0] * steps[:, 1, 1, None] - edges[:, 1] * steps[:, 0, 1, None]) * np.sign(area)[:, None]
    sums = np.zeros_like(points)
    for corner in range(4):
        np.add.at(sums, faces[:, corner], along)
    return _unit(sums - (sums * normals).sum(axis=1, keepdims=True) * normals)


def _unit(vectors: Float64[np.ndarray, "N 3"]) -> Float64[np.ndarray, "N 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
