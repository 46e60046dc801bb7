"""What every importer gives: recordings of one dancer, and what they share in making them.

Axes used in shapes:
    N frames of the source    T frames at the wanted rate    S samples
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Int

from dancegen import storage
from dancegen.errors import BadMediaError
from dancegen.media.container import SOUND_SUFFIXES, VIDEO_SUFFIXES

SAME_TIME = 1e-6  # of a frame


@dataclass(frozen=True)
class Recording:
    """One dancer, seen by one camera."""

    uri: str
    """Where it comes from, unique: <file>#<part> where a file holds several."""
    song: str
    dancer: str
    category: str
    joints: Float32[np.ndarray, "T 18 3"]
    """x and y as fractions of the frame, confidence; NaN where the confidence is 0 and the joint missing."""
    fps: float
    """Of the joints."""
    width_px: int
    height_px: int
    audio_uri: str | None = None
    """Where its sound is: a sound file or a video."""
    samples: Float32[np.ndarray, " S"] | None = None
    """The sound itself, mono at 16 kHz in [-1, 1], where the source holds it."""


@dataclass(frozen=True)
class BadRecording:
    """A part of a source that cannot be used, while the rest of it can."""

    uri: str
    error: str


def nearest_frames(times_s: Float[np.ndarray, " N"], fps: float) -> Int[np.ndarray, " T"]:
    """For each k/fps seconds, k = 0, 1, ..., the frame nearest in time, until the last frame is over.

    `times_s` rises; the last frame lasts as long as frames mostly do.
    """
    period = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1 / fps
    wanted_s = np.arange(max(1, math.ceil((times_s[-1] + period) * fps - SAME_TIME))) / fps
    halfway_s = (times_s[1:] + times_s[:-1]) / 2
    return np.searchsorted(halfway_s, wanted_s - SAME_TIME * period)


def frame_times(frames: int, source_fps: float) -> Float[np.ndarray, " N"]:
    """When each frame of a steady rate is shown, in seconds."""
    return np.arange(frames) / source_fps


def find_sound(music: str | None, name: str, source: str) -> str | None:
    """The song or video <name>.* below the folder `music`; None when no folder is given.

    Raises BadMediaError when the folder has no such file: `source` would silently have no sound.
    """
    if music is None:
        return None
    found = named(music, name)
    if not found:
        raise no_sound(music, name, source)
    return found[0]


def named(music: str, name: str) -> list[str]:
    """The sound and video files <name>.* below a folder."""
    return [file for file in _media(music) if storage.stem(file) == name]


def no_sound(music: str, name: str, source: str) -> BadMediaError:
    """What is wrong with a source for which `music` has nothing that sounds."""
    remedy = "Add it, or leave music unset to import without sound."
    return BadMediaError(source, f"has no sound: there is no {name}.* with sound in {music}.", remedy)


@lru_cache(maxsize=1)
def _media(music: str) -> list[str]:
    """Sound and video files below a folder: listed once for all sources that a process works on."""
    return storage.find(music, SOUND_SUFFIXES + VIDEO_SUFFIXES)
