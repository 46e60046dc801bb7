"""People: body, face, hair and clothes of each, and their surfaces with painted textures.

The meshes of clothes, shoes and hair are MakeHuman's (CC0), read from a folder; colours and patterns are painted here.

Axes used in shapes:
    V vertices    S texels along a side
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int64
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from dancegen import storage
from dancegen.corpus.human import textures
from dancegen.corpus.human.bake import bake
from dancegen.corpus.human.body import Body
from dancegen.corpus.human.mhclo import Mesh, read_binding, read_obj
from dancegen.corpus.human.plain_clothes import plain_clothes
from dancegen.corpus.human.scene import Material, Room
from dancegen.corpus.human.surface import Surface, split_at_seams
from dancegen.corpus.human.textures import Colour, Fabric, Skin
from dancegen.errors import ConfigError

SKIN_SIZE, CLOTH_SIZE, HAIR_SIZE, SMALL_SIZE = 1024, 1024, 512, 256
SOURCE = "https://github.com/makehumancommunity/makehuman, folder makehuman/data (CC0 since 2020)"
SHOE_TOP_M = 0.10  # above the floor: what is higher is under the trousers, and shows through them when they bend
SCALP_M = 0.009  # hair within this distance of the skin covers it


@dataclass(frozen=True)
class Person:
    """A person who can be filmed. Colours are sRGB, 0 to 1."""

    name: str
    phenotype: dict[str, float]
    """Of anny: gender (0 female, 1 male), age, muscle, weight, height, proportions."""
    face: dict[str, float]
    """Facial actions of anny."""
    skin: Skin
    iris: Colour
    hair: str
    hair_colour: Colour
    suit: str
    top: Fabric
    bottom: Fabric
    shoes: str
    shoe_colour: Colour
    sole_colour: Colour
    room: Room
    brows: str = "eyebrow001"
    seed: int = 0

    @property
    def assets(self) -> tuple[str, ...]:
        """Folders of the meshes that the person wears."""
        return (
            f"clothes/{self.suit}",
            f"clothes/{self.shoes}",
            f"hair/{self.hair}",
            f"eyebrows/{self.brows}",
            "eyelashes/eyelashes01",
        )


SMILE = {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "eyeWideLeft": 0.1, "eyeWideRight": 0.1}

PEOPLE: dict[str, Person] = {
    person.name: person
    for person in (
        Person(
            name="ben",
            phenotype={"gender": 0.95, "age": 0.62, "muscle": 0.62, "weight": 0.46, "height": 0.55, "proportions": 0.8},
            face=SMILE,
            skin=Skin((0.84, 0.64, 0.53), (0.80, 0.46, 0.38), (0.72, 0.42, 0.38), stubble=0.16),
            iris=(0.26, 0.36, 0.42),
            hair="short02",
            hair_colour=(0.20, 0.13, 0.085),
            suit="male_casualsuit04",
            top=Fabric((0.86, 0.66, 0.20), "band", (0.16, 0.18, 0.24), period_m=0.34),
            bottom=Fabric((0.17, 0.22, 0.33), "denim", (0.36, 0.44, 0.56)),
            shoes="shoes01",
            shoe_colour=(0.88, 0.87, 0.85),
            sole_colour=(0.95, 0.94, 0.92),
            room=Room(wall=(0.70, 0.73, 0.76), floor=(0.47, 0.44, 0.41), key_side=1.0),
        ),
        Person(
            name="mia",
            phenotype={"gender": 0.0, "age": 0.5, "muscle": 0.42, "weight": 0.45, "height": 0.5, "proportions": 1.0},
            face=SMILE,
            skin=Skin((0.70, 0.50, 0.39), (0.66, 0.34, 0.27), (0.62, 0.27, 0.27)),
            iris=(0.22, 0.13, 0.07),
            hair="long01",
            hair_colour=(0.21, 0.13, 0.09),
            suit="female_casualsuit01",
            top=Fabric((0.80, 0.24, 0.26), "stripes", (0.93, 0.90, 0.86), period_m=0.048),
            bottom=Fabric((0.16, 0.17, 0.20)),
            shoes="shoes02",
            shoe_colour=(0.20, 0.45, 0.47),
            sole_colour=(0.93, 0.93, 0.92),
            room=Room(wall=(0.76, 0.72, 0.67), floor=(0.40, 0.36, 0.33), key_side=-1.0),
            seed=7,
        ),
    )
}


def check_assets(person: Person, assets: str) -> None:
    """Raise ConfigError if the folder lacks a mesh of the person's clothes."""
    for asset in person.assets:
        for uri in _files(assets, asset):
            if not storage.exists(uri):
                problem = f"{uri} does not exist; {person.name} wears it."
                raise ConfigError("human_assets", problem, f"Copy clothes, hair, eyebrows and eyelashes from {SOURCE}.")


def dress(person: Person, body: Body, assets: str | None, masks: Path) -> list[tuple[Surface, Material]]:
    """The surfaces of the dressed person. `assets` is the folder of the clothes, None for plain ones made here; `masks`
    is that of anny's masks of the skin. Raises BadMediaError if a mesh is not valid."""
    if assets is None:
        return _dress_plainly(person, body, masks)
    suit, hidden = _worn(assets, f"clothes/{person.suit}", body)
    shoes, covered = _worn(assets, f"clothes/{person.shoes}", body)
    hair, brows, lashes = (_worn(assets, asset, body)[0] for asset in person.assets[2:])
    hidden = np.concatenate([hidden, covered])
    return [
        _skin(person, body, hidden, hair, masks),
        *(_eye(person, body, side) for side in ("L", "R")),
        _suit(person, suit),
        _shoes(person, shoes),
        _hair(person, hair),
        _brows(person, brows),
        _lashes(lashes),
    ]


def _dress_plainly(person: Person, body: Body, masks: Path) -> list[tuple[Surface, Material]]:
    worn = plain_clothes(body)
    return [
        _skin(person, body, worn.covered, worn.hair, masks, brows=True),
        *(_eye(person, body, side) for side in ("L", "R")),
        _cloth(worn.shirt, person.top, person.seed),
        _cloth(worn.trousers, person.bottom, person.seed + 20),
        _shoes(person, worn.shoes),
        _hair(person, worn.hair),
    ]


def _files(assets: str, asset: str) -> tuple[str, str]:
    """URIs of the binding and the mesh of an asset."""
    folder, name = storage.join(assets, asset), asset.rpartition("/")[2]
    return storage.join(folder, f"{name}.mhclo"), storage.join(folder, f"{name}.obj")


def _worn(assets: str, asset: str, body: Body) -> tuple[Surface, Int64[np.ndarray, " N"]]:
    """An asset on a body, and the base vertices that it hides."""
    clothes, shape = _files(assets, asset)
    with storage.reading(clothes) as bound, storage.reading(shape) as drawn:
        binding, mesh = read_binding(bound), read_obj(drawn)
    rows = np.repeat(np.arange(len(binding.parents)), binding.parents.shape[1])
    shares = csr_matrix(
        (binding.weights.ravel(), (rows, binding.parents.ravel())), shape=(len(binding.parents), len(body.vertices))
    )
    placed = replace(mesh, vertices=binding.place(body.vertices))
    if asset.startswith("clothes/shoes"):
        placed = _cut(placed, body.floor + SHOE_TOP_M)
    return split_at_seams(placed, csr_matrix(shares @ body.weights)), binding.hidden


def _cut(mesh: Mesh, height: float) -> Mesh:
    """The mesh without the faces above a height."""
    kept = mesh.vertices[mesh.faces, 1].min(axis=1) < height
    return replace(mesh, faces=mesh.faces[kept], uv_faces=mesh.uv_faces[kept])


def _skin(
    person: Person, body: Body, hidden: Int64[np.ndarray, " N"], hair: Surface, masks: Path, brows: bool = False
) -> tuple[Surface, Material]:
    eyes = np.flatnonzero(sum(_share(body, f"eye.{side}") for side in ("L", "R")) > 0.9)
    surface = split_at_seams(body.mesh, body.weights, np.concatenate([hidden, eyes]))
    whole = split_at_seams(body.mesh, body.weights)
    scalp = _scalp(whole.points, hair, body)
    painted = bake(whole, np.column_stack([whole.points, scalp]), SKIN_SIZE)
    rest = painted[..., :3]
    regions = textures.read_masks(masks, SKIN_SIZE)
    flush = _flush(rest, body)
    colour = textures.paint_skin(rest, person.skin, regions, flush, painted[..., 3], person.hair_colour)
    below = 1 / (1 + np.exp((rest[..., 1] - body.nose[1] + 0.012) / 0.004))
    below *= 1 / (1 + np.exp((body.head("jaw")[1] - 0.115 - rest[..., 1]) / 0.006))
    beard = regions["face"] * (1 - regions["lips"]) * below
    colour *= 1 - person.skin.stubble * (beard * (0.75 + 0.25 * textures.noise(rest, 0.003, 2)))[..., None]
    if brows:
        shape = _painted_brows(rest, body)[..., None]
        colour = colour * (1 - shape) + shape * 0.75 * np.array(person.hair_colour, dtype=np.float32)
    return surface, Material(colour.astype(np.float32), 0.5)


def _painted_brows(rest: Float32[np.ndarray, "S S 3"], body: Body) -> Float32[np.ndarray, "S S"]:
    """Share of hair in the colour of the skin, for people without a mesh of brows."""
    x, y, z = body.head("eye.L")
    across = (np.abs(rest[..., 0]) - x) / 0.021
    arc = y + 0.020 - 0.004 * across**2
    thickness = 0.0042 * np.clip(1.15 - np.maximum(across, 0), 0.2, 1)
    inside = np.exp(-(((rest[..., 1] - arc) / thickness) ** 4)) * (np.abs(across) < 1) * (rest[..., 2] > z - 0.03)
    return (0.85 * inside).astype(np.float32)


def _scalp(points: Float64[np.ndarray, "P 3"], hair: Surface, body: Body) -> Float64[np.ndarray, " P"]:
    """Share of hair in the colour of the skin: 1 under hair, except in the face."""
    near = KDTree(hair.points).query(points)[0]
    above, behind = points[:, 1] - body.head("eye.L")[1] - 0.05, body.head("eye.L")[2] - 0.075 - points[:, 2]
    head = 1 / (1 + np.exp(-np.maximum(above, behind) / 0.004))
    return np.exp(-((near / SCALP_M) ** 4)) * head * (points[:, 1] > body.ears["left"][1] - 0.05)


def _flush(rest: Float32[np.ndarray, "S S 3"], body: Body) -> Float32[np.ndarray, "S S"]:
    """Where blood shows: cheeks, nose, knuckles, elbows."""
    eye = body.head("eye.L")
    cheek = np.array([1.25 * eye[0], eye[1] - 0.042, eye[2] - 0.002])
    spots = [(cheek, 0.020, 0.55), (cheek * (-1, 1, 1), 0.020, 0.55), (body.nose, 0.011, 0.5)]
    for side in ("L", "R"):
        spots += [
            (body.head(f"finger{finger}-{joint}.{side}"), 0.011, 0.5) for finger in range(2, 6) for joint in (1, 2)
        ]
        spots += [(body.head(f"lowerarm01.{side}"), 0.035, 0.35), (body.head(f"wrist.{side}"), 0.05, 0.2)]
    total = np.zeros(rest.shape[:2], dtype=np.float32)
    for centre, radius, strength in spots:
        total += strength * np.exp(-np.square(rest - centre.astype(np.float32)).sum(axis=-1) / (2 * radius**2))
    return np.clip(total, 0, 1)


def _eye(person: Person, body: Body, side: str) -> tuple[Surface, Material]:
    others = np.flatnonzero(_share(body, f"eye.{side}") <= 0.9)
    faces = ~np.isin(body.faces, others).any(axis=1)
    mesh = replace(body.mesh, faces=body.faces[faces], uv_faces=body.uv_faces[faces])
    surface = split_at_seams(mesh, body.weights)
    # a square texture around the eye: the eyes' place in the skin's texture is small
    low, high = surface.uv.min(axis=0), surface.uv.max(axis=0)
    surface = replace(surface, uv=(surface.uv - low) / (high - low))
    rest = bake(surface, surface.points, SMALL_SIZE)
    return surface, Material(textures.paint_eye(rest, body.head(f"eye.{side}"), person.iris), 0.12)


def _suit(person: Person, suit: Surface) -> tuple[Surface, Material]:
    """Top and trousers are the parts of the suit above and below the waist; each piece of cloth is one of them."""
    lower = bake(suit, _lower(suit)[:, None], CLOTH_SIZE)[..., 0] > 0.5
    rest = bake(suit, suit.points, CLOTH_SIZE)
    top = textures.paint_fabric(rest, person.top, person.seed)
    bottom = textures.paint_fabric(rest, person.bottom, person.seed + 20)
    relief = textures.folds(rest, person.seed)
    return suit, Material(np.where(lower[..., None], bottom, top), person.top.roughness, relief, 2.0 / CLOTH_SIZE)


def _cloth(cloth: Surface, fabric: Fabric, seed: int) -> tuple[Surface, Material]:
    rest = bake(cloth, cloth.points, CLOTH_SIZE)
    colour, relief = textures.paint_fabric(rest, fabric, seed), textures.folds(rest, seed)
    return cloth, Material(colour, fabric.roughness, relief, 2.0 / CLOTH_SIZE)


def _hair(person: Person, hair: Surface) -> tuple[Surface, Material]:
    rest = bake(hair, hair.points, HAIR_SIZE)
    return hair, Material(textures.paint_hair(rest, person.hair_colour, person.seed), 0.5)


def _lower(suit: Surface) -> Float64[np.ndarray, " P"]:
    """1 for the points of pieces whose middle is below the hips, 0 for the others."""
    edges = np.concatenate([suit.faces[:, [0, corner]] for corner in (1, 2, 3)])
    places, joined = np.unique(suit.points.round(4), axis=0, return_inverse=True)
    edges = joined.reshape(-1)[edges]
    graph = csr_matrix((np.ones(len(edges)), edges.T), shape=(len(places), len(places)))
    pieces = connected_components(graph, directed=False)[1][joined.reshape(-1)]
    heights = np.bincount(pieces, suit.points[:, 1]) / np.bincount(pieces)
    return (heights[pieces] < 0.12).astype(np.float64)


def _shoes(person: Person, shoes: Surface) -> tuple[Surface, Material]:
    mirrored = np.column_stack([np.abs(shoes.points[:, 0]), shoes.points[:, 1:]])  # both share a texture
    rest = bake(shoes, mirrored, SMALL_SIZE * 2)
    height = rest[..., 1] - shoes.points[:, 1].min()
    colour = textures.paint_fabric(rest, Fabric(person.shoe_colour), person.seed + 40)
    sole = np.array(person.sole_colour, dtype=np.float32)
    return shoes, Material(np.where((height < 0.026)[..., None], sole, colour), 0.55)


def _brows(person: Person, brows: Surface) -> tuple[Surface, Material]:
    """Hairs of brows that get thinner outwards."""
    across, along = np.meshgrid(np.linspace(0, 1, SMALL_SIZE), np.linspace(1, 0, SMALL_SIZE))
    thick = 0.34 * np.clip(across / 0.12, 0, 1) ** 0.5 * np.clip((1 - across) / 0.6, 0, 1) ** 0.7
    shape = np.abs(along - 0.5) < thick
    hairs = np.sin(2 * np.pi * (30 * across + 7 * along)) > -0.6
    colour = np.broadcast_to(0.75 * np.array(person.hair_colour, dtype=np.float32), (SMALL_SIZE, SMALL_SIZE, 3))
    return _outwards(brows), Material(np.dstack([colour, (shape & hairs).astype(np.float32)]), 0.8)


def _lashes(lashes: Surface) -> tuple[Surface, Material]:
    across, along = np.meshgrid(np.linspace(0, 1, SMALL_SIZE), np.linspace(1, 0, SMALL_SIZE))
    hairs = np.sin(2 * np.pi * 22 * (across + 0.02 * along)) > -0.3 + 1.2 * np.abs(2 * along - 1)
    return _outwards(lashes), Material(np.dstack([np.full((*hairs.shape, 3), 0.05), hairs]).astype(np.float32), 0.9)


def _outwards(surface: Surface) -> Surface:
    """The texture's first axis from the nose outwards, and the second one upwards, over each piece of the surface."""
    pieces = connected_components(_edges(surface), directed=False)[1]
    uv = np.empty_like(surface.uv)
    for piece in np.unique(pieces):
        points = surface.points[pieces == piece]
        side = np.abs(points[:, 0])
        order = np.column_stack([side, points[:, 1] - np.poly1d(np.polyfit(side, points[:, 1], 2))(side)])
        uv[pieces == piece] = (order - order.min(axis=0)) / np.maximum(np.ptp(order, axis=0), 1e-9)
    return replace(surface, uv=uv)


def _edges(surface: Surface) -> csr_matrix:
    """The graph of points that share an edge."""
    edges = np.concatenate([surface.faces[:, [0, corner]] for corner in (1, 2, 3)])
    return csr_matrix((np.ones(len(edges)), edges.T), shape=(len(surface.points),) * 2)


def _share(body: Body, bone: str) -> Float64[np.ndarray, " V"]:
    """Skinning weight of each vertex to a bone."""
    return body.weights[:, body.bone(bone)].toarray()[:, 0]
