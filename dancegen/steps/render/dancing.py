"""A song -> its dance, in the frames of its video.

Axes used in shapes:
    S samples (mono, 16 kHz)    P samples of a part    T poses of the model    F frames of the video    J joints
"""

import hashlib
from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Float32

from dancegen.errors import BadMediaError
from dancegen.gan.dance_model import DanceModel
from dancegen.gan.styles import AUTO, NONE
from dancegen.media import audio
from dancegen.music.beats import Heard
from dancegen.pose.normalize import place_in_frame, square
from dancegen.pose.resample import resample
from dancegen.pose.section import Section


@dataclass(frozen=True)
class Danced:
    """A dance to a song."""

    poses: Float32[np.ndarray, "T J 2"]
    """In the model's normalisation."""
    joints_px: Float32[np.ndarray, "F J 3"]
    """x, y in pixels and confidence in each frame of the video."""
    seed: int
    heard: Heard | None
    """The beats of the song; None for a model without rhythm input."""
    style: str | None = None
    """Style of the dance; None for none, or if it is not known."""
    scores: list[float] | None = None
    """Score of each candidate; None if the dance was not chosen from several."""
    key: str | None = None
    """Its key in the table of motions; None if it is not kept."""
    reused: bool = False
    """Whether it was taken from the table of motions."""


@dataclass(frozen=True)
class Part:
    """The part of a song that is danced to."""

    start_s: float = 0.0
    end_s: float | None = None

    def of(self, samples: Float32[np.ndarray, " S"], song: str) -> Float32[np.ndarray, " P"]:
        """The samples of the part. Raises BadMediaError when the song ends before it."""
        end = None if self.end_s is None else round(self.end_s * audio.SAMPLE_RATE)
        found = samples[round(self.start_s * audio.SAMPLE_RATE) : end]
        if len(found) < audio.MIN_SECONDS * audio.SAMPLE_RATE:
            problem = (
                f"lasts {len(samples) / audio.SAMPLE_RATE:.1f} s, and start_s={self.start_s:g}, end_s={self.end_s}."
            )
            raise BadMediaError(song, problem, "Correct its row in the table of songs.")
        return found


WHOLE = Part()


def song_seed(seed: int, content_hash: str, candidate: int = 0) -> int:
    """The seed of one song's dance: the same song gets the same dance, independent of library and file name."""
    text = " ".join([str(seed), content_hash, *([str(candidate)] if candidate else [])])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def chosen_style(
    setting: str, samples: Float32[np.ndarray, " S"], model: DanceModel, heard: Heard | None = None
) -> str | None:
    """The style of the dance to a song: that of the setting, for `auto` the one that fits the music best.

    `heard` is `model.hear(samples)`, if known.
    """
    if setting == AUTO:
        return model.style_of(samples, heard)
    return None if setting == NONE else setting


def dance(
    samples: Float32[np.ndarray, " S"],
    model: DanceModel,
    size: tuple[int, int],
    fps: float,
    seed: int,
    heard: Heard | None = None,
    style: str | None = None,
    section: Section | None = None,
    energy: float | None = None,
) -> Danced:
    """The dance of a seed, in frames of this width and height in pixels. `heard` is `model.hear(samples)`, if known.

    With a `section` of another dance, its frames fit that dance if the model can do that.
    """
    heard = model.hear(samples) if heard is None else heard
    poses = model.dance(samples, seed, heard=heard, style=style, section=section, energy=energy)
    return Danced(poses, placed(poses, samples, model, size, fps), seed, heard, style)


def placed(
    poses: Float32[np.ndarray, "T J 2"],
    samples: Float32[np.ndarray, " S"],
    model: DanceModel,
    size: tuple[int, int],
    fps: float,
) -> Float32[np.ndarray, "F J 3"]:
    """Joints in pixels in each frame of the video of a song."""
    seconds = len(samples) / audio.SAMPLE_RATE
    return in_frames(poses, model.config.fps, model.config.normalization, seconds, size, fps)


def in_frames(
    poses: Float32[np.ndarray, "T J 2"],
    poses_fps: float,
    normalization: str,
    seconds: float,
    size: tuple[int, int],
    fps: float,
) -> Float32[np.ndarray, "F J 3"]:
    """Joints in pixels in each frame of a video of so many seconds."""
    return place_in_frame(resample(square(poses, normalization), poses_fps, fps, ceil(seconds * fps)), *size)
