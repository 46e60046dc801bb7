"""seeds -> synthetic songs, and videos of dancers dancing to them"""

import time
from typing import Any

import numpy as np
import pyarrow as pa

from dancegen import __version__, schema, storage
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.pictures.truth import write_openpose
from dancegen.corpus.structure import SongStructure, compose
from dancegen.drawing.draw import LOOKS
from dancegen.errors import StorageError, StorageUnreachableError
from dancegen.media.video import VideoWriter
from dancegen.media.wav import write_wav
from dancegen.steps.make_corpus.settings import MakeCorpusConfig


class MakeCorpus:
    """Table of seeds of songs and dancers in; one video per row and a table of videos out.

    reads    uri, song_uri, category, song_seed, dancer_seed
    writes   the video, the true joints of its frames beside it, its song, and schema.VIDEOS
    on error the row stays, with `error` set and unknown columns null
    """

    def __init__(self, config: MakeCorpusConfig) -> None:
        self._config = config

    def __call__(self, seeds: pa.Table) -> pa.Table:
        """Make the videos of a table."""
        return schema.table(schema.VIDEOS, [self.one(row) for row in seeds.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """Make one video, and its song unless it exists."""
        started = time.perf_counter()
        config = self._config
        structure = compose(row["category"], row["song_seed"], config.seconds)
        dancer = Dancer.from_seed(row["dancer_seed"])
        made = {"uri": row["uri"], "version": __version__, "category": structure.category, "fps": config.fps}
        made |= {"song": structure.song, "dancer": dancer.name}
        joints_px = self.joints(structure, dancer)
        try:
            write_song(row["song_uri"], structure)
            self._write_video(row["uri"], row["song_uri"], joints_px)
            with storage.writing_folder(f"{row['uri'].removesuffix('.mp4')}_openpose") as folder:
                write_openpose(folder, storage.stem(row["uri"]), joints_px)
        except StorageUnreachableError:
            raise
        except StorageError as error:
            return {**made, "error": str(error)}
        return {**made, "frames": len(joints_px), "wall_s": time.perf_counter() - started}

    def joints(self, structure: SongStructure, dancer: Dancer) -> np.ndarray:
        """The true joints of a video, in pixels: float32 (T, J, 3)."""
        config = self._config
        pose = choreograph(structure, dancer, config.fps, config.seed)
        return film(pose, config.width_px, config.height_px, structure.seed + dancer.seed)

    def _write_video(self, uri: str, song_uri: str, joints_px: np.ndarray) -> None:
        draw, size = LOOKS[self._config.look], (self._config.width_px, self._config.height_px)
        with (
            storage.reading(song_uri) as song,
            storage.writing(uri) as path,
            VideoWriter(path, *size, self._config.fps, sound=song) as writer,
        ):
            for joints in joints_px:
                writer.write(draw(joints, *size))


def write_song(uri: str, structure: SongStructure) -> None:
    """Write a song's audio unless the file exists: its content is deterministic."""
    if not storage.exists(uri):
        with storage.writing(uri) as path:
            write_wav(path, synthesize(structure), RATE)
