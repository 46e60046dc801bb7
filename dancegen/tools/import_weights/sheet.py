"""Conditions and generated pictures side by side, to check the facts that the file of a generator does not contain.

Axes used in shapes:
    N poses    H rows    W columns
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from dancegen.renderer.condition import draw_condition
from dancegen.renderer.driving.film import Film
from dancegen.renderer.person import Person

POSES, HEIGHT_PX = 6, 256  # on the sheet; rows of a picture
REPEATED = 4  # times that a pose is generated, where a picture depends on the one before
JPEG_QUALITY = 90


def contact_sheet(person: Person, joints: Float32[np.ndarray, "N 18 3"]) -> bytes:
    """A JPEG of some poses, evenly spaced: the condition above the generated picture."""
    known = joints[(joints[..., 2] > 0).all(axis=1)]
    poses = known[np.unique(np.linspace(0, len(known) - 1, min(POSES, len(known))).round().astype(int))]
    film = Film(person)
    columns = []
    for pose in poses:
        condition = draw_condition(torch.from_numpy(pose[None]), person.height_px, person.width_px, person.config)
        *_, made = film.rolled_out(np.repeat(pose[None], REPEATED, axis=0))
        columns.append(np.vstack([_as_bytes(condition[0].numpy()), made]))
    sheet = np.hstack(columns)
    scale = 2 * HEIGHT_PX / sheet.shape[0]
    sheet = cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def _as_bytes(condition: Float[np.ndarray, "3 H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """A stick figure in [-1, 1] as a picture."""
    return ((condition.transpose(1, 2, 0) + 1) * 127.5).round().clip(0, 255).astype(np.uint8)
