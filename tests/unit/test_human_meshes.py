"""Meshes of a dressed person: bindings of clothes, surfaces, and pictures in their textures."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from dancegen.corpus.human.bake import bake
from dancegen.corpus.human.mhclo import Mesh, read_binding, read_obj
from dancegen.corpus.human.surface import split_at_seams, vertex_normals
from dancegen.errors import BadMediaError

ASSETS = Path(__file__).parents[3] / "shared" / "assets" / "makehuman"
BASE = np.array([[0.0, 0, 0], [2, 0, 0], [0, 4, 0], [0, 0, 8]])

CLOTHES = """# made for this test
name patch
x_scale 0 1 1.0
y_scale 0 2 1.0
z_scale 0 3 2.0
verts 0
material patch.mhmat
1
0 1 2 0.5 0.25 0.25 0.1 -0.1 1.0

delete_verts
3 5 - 7 9
"""
SQUARE = """v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 2 0 0
vt 0.25 0.25
vt 0.75 0.25
vt 0.75 0.75
vt 0.25 0.75
vt 0 0
f 1/1 2/2 3/3 4/4
f 2/5 5/2 3/3
"""


@pytest.fixture
def clothes(tmp_path):
    (tmp_path / "patch.mhclo").write_text(CLOTHES)
    return read_binding(tmp_path / "patch.mhclo")


@pytest.fixture
def square(tmp_path):
    (tmp_path / "square.obj").write_text(SQUARE)
    return read_obj(tmp_path / "square.obj")


def test_a_vertex_is_where_one_vertex_of_the_body_is_or_between_three_with_an_offset_in_its_units(clothes):
    placed = clothes.place(BASE)
    assert placed[0] == pytest.approx([2, 0, 0])
    assert placed[1] == pytest.approx([0.5 + 0.1 * 2, 1 - 0.1 * 4, 1.0 * 8 / 2])


def test_clothes_on_a_body_twice_the_size_are_twice_the_size(clothes):
    assert clothes.place(2 * BASE) == pytest.approx(2 * clothes.place(BASE))


def test_ranges_of_hidden_vertices_are_read_with_both_ends(clothes):
    assert clothes.hidden.tolist() == [3, 5, 6, 7, 9]


@pytest.mark.parametrize("text", ["", "verts 0\n", "verts 0\n1 2 3 0.5 0.5 x 0 0 0\n", "x_scale 1\nverts 0\n1\n"])
def test_a_damaged_binding_is_told_by_its_name(tmp_path, text):
    path = tmp_path / "bad.mhclo"
    path.write_text(text)
    with pytest.raises(BadMediaError, match=r"bad\.mhclo"):
        read_binding(path)


def test_a_mesh_without_texture_coordinates_is_told_by_its_name(tmp_path):
    path = tmp_path / "bad.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 3\n")
    with pytest.raises(BadMediaError, match=r"bad\.obj"):
        read_obj(path)


def test_a_triangle_repeats_its_last_corner(square):
    assert square.faces.tolist() == [[0, 1, 2, 3], [1, 4, 2, 2]]


def test_a_vertex_at_a_seam_is_a_point_for_each_of_its_texture_coordinates(square):
    surface = split_at_seams(square, csr_matrix(np.eye(5)))
    assert len(surface.points) == 6
    assert (surface.points == [1, 0, 0]).all(axis=1).sum() == 2
    assert np.abs(surface.normals - [0, 0, 1]).max() < 1e-9
    assert surface.tangents[0] == pytest.approx([1, 0, 0])


def test_faces_are_left_out_when_all_their_corners_are_hidden(square):
    surface = split_at_seams(square, csr_matrix(np.eye(5)), hidden=np.array([0, 1, 2, 3]))
    assert len(surface.faces) == 1


def test_normals_of_a_ball_point_outwards():
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    rings = [
        np.column_stack([r * np.cos(angles), np.full(12, y), -r * np.sin(angles)])
        for r, y in ((0.8, -0.6), (1, 0), (0.8, 0.6))
    ]
    points = np.concatenate(rings)
    faces = np.array([[r * 12 + k, r * 12 + (k + 1) % 12, r * 12 + 12 + (k + 1) % 12, r * 12 + 12 + k]
                      for r in (0, 1) for k in range(12)])  # fmt: skip
    assert (np.sum(vertex_normals(points, faces) * points, axis=1) > 0.7).all()


def test_a_texture_holds_the_values_of_the_points_between_them_and_around_the_mesh(square):
    quad = Mesh(square.vertices[:4], square.faces[:1], square.uv[:4], square.uv_faces[:1])
    surface = split_at_seams(quad, csr_matrix(np.eye(4)))
    picture = bake(surface, surface.points[:, :2], 64)
    assert picture[31:33, 31:33].mean(axis=(0, 1)) == pytest.approx([0.5, 0.5], abs=0.02)
    assert picture[20, 44] == pytest.approx([0.89, 0.86], abs=0.04)  # the first row is the top
    assert picture[0, 0] == pytest.approx([0, 1], abs=0.05)  # the nearest value of the mesh


@pytest.mark.skipif(not ASSETS.is_dir(), reason="needs ../shared/assets/makehuman")
@pytest.mark.parametrize("asset", ["clothes/male_casualsuit04", "clothes/shoes01", "hair/long01"])
def test_clothes_of_makehuman_lie_on_its_base_mesh(asset):
    lines = (ASSETS / "base.obj").read_text().splitlines()
    base = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], dtype=float)
    stem = ASSETS / asset / Path(asset).name
    binding, mesh = read_binding(stem.with_suffix(".mhclo")), read_obj(stem.with_suffix(".obj"))
    placed = binding.place(base)
    assert placed.shape == mesh.vertices.shape
    body = base[:13380]
    assert (placed.min(axis=0) > body.min(axis=0) - 0.6).all()  # decimetres
    assert (placed.max(axis=0) < body.max(axis=0) + 0.6).all()
