"""songs -> dance videos"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from dancegen import schema, storage
from dancegen.checkpoints.checkpoint import load_model
from dancegen.errors import BadMediaError, StorageError, StorageUnreachableError
from dancegen.gan.dance_model import DanceModel
from dancegen.media import audio
from dancegen.media.video import VideoWriter
from dancegen.media.write_behind import WriteBehind
from dancegen.music.beats import SURE, hear
from dancegen.music.sound import sound_note, tempo_columns
from dancegen.pose.normalize import place_in_frame, square
from dancegen.pose.resample import resample
from dancegen.steps.render.looks import Look, load_look
from dancegen.steps.render.settings import PictureConfig

NOTED_SHARE = 0.1  # of poses unlike the person's footage, from which the song gets a note

Progress = Callable[[int, int], None]
"""Called with the number of frames made so far, and of all."""


@dataclass(frozen=True)
class Rendered:
    """Properties of a finished video: columns of schema.RENDERS."""

    output_uri: str
    output_bytes: int
    output_hash: str
    content_hash: str  # of the song
    seconds: float
    frames: int
    fps: float
    wall_s: float
    compute_s: float
    tempo_bpm: float | None = None
    counted_bpm: float | None = None
    meter: str | None = None
    tempo_confidence: float | None = None
    out_of_range_share: float | None = None
    note: str | None = None


class RenderSongs:
    """Table of songs in; one video per song and a table of results out.

    reads    uri, version, output_uri, checkpoint_hash
    writes   the videos, and schema.RENDERS
    on error the row stays, with `error` set and unknown columns null
    """

    def __init__(self, picture: PictureConfig, device: str = "cpu") -> None:
        self._picture = picture
        self._look = load_look(picture, device)
        self._model = load_model(picture.checkpoint, device)

    def __call__(self, songs: pa.Table) -> pa.Table:
        """Render the songs of a table."""
        return schema.table(schema.RENDERS, [self.one(song) for song in songs.to_pylist()])

    def one(self, song: dict[str, Any]) -> dict[str, Any]:
        """Render one song."""
        row = {**song, "seed": self._picture.seed, "look": self._picture.look}
        try:
            rendered = render_song(song["uri"], song["output_uri"], self._model, self._picture, self._look)
        except StorageUnreachableError:
            raise
        except (BadMediaError, StorageError) as error:
            return {**row, "output_uri": None, "error": str(error)}
        return {**row, **asdict(rendered)}


def song_seed(seed: int, content_hash: str) -> int:
    """The seed of one song's dance: the same song gets the same dance, independent of library and file name."""
    return int.from_bytes(hashlib.sha256(f"{seed} {content_hash}".encode()).digest()[:4])


def render_song(
    song: str,
    video: str,
    model: DanceModel,
    picture: PictureConfig,
    look: Look,
    progress: Progress = lambda done, frames: None,
) -> Rendered:
    """Make the dance video of one song, as long as the song, with its audio. Memory does not grow with the frame count.

    Raises BadMediaError when the song cannot be used, StorageError when a URI cannot be read or written.
    """
    wall_s, compute_s = time.perf_counter(), time.process_time()
    with storage.reading(song) as path:
        content_hash = storage.content_hash(str(path))
        samples = audio.load(path, song)
        joints = dance(samples, model, look.size, picture.fps, song_seed(picture.seed, content_hash))
        heard = hear(samples) if model.config.rhythm else None
        note = sound_note(samples, heard.confidence if heard else SURE, audio.track(path, song).note)
        pictures = look.pictures(joints, picture.fps, lambda done: progress(done, len(joints)))
        with storage.writing(video) as unfinished:
            with (
                VideoWriter(unfinished, *look.size, picture.fps, path, look.description) as writer,
                WriteBehind(writer) as behind,
            ):
                for frame in pictures.frames:
                    behind.write(frame)
            output_bytes, output_hash = unfinished.stat().st_size, storage.content_hash(str(unfinished))
    return Rendered(
        output_uri=video,
        output_bytes=output_bytes,
        output_hash=output_hash,
        content_hash=content_hash,
        seconds=len(joints) / picture.fps,
        frames=len(joints),
        fps=picture.fps,
        wall_s=time.perf_counter() - wall_s,
        compute_s=time.process_time() - compute_s,
        **(tempo_columns(heard) if heard else {}),
        out_of_range_share=pictures.out_of_range_share,
        note="; ".join(filter(None, (note, _range_note(pictures.out_of_range_share)))) or None,
    )


def _range_note(share: float | None) -> str | None:
    return f"{share:.0%} of its poses are unlike the person's footage" if (share or 0) > NOTED_SHARE else None


def dance(
    samples: Float32[np.ndarray, " S"], model: DanceModel, size: tuple[int, int], fps: float, seed: int
) -> np.ndarray:
    """The joints in every frame of a song's video, in pixels of a frame of this size: float32 (frames, J, 3)."""
    frames = ceil(len(samples) / audio.SAMPLE_RATE * fps)
    pose = square(model.dance(samples, seed), model.config.normalization)  # (T, J, 2)
    return place_in_frame(resample(pose, model.config.fps, fps, frames), *size)
