"""The output of importers, recordings of one dancer, and functions that importers share.

Axes used in shapes:
    N frames of the source    T frames at the requested rate    S samples
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
    """One dancer, recorded by one camera."""

    uri: str
    """Unique URI: <file>#<part> if a file contains several."""
    song: str
    dancer: str
    category: str
    joints: Float32[np.ndarray, "T 18 3"]
    """x and y as fractions of the frame, confidence; NaN where the confidence is 0 and the joint missing."""
    fps: float
    """Frames per second of the joints."""
    width_px: int
    height_px: int
    audio_uri: str | None = None
    """URI of its audio: an audio file or a video."""
    samples: Float32[np.ndarray, " S"] | None = None
    """The audio, mono at 16 kHz in [-1, 1], if the source contains it."""


@dataclass(frozen=True)
class BadRecording:
    """A part of a source that cannot be used, although the rest can."""

    uri: str
    error: str


def nearest_frames(times_s: Float[np.ndarray, " N"], fps: float) -> Int[np.ndarray, " T"]:
    """For each k/fps seconds, k = 0, 1, ..., the frame nearest in time, until the last frame ends.

    `times_s` increases; the last frame has the typical frame duration.
    """
    period = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1 / fps
    wanted_s = np.arange(max(1, math.ceil((times_s[-1] + period) * fps - SAME_TIME))) / fps
    halfway_s = (times_s[1:] + times_s[:-1]) / 2
    return np.searchsorted(halfway_s, wanted_s - SAME_TIME * period)


def frame_times(frames: int, source_fps: float) -> Float[np.ndarray, " N"]:
    """Times in seconds of frames at a constant rate."""
    return np.arange(frames) / source_fps


def find_sound(music: str | None, name: str, source: str) -> str | None:
    """The song or video <name>.* below the folder `music`; None when no folder is given.

    Raises BadMediaError when the folder has no such file, instead of importing `source` without audio.
    """
    if music is None:
        return None
    found = named(music, name)
    if not found:
        raise no_sound(music, name, source)
    return found[0]


def named(music: str, name: str) -> list[str]:
    """The audio and video files <name>.* below a folder."""
    return [file for file in _media(music) if storage.stem(file) == name]


def no_sound(music: str, name: str, source: str) -> BadMediaError:
    """The error for a source for which the folder `music` has no audio."""
    remedy = "Add it, or leave music unset to import without audio."
    return BadMediaError(source, f"has no audio: there is no {name}.* with audio in {music}.", remedy)


@lru_cache(maxsize=1)
def _media(music: str) -> list[str]:
    """Audio and video files below a folder, listed once per process."""
    return storage.find(music, SOUND_SUFFIXES + VIDEO_SUFFIXES)
