"""seeds -> synthetic songs, and videos of dancers dancing to them"""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from jaxtyping import Float32, UInt8

from dancegen import __version__, schema, storage
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.human.choreography import choreographed, lively
from dancegen.corpus.human.film import Dressed, prepare
from dancegen.corpus.human.film import film as human_film
from dancegen.corpus.human.wardrobe import PEOPLE
from dancegen.corpus.music.songs import RATE, synthesize
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.pictures.truth import write_openpose
from dancegen.corpus.recorded.joined import joined_dance
from dancegen.corpus.recorded.library import RecordedMove
from dancegen.corpus.structure import SongStructure, compose
from dancegen.drawing.draw import LOOKS
from dancegen.errors import StorageError, StorageUnreachableError
from dancegen.media.video import VideoWriter
from dancegen.media.wav import write_wav
from dancegen.steps.make_corpus.recorded import load_moves
from dancegen.steps.make_corpus.settings import MakeCorpusConfig


@dataclass(frozen=True)
class Shot:
    """A frame of a video."""

    picture: UInt8[np.ndarray, "H W 3"]
    joints_px: Float32[np.ndarray, "J 3"]
    mask: UInt8[np.ndarray, "H W"] | None


class MakeCorpus:
    """Table of seeds of songs and dancers in; one video per row and a table of videos out.

    reads    uri, song_uri, category (of the song), style (category of the dance), song_seed, dancer_seed
    writes   the video, the true joints (and for look=human the masks) of its frames beside it, its song, schema.VIDEOS
    on error the row stays, with `error` set and unknown columns null
    """

    def __init__(self, config: MakeCorpusConfig) -> None:
        self._config = config
        self._people: dict[str, Dressed] = {}
        self._moves: list[RecordedMove] = []

    def __call__(self, seeds: pa.Table) -> pa.Table:
        """Make the videos of a table."""
        return schema.table(schema.VIDEOS, [self.one(row) for row in seeds.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """Make one video, and its song unless it exists."""
        started = time.perf_counter()
        config = self._config
        structure = compose(row["category"], row["song_seed"], config.seconds)
        dancer = Dancer.from_seed(row["dancer_seed"])
        style = row["style"]
        made = {"uri": row["uri"], "version": __version__, "category": style, "fps": config.fps}
        made |= {"song": structure.song, "dancer": dancer.name}
        try:
            write_song(row["song_uri"], structure)
            joints_px = self._write_video(row["uri"], row["song_uri"], structure, dancer, style)
            with storage.writing_folder(f"{row['uri'].removesuffix('.mp4')}_openpose") as folder:
                write_openpose(folder, storage.stem(row["uri"]), joints_px)
        except StorageUnreachableError:
            raise
        except StorageError as error:
            return {**made, "error": str(error)}
        return {**made, "frames": len(joints_px), "wall_s": time.perf_counter() - started}

    def joints(self, structure: SongStructure, dancer: Dancer, style: str) -> np.ndarray:
        """The true joints of a drawn video, in pixels: float32 (T, J, 3). A dance of recordings has no style."""
        config = self._config
        if config.recordings is None:
            pose = choreograph(structure, dancer, config.fps, config.seed, style)
        else:
            pose = joined_dance(self._library(config.recordings), structure, dancer, config.fps, config.seed)
        return film(pose, config.width_px, config.height_px, structure.seed + dancer.seed)

    def _library(self, uri: str) -> list[RecordedMove]:
        """The recorded moves, read once."""
        if not self._moves:
            self._moves = load_moves(uri)
        return self._moves

    def _write_video(self, uri: str, song_uri: str, structure: SongStructure, dancer: Dancer, style: str) -> np.ndarray:
        """Write a video; returns its true joints in pixels."""
        config = self._config
        human = config.look == "human"
        shots = self._filmed(structure, dancer) if human else self._drawn(structure, dancer, style)
        with (
            storage.reading(song_uri) as song,
            storage.writing(uri) as path,
            VideoWriter(path, config.width_px, config.height_px, config.fps, sound=song) as writer,
            self._masks(uri) as masks,
        ):
            joints = []
            for number, shot in enumerate(shots):
                writer.write(shot.picture)
                joints.append(shot.joints_px)
                if masks and shot.mask is not None:
                    cv2.imwrite(str(masks / f"{number:012d}.png"), shot.mask)
        return np.stack(joints)

    def _masks(self, uri: str) -> AbstractContextManager[Path | None]:
        """The folder of the masks of a video, if its look has them."""
        if self._config.look != "human":
            return nullcontext(None)
        return storage.writing_folder(f"{uri.removesuffix('.mp4')}_masks")

    def _drawn(self, structure: SongStructure, dancer: Dancer, style: str) -> Iterator[Shot]:
        draw, size = LOOKS[self._config.look], (self._config.width_px, self._config.height_px)
        for joints in self.joints(structure, dancer, style):
            yield Shot(draw(joints, *size), joints, None)

    def _filmed(self, structure: SongStructure, dancer: Dancer) -> Iterator[Shot]:
        config = self._config
        dressed = self._dressed(config.people[dancer.seed % len(config.people)])
        seconds = np.arange(math.ceil(structure.seconds * config.fps)) / config.fps
        moves = choreographed if config.moves == "choreography" else lively
        dance = moves(dressed.body, structure, dancer, seconds, config.fps, config.seed)
        size = np.array([config.width_px, config.height_px, 1], dtype=np.float32)
        for frame in human_film(dressed, dance, config.height_px, config.width_px):
            yield Shot(frame.rgb, frame.joints * size, frame.mask)

    def _dressed(self, name: str) -> Dressed:
        """A person with body and clothes, prepared once."""
        if name not in self._people:
            self._people[name] = prepare(PEOPLE[name], self._config.human_assets)
        return self._people[name]


def write_song(uri: str, structure: SongStructure) -> None:
    """Write a song's audio unless the file exists: its content is deterministic."""
    if not storage.exists(uri):
        with storage.writing(uri) as path:
            write_wav(path, synthesize(structure), RATE)
