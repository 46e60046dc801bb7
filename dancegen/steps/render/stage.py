"""songs -> dance videos"""

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from dancegen import schema, storage
from dancegen.checkpoints.checkpoint import load_model
from dancegen.drawing.draw import LOOKS
from dancegen.errors import BadMediaError, StorageError, StorageUnreachableError
from dancegen.gan.dance_model import DanceModel
from dancegen.media import audio
from dancegen.media.video import VideoWriter
from dancegen.music.beats import SURE, tempo
from dancegen.music.sound import sound_note
from dancegen.pose.normalize import place_in_frame, square
from dancegen.pose.resample import resample
from dancegen.steps.render.settings import PictureConfig

Progress = Callable[[np.ndarray], Iterable[np.ndarray]]


@dataclass(frozen=True)
class Rendered:
    """Properties of a finished video: columns of schema.RENDERS."""

    output_uri: str
    content_hash: str  # of the song
    seconds: float
    frames: int
    fps: float
    wall_s: float
    compute_s: float
    note: str | None = None


class RenderSongs:
    """Table of songs in; one video per song and a table of results out.

    reads    uri, version, output_uri, checkpoint_hash
    writes   the videos, and schema.RENDERS
    on error the row stays, with `error` set and unknown columns null
    """

    def __init__(self, picture: PictureConfig, device: str = "cpu") -> None:
        self._picture = picture
        self._model = load_model(picture.checkpoint, device)

    def __call__(self, songs: pa.Table) -> pa.Table:
        """Render the songs of a table."""
        return schema.table(schema.RENDERS, [self.one(song) for song in songs.to_pylist()])

    def one(self, song: dict[str, Any]) -> dict[str, Any]:
        """Render one song."""
        row = {**song, "seed": self._picture.seed, "look": self._picture.look}
        try:
            rendered = render_song(song["uri"], song["output_uri"], self._model, self._picture)
        except StorageUnreachableError:
            raise
        except (BadMediaError, StorageError) as error:
            return {**row, "output_uri": None, "error": str(error)}
        return {**row, **asdict(rendered)}


def song_seed(seed: int, content_hash: str) -> int:
    """The seed of one song's dance: the same song gets the same dance, independent of library and file name."""
    return int.from_bytes(hashlib.sha256(f"{seed} {content_hash}".encode()).digest()[:4])


def render_song(
    song: str, video: str, model: DanceModel, picture: PictureConfig, progress: Progress = iter
) -> Rendered:
    """Make the dance video of one song, as long as the song, with its audio. Memory does not grow with the frame count.

    Raises BadMediaError when the song cannot be used, StorageError when a URI cannot be read or written.
    """
    wall_s, compute_s = time.perf_counter(), time.process_time()
    with storage.reading(song) as path:
        content_hash = storage.content_hash(str(path))
        samples = audio.load(path, song)
        joints = dance(samples, model, picture, song_seed(picture.seed, content_hash))
        confidence = tempo(samples)[1] if model.config.rhythm else SURE
        note = sound_note(samples, confidence, audio.track(path, song).note)
        draw = LOOKS[picture.look]
        size = picture.width_px, picture.height_px
        with storage.writing(video) as unfinished, VideoWriter(unfinished, *size, picture.fps, sound=path) as writer:
            for joints_px in progress(joints):
                writer.write(draw(joints_px, *size))
    return Rendered(
        output_uri=video,
        content_hash=content_hash,
        seconds=len(joints) / picture.fps,
        frames=len(joints),
        fps=picture.fps,
        wall_s=time.perf_counter() - wall_s,
        compute_s=time.process_time() - compute_s,
        note=note,
    )


def dance(samples: Float32[np.ndarray, " S"], model: DanceModel, picture: PictureConfig, seed: int) -> np.ndarray:
    """The joints in every frame of a song's video, in pixels: float32 (frames, J, 3)."""
    frames = ceil(len(samples) / audio.SAMPLE_RATE * picture.fps)
    pose = square(model.dance(samples, seed), model.config.normalization)  # (T, J, 2)
    return place_in_frame(resample(pose, model.config.fps, picture.fps, frames), picture.width_px, picture.height_px)
