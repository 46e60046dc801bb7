"""Clothes, shoes and hair made of the body's own mesh, for people without MakeHuman's meshes.

A piece of cloth is the skin of a part of the body, moved outwards and smoothed, so that it bridges hollows. Shoes are
the convex hulls of the feet. Hair is a cap on the scalp.

Axes used in shapes:
    V vertices    F faces    N vertices of a part
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.sparse import csr_matrix
from scipy.spatial import ConvexHull

from dancegen.corpus.human.body import Body
from dancegen.corpus.human.mhclo import Mesh
from dancegen.corpus.human.surface import Surface, split_at_seams, vertex_normals

SHIRT_M, TROUSERS_M, SHOE_M, HAIR_M = 0.012, 0.008, 0.006, 0.016  # distance from the skin
LEAST_M = 0.005  # after smoothing
HEM_M, WAIST_M = -0.07, 0.06  # lower edge of the shirt, and upper edge of the trousers, above the lowest spine
NECKLINE_M = 0.035  # below the lowest bone of the neck
CUFF_M, SHOE_TOP_M = 0.075, 0.085  # above the floor
HAIR_EDGE_M = 0.025  # distance from the hairline at which hair has its full thickness
EAR_M = 0.034  # around the middle of an ear: without hair
ROUNDS = 12  # of smoothing
TRUNK = ("root", "spine", "breast", "pelvis")
LEGS = ("root", "pelvis", "upperleg", "lowerleg", "spine05", "spine04")
SLEEVES = ("clavicle", "shoulder", "upperarm")
FEET = ("foot", "toe")


@dataclass(frozen=True)
class PlainClothes:
    """The pieces, and the vertices of the skin that they cover."""

    shirt: Surface
    trousers: Surface
    shoes: Surface
    hair: Surface
    covered: Int64[np.ndarray, " N"]


def plain_clothes(body: Body) -> PlainClothes:
    """Shirt, trousers, shoes and short hair on a body at rest."""
    height, waist = body.vertices[:, 1], body.head("spine05")[1]
    below_neck = height < body.head("neck01")[1] - NECKLINE_M
    in_shirt = (_share(body, (*TRUNK, *SLEEVES, "upperleg")) > 0.5) & (height > waist + HEM_M) & below_neck
    in_trousers = (_share(body, LEGS) > 0.5) & (height > body.floor + CUFF_M) & (height < waist + WAIST_M)
    in_shoes = (_share(body, FEET) > 0.5) & (height < body.floor + SHOE_TOP_M)
    covered = in_shoes | _inside(body, in_shirt) | _inside(body, in_trousers)
    return PlainClothes(
        shirt=_cloth(body, in_shirt, SHIRT_M),
        trousers=_cloth(body, in_trousers, TROUSERS_M),
        shoes=_shoes(body, in_shoes),
        hair=_hair(body),
        covered=np.flatnonzero(covered),
    )


def _share(body: Body, names: tuple[str, ...]) -> Float64[np.ndarray, " V"]:
    """Skinning weight of each vertex to the bones whose names start so."""
    chosen = [number for number, bone in enumerate(body.bones) if bone.startswith(names)]
    return np.asarray(body.weights[:, chosen].sum(axis=1)).ravel()


def _faces(body: Body, part: Bool[np.ndarray, " V"]) -> Bool[np.ndarray, " F"]:
    """Faces of which every corner is in the part."""
    return np.asarray(part[body.faces].all(axis=1))


def _inside(body: Body, part: Bool[np.ndarray, " V"]) -> Bool[np.ndarray, " V"]:
    """The part without two rings of vertices at its edge: skin must not show through the cloth, nor end at its edge."""
    for _ in range(2):
        edge = np.unique(body.faces[~_faces(body, part)])
        part = part & ~np.isin(np.arange(len(part)), edge)
    return part


def _cloth(body: Body, part: Bool[np.ndarray, " V"], distance: float) -> Surface:
    chosen = _faces(body, part)
    normals = vertex_normals(body.vertices, body.faces)
    moved = _smoothed(body.vertices + distance * normals, body.faces[chosen])
    return _on_body(body, chosen, _outside(body, moved, normals))


def _outside(
    body: Body, moved: Float64[np.ndarray, "V 3"], normals: Float64[np.ndarray, "V 3"]
) -> Float64[np.ndarray, "V 3"]:
    """The vertices at least LEAST_M in front of the skin that they were made of."""
    ahead = ((moved - body.vertices) * normals).sum(axis=1)
    return moved + np.maximum(0, LEAST_M - ahead)[:, None] * normals


def _smoothed(vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 4"]) -> Float64[np.ndarray, "V 3"]:
    """Each vertex of the faces moved to the mean of itself and its neighbours, ROUNDS times."""
    edges = np.concatenate([np.stack([faces[:, one], np.roll(faces, -1, axis=1)[:, one]], axis=1) for one in range(4)])
    size = len(vertices)
    joined = csr_matrix((np.ones(2 * len(edges)), np.concatenate([edges, edges[:, ::-1]]).T), shape=(size, size))
    counts = np.asarray(joined.sum(axis=1)).ravel()
    used = counts > 0
    for _ in range(ROUNDS):
        means = (joined @ vertices)[used] / counts[used, None]
        vertices = vertices.copy()
        vertices[used] = (vertices[used] + means) / 2
    return vertices


def _on_body(body: Body, chosen: Bool[np.ndarray, " F"], vertices: Float64[np.ndarray, "V 3"]) -> Surface:
    """A surface of some of the skin's faces, with moved vertices."""
    return split_at_seams(Mesh(vertices, body.faces[chosen], body.uv, body.uv_faces[chosen]), body.weights)


def _hair(body: Body) -> Surface:
    """The scalp, moved outwards; at the hairline it meets the skin."""
    eye, places = body.head("eye.L"), body.vertices
    back = np.maximum(places[:, 1] - eye[1] - 0.05, eye[2] - 0.075 - places[:, 2])
    part = (back > 0) & (places[:, 1] > body.ears["left"][1] - 0.05) & (_share(body, ("neck",)) < 0.5)
    for ear in body.ears.values():
        part &= np.linalg.norm(places - ear, axis=1) > EAR_M
    chosen = _faces(body, part)
    edge = places[np.intersect1d(body.faces[chosen], body.faces[~chosen])]
    apart = np.linalg.norm(places[:, None] - edge[None], axis=2).min(axis=1) if len(edge) else np.full(len(places), 1.0)
    thickness = LEAST_M + (HAIR_M - LEAST_M) * np.clip(apart / HAIR_EDGE_M, 0, 1)
    normals = vertex_normals(places, body.faces)
    return _on_body(body, chosen, _smoothed(places + thickness[:, None] * normals, body.faces[chosen]))


def _shoes(body: Body, part: Bool[np.ndarray, " V"]) -> Surface:
    """Convex hulls of both feet, on the floor."""
    points, faces, uv, origins = [], [], [], []
    for side in (-1, 1):
        foot = np.flatnonzero(part & (side * body.vertices[:, 0] > 0))
        hull = ConvexHull(body.vertices[foot])
        corners = foot[hull.vertices]
        place = {vertex: len(origins) + number for number, vertex in enumerate(corners)}
        triangles = np.vectorize(place.__getitem__)(foot[hull.simplices])
        centre = body.vertices[corners].mean(axis=0)
        outwards = body.vertices[corners] - centre
        outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
        shoe = body.vertices[corners] + SHOE_M * outwards
        shoe[:, 1] = np.maximum(shoe[:, 1], body.floor)
        points.append(shoe)
        all_points = np.concatenate(points)
        across = np.cross(
            all_points[triangles[:, 1]] - all_points[triangles[:, 0]],
            all_points[triangles[:, 2]] - all_points[triangles[:, 0]],
        )
        inwards = (across * (all_points[triangles].mean(axis=1) - centre)).sum(axis=1) < 0
        triangles[inwards] = triangles[inwards][:, ::-1]
        faces.append(triangles[:, [0, 1, 2, 2]])
        around = np.arctan2(outwards[:, 2], outwards[:, 0]) / (2 * np.pi) + 0.5
        top = (shoe[:, 1] - body.floor) / SHOE_TOP_M
        uv.append(np.column_stack([(around + (side > 0)) / 2, top.clip(0, 1)]))
        origins += corners.tolist()
    joined = np.concatenate(faces)
    mesh = Mesh(np.concatenate(points), joined, np.concatenate(uv), joined)
    return split_at_seams(mesh, csr_matrix(body.weights[origins]))
