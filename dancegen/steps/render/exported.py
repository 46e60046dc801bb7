"""A song and its dance -> the files besides the video, in the formats of the settings.

Axes used in shapes:
    S samples (mono, 16 kHz)
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from dancegen import storage
from dancegen.checkpoints.identity import identity
from dancegen.exports import formats
from dancegen.exports.dance import Dance
from dancegen.exports.settings import ExportFormat
from dancegen.gan.dance_model import DanceModel
from dancegen.music.beats import hear
from dancegen.music.sections import find_sections
from dancegen.music.spectrum import bands_db
from dancegen.steps.render.dancing import Danced
from dancegen.steps.render.settings import PictureConfig

Files = Mapping[ExportFormat, str]
"""URI of the file of each format."""


def write_exports(
    files: Files,
    danced: Danced,
    samples: Float32[np.ndarray, " S"],
    model: DanceModel,
    picture: PictureConfig,
    size: tuple[int, int],
    song: tuple[str, str],
) -> None:
    """Write the files. `size` is that of the video in pixels; `song` is its URI and the hash of its content."""
    if not files:
        return
    bands = bands_db(samples)
    heard = hear(samples, bands) if danced.heard is None else danced.heard
    made = Dance(
        title=storage.stem(song[0]),
        joints_px=danced.joints_px,
        fps=picture.fps,
        width_px=size[0],
        height_px=size[1],
        poses=danced.poses,
        poses_fps=model.config.fps,
        seed=danced.seed,
        checkpoint_hash=dance_identity(picture),
        content_hash=song[1],
        heard=heard,
        sections=find_sections(bands, heard.downbeats_s),
    )
    for name, uri in files.items():
        formats.write(made, name, uri, picture.pose_video_size)


def dance_identity(picture: PictureConfig) -> str:
    """Identity of the dance model of the settings."""
    return _identity(picture.dance_model, storage.version(picture.dance_model))


@lru_cache(maxsize=4)
def _identity(checkpoint: str, version: str) -> str:
    del version
    return identity(storage.read_bytes(checkpoint))
