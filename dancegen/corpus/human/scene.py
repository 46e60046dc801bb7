"""A studio that VTK draws without GPU and without a display: floor, wall, soft light, shadows, and textured surfaces.

World axes as in `body`. Pictures are drawn at SAMPLES times their size and averaged.

Axes used in shapes:
    H rows    W columns    S texels    P points
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8
from scipy.sparse import csr_matrix

from dancegen.corpus.human.surface import Surface

SAMPLES = 2  # along each side of a pixel
VIEW_ANGLE = 22.0  # degrees from the bottom to the top of the picture: a portrait lens
ELEVATION = 4.0  # degrees of the camera above the horizontal
WALL_M = 2.4  # behind the centre of the stage, or further for a dance that goes there
STAGE_M = 30.0
SHADOW_MAP = 512


@dataclass(frozen=True)
class Material:
    """Look of a surface."""

    colour: Float32[np.ndarray, "S S 3"] | Float32[np.ndarray, "S S 4"]
    """sRGB, 0 to 1; a fourth channel is opacity, either 0 or 1 when drawn."""
    roughness: float
    relief: Float32[np.ndarray, "S S"] | None = None
    """Heights, in metres, of the relief that bends the normals."""
    texel_m: float = 0.001
    """Size of a texel of the relief."""


@dataclass(frozen=True)
class Camera:
    """A fixed camera that looks at a point of the stage."""

    target: tuple[float, float, float]
    distance: float
    width: int
    height: int
    wall: float = -WALL_M
    """Depth of the wall behind the dance, in world coordinates."""

    @property
    def position(self) -> Float64[np.ndarray, " 3"]:
        """Position in the world."""
        pitch = np.radians(ELEVATION)
        return np.array(self.target) + self.distance * np.array([0.0, np.sin(pitch), np.cos(pitch)])

    def project(self, points: Float64[np.ndarray, "... 3"]) -> Float64[np.ndarray, "... 3"]:
        """Fractions of the frame, x to the right and y down, and the distance along the camera's axis in metres."""
        pitch = np.radians(ELEVATION)
        back = np.array([0.0, np.sin(pitch), np.cos(pitch)])
        up = np.array([0.0, np.cos(pitch), -np.sin(pitch)])
        seen = points - self.position
        depth = -(seen @ back)
        scale = 0.5 / np.tan(np.radians(VIEW_ANGLE / 2)) / depth
        x = 0.5 + seen[..., 0] * scale * self.height / self.width
        return np.stack([x, 0.5 - (seen @ up) * scale, depth], axis=-1)


@dataclass(frozen=True)
class Room:
    """Colours of the studio, sRGB 0 to 1."""

    wall: tuple[float, float, float]
    floor: tuple[float, float, float]
    key_side: float
    """Side of the window light: 1 from the right of the frame, -1 from the left."""


@dataclass(frozen=True)
class Picture:
    """A frame, and the distances in it."""

    rgb: UInt8[np.ndarray, "H W 3"]
    mask: UInt8[np.ndarray, "H W"]
    """Coverage by the person, 0 to 255."""
    depth: Float32[np.ndarray, "SH SW"]
    """Metres along the camera's axis, at SAMPLES times the size."""


class Studio:
    """Draws surfaces in the room. One per process and camera: VTK's context belongs to the thread that made it."""

    def __init__(self, room: Room, camera: Camera, floor: float, dressed: list[tuple[Surface, Material]]) -> None:
        vtk = _vtk()
        vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
        self._camera = camera
        self._size = (SAMPLES * camera.width, SAMPLES * camera.height)
        self._renderer = vtk.vtkRenderer()
        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.SetSize(*self._size)
        self._window.AddRenderer(self._renderer)
        for surface, material in _room(room, floor, camera.wall):
            self._renderer.AddActor(_actor(surface, material)[0])
        self._light(room, floor)
        self._aim()
        rgb, self._empty = self._shoot()
        self.background = self._small(rgb)
        self._actors = []
        for surface, material in dressed:
            actor, mesh = _actor(surface, material)
            self._renderer.AddActor(actor)
            self._actors.append((actor, mesh))

    def draw(self, moved: list[tuple[Float64[np.ndarray, "_ 3"], list[Float64[np.ndarray, "_ 3"]]]]) -> Picture:
        """A picture of the surfaces with these points, and normals and tangents."""
        for (actor, mesh), (points, (normals, tangents)) in zip(self._actors, moved, strict=True):
            mesh.GetPoints().SetData(_array(points))
            mesh.GetPointData().SetNormals(_array(normals))
            mesh.GetPointData().SetTangents(_array(tangents))
            mesh.Modified()
            actor.Modified()  # else the shadows are those of the frame before
        rgb, depth = self._shoot()
        person = np.where(depth < self._empty - 0.002, np.uint8(255), np.uint8(0))
        return Picture(self._small(rgb), self._small(person), depth)

    def _small(self, picture: UInt8[np.ndarray, "SH SW *C"]) -> UInt8[np.ndarray, "H W *C"]:
        """The picture at the camera's size."""
        size = (self._camera.width, self._camera.height)
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))

    def _light(self, room: Room, floor: float) -> None:
        """A window to one side, made of a few lamps so that its shadows are soft; lamps above; an even surrounding."""
        vtk = _vtk()
        side = room.key_side
        lamps = [
            ((1.5 * side, floor + 4.2, 3.4), 1.05, WARM),
            ((2.2 * side, floor + 4.6, 2.7), 0.95, WARM),
            ((-0.5 * side, floor + 5.0, 1.6), 0.85, NEUTRAL),
        ]
        for place, intensity, colour in lamps:
            lamp = vtk.vtkLight()
            lamp.SetPosition(*place)
            lamp.SetFocalPoint(0.0, floor + 0.9, 0.0)
            lamp.SetColor(*colour)
            lamp.SetIntensity(intensity)
            lamp.SetPositional(True)
            lamp.SetConeAngle(58.0)
            lamp.SetExponent(0.5)
            self._renderer.AddLight(lamp)
        fill = vtk.vtkLight()
        fill.SetPositional(True)
        fill.SetConeAngle(90.0)  # VTK draws no shadows of lights in all directions
        fill.SetPosition(-2.6 * side, floor + 2.6, 5.2)
        fill.SetFocalPoint(0.0, floor + 0.9, 0.0)
        fill.SetColor(*COOL)
        fill.SetIntensity(FILL)
        self._renderer.AddLight(fill)
        self._renderer.UseImageBasedLightingOn()
        self._renderer.SetEnvironmentTexture(_surrounding(room), False)
        shadows = vtk.vtkShadowMapPass()
        shadows.GetShadowMapBakerPass().SetResolution(SHADOW_MAP)
        passes = vtk.vtkRenderPassCollection()
        passes.AddItem(shadows.GetShadowMapBakerPass())
        passes.AddItem(shadows)
        sequence, camera_pass = vtk.vtkSequencePass(), vtk.vtkCameraPass()
        sequence.SetPasses(passes)
        camera_pass.SetDelegatePass(sequence)
        self._renderer.SetPass(camera_pass)

    def _aim(self) -> None:
        eye = self._renderer.GetActiveCamera()
        eye.SetPosition(*self._camera.position)
        eye.SetFocalPoint(*self._camera.target)
        eye.SetViewUp(0.0, 1.0, 0.0)
        eye.SetViewAngle(VIEW_ANGLE)
        self._near, self._far = (
            0.5 * self._camera.distance,
            self._camera.distance + self._camera.target[2] - self._camera.wall + 2.0,
        )
        eye.SetClippingRange(self._near, self._far)

    def _shoot(self) -> tuple[UInt8[np.ndarray, "SH SW 3"], Float32[np.ndarray, "SH SW"]]:
        """The picture and its distances, at the sampled size."""
        vtk = _vtk()
        width, height = self._size
        self._renderer.GetActiveCamera().SetClippingRange(self._near, self._far)
        self._window.Render()
        pixels, buffer = vtk.vtkUnsignedCharArray(), vtk.vtkFloatArray()
        self._window.GetPixelData(0, 0, width - 1, height - 1, 0, pixels, 0)
        self._window.GetZbufferData(0, 0, width - 1, height - 1, buffer)
        rgb = _numpy_support().vtk_to_numpy(pixels).reshape(height, width, 3)[::-1]
        z = _numpy_support().vtk_to_numpy(buffer).reshape(height, width)[::-1]
        depth = self._near * self._far / (self._far - z * (self._far - self._near))
        return np.ascontiguousarray(rgb), depth.astype(np.float32)


FILL = 0.5  # brightness of the light that shadows leave
WARM, NEUTRAL, COOL = (1.0, 0.96, 0.90), (1.0, 0.98, 0.96), (0.90, 0.95, 1.0)


def _surrounding(room: Room) -> Any:
    """Light from all directions: bright above and at the window, the floor's and the walls' colours elsewhere."""
    vtk = _vtk()
    rows, columns = 32, 64
    height = np.linspace(-1, 1, rows)[:, None, None]  # the first row is below
    wall, floor = np.array(room.wall) ** 2.2, np.array(room.floor) ** 2.2
    light = np.where(height < 0, 0.30 * floor, 0.42 * wall + 0.25 * height**2)
    picture = np.broadcast_to(light, (rows, columns, 3)).astype(np.float32).copy()
    image = vtk.vtkImageData()
    image.SetDimensions(columns, rows, 1)
    image.GetPointData().SetScalars(_numpy_support().numpy_to_vtk(picture.reshape(-1, 3), deep=True))
    texture = vtk.vtkTexture()
    texture.SetInputData(image)
    texture.SetColorModeToDirectScalars()
    texture.MipmapOn()
    texture.InterpolateOn()
    return texture


def _actor(surface: Surface, material: Material) -> tuple[Any, Any]:
    """VTK's actor of a surface, and its mesh."""
    vtk = _vtk()
    mesh, points, cells = vtk.vtkPolyData(), vtk.vtkPoints(), vtk.vtkCellArray()
    triangles = surface.triangles
    triangles = triangles[triangles[:, 1] != triangles[:, 2]]
    cells.SetData(3, _numpy_support().numpy_to_vtkIdTypeArray(triangles.astype(np.int64).ravel(), deep=True))
    points.SetData(_array(surface.points))
    mesh.SetPoints(points)
    mesh.SetPolys(cells)
    mesh.GetPointData().SetNormals(_array(surface.normals))
    mesh.GetPointData().SetTangents(_array(surface.tangents))
    mesh.GetPointData().SetTCoords(_numpy_support().numpy_to_vtk(surface.uv.astype(np.float32), deep=True))
    mapper, actor = vtk.vtkPolyDataMapper(), vtk.vtkActor()
    mapper.SetInputData(mesh)
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetInterpolationToPBR()
    look.SetMetallic(0.0)
    look.SetRoughness(material.roughness)
    look.SetBaseColorTexture(_texture(np.rint(255 * np.clip(material.colour, 0, 1)).astype(np.uint8), srgb=True))
    if material.relief is not None:
        look.SetNormalTexture(_texture(_bent(material.relief, material.texel_m), srgb=False))
    if material.colour.shape[2] == 4:
        actor.ForceOpaqueOn()
        actor.GetShaderProperty().AddFragmentShaderReplacement(
            "//VTK::Normal::Impl", True, f"{CUT_OUT}\n//VTK::Normal::Impl\n", False
        )
    return actor, mesh


CUT_OUT = "if (texture(albedoTex, tcoordVCVSOutput).a < 0.5) { discard; }"


def _bent(relief: Float32[np.ndarray, "S S"], texel_m: float) -> UInt8[np.ndarray, "S S 3"]:
    """The normals of a relief as a picture."""
    down, right = np.gradient(relief / texel_m)
    normals = np.stack([-right, down, np.ones_like(relief)], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.rint(127.5 * (normals + 1)).astype(np.uint8)


def _texture(picture: UInt8[np.ndarray, "S S C"], srgb: bool) -> Any:
    vtk = _vtk()
    height, width, channels = picture.shape
    image, texture = vtk.vtkImageData(), vtk.vtkTexture()
    image.SetDimensions(width, height, 1)
    image.GetPointData().SetScalars(_numpy_support().numpy_to_vtk(picture[::-1].reshape(-1, channels), deep=True))
    texture.SetInputData(image)
    texture.SetUseSRGBColorSpace(srgb)
    texture.MipmapOn()
    texture.InterpolateOn()
    return texture


def _array(values: np.ndarray) -> Any:
    return _numpy_support().numpy_to_vtk(np.ascontiguousarray(values, dtype=np.float32), deep=True)


def _room(room: Room, floor: float, depth: float) -> list[tuple[Surface, Material]]:
    """Floor and wall."""
    half, top = STAGE_M / 2, floor + 8.0
    ground = _plane((-half, floor, half), (half, floor, half), (half, floor, depth), (-half, floor, depth))
    wall = _plane((-half, floor, depth), (half, floor, depth), (half, top, depth), (-half, top, depth))
    size = 512
    rows = np.linspace(0, 1, size)[:, None, None]
    grain = np.random.default_rng(3).standard_normal((size, size, 1)).astype(np.float32)
    speckle = 0.012 * cv2.GaussianBlur(grain, (0, 0), 1.0)[..., None]
    painted = np.array(room.wall) * (1.0 - 0.05 * rows) + 0 * grain
    return [
        (ground, Material((np.array(room.floor) + speckle).astype(np.float32), 0.62)),
        (wall, Material(painted.astype(np.float32), 0.95)),
    ]


def _plane(*corners: tuple[float, float, float]) -> Surface:
    """A rectangle from four corners, counter-clockwise from the front."""
    points = np.array(corners)
    right, up = points[1] - points[0], points[3] - points[0]
    normal = np.cross(right, up)
    spread = np.broadcast_to(normal / np.linalg.norm(normal), points.shape)
    tangents = np.broadcast_to(right / np.linalg.norm(right), points.shape)
    uv = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    return Surface(points, spread, tangents, uv, np.array([[0, 1, 2, 3]]), csr_matrix((4, 1)))


def _vtk() -> Any:
    """VTK, of the extra `human`: seconds to import, and needed by this look alone."""
    return import_module("vtk")


def _numpy_support() -> Any:
    return import_module("vtk.util.numpy_support")
