"""songs -> dance videos

Axes used in shapes:
    S samples (mono, 16 kHz)
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from dancegen import schema, storage
from dancegen.checkpoints.checkpoint import load_model
from dancegen.errors import (
    BadMediaError,
    CheckpointError,
    ConfigError,
    StorageError,
    StorageUnreachableError,
)
from dancegen.gan.dance_model import DanceModel
from dancegen.media import audio
from dancegen.media.publish import publish
from dancegen.media.video import VideoWriter
from dancegen.media.write_behind import write_all
from dancegen.metrics import motion_quality, real_dances
from dancegen.music.beats import SURE
from dancegen.music.sound import sound_note, tempo_columns
from dancegen.pose.normalize import square
from dancegen.steps.render.candidates import best_dance
from dancegen.steps.render.dancing import WHOLE, Danced, Part
from dancegen.steps.render.exported import Files, write_exports
from dancegen.steps.render.looks.look import Look, load_look
from dancegen.steps.render.motions import Motions
from dancegen.steps.render.segments.division import segment_count
from dancegen.steps.render.settings import PictureConfig
from dancegen.steps.render.song_settings import SongSettings

NOTED_SHARE = 0.1  # of poses unlike the person's footage, from which the song gets a note
NOTED_SLIDE = 2 * real_dances.SLIDE_SHARE.high  # likewise of the ankles' path on the floor

KEPT = 4  # models and looks of earlier songs

Choreographer = Callable[[Float32[np.ndarray, " S"], DanceModel, Look, PictureConfig, str], Danced]
"""Makes the dance to samples, for a look, with the hash of the song's content: `candidates.best_dance`, or in its place
`motions.Motions` or `again.Again`."""
Progress = Callable[[int, int], None]
"""Called with the number of frames made so far, and of all."""


@dataclass(frozen=True)
class Rendered:
    """Properties of a video, or of the dance of a long song, which has no frames yet: columns of schema.RENDERS."""

    output_uri: str | None
    output_bytes: int | None
    output_hash: str | None
    content_hash: str  # of the song
    seconds: float
    frames: int
    fps: float
    wall_s: float
    compute_s: float
    motion_s: float
    pictures_s: float
    encoding_s: float
    tempo_bpm: float | None = None
    counted_bpm: float | None = None
    meter: str | None = None
    tempo_confidence: float | None = None
    out_of_range_share: float | None = None
    slide_share: float | None = None
    exports: list[str] | None = None
    dance_seed: int | None = None
    style: str | None = None
    energy: float | None = None
    candidate_scores: list[float] | None = None
    motion: str | None = None
    motion_reused: bool | None = None
    segments: int | None = None
    note: str | None = None


@dataclass(frozen=True)
class _Film:
    """The video of a song; without values, that of a long song, which is joined later."""

    output_uri: str | None = None
    frames: int = 0
    out_of_range_share: float | None = None
    output_bytes: int | None = None
    output_hash: str | None = None
    pictures_s: float = 0.0
    encoding_s: float = 0.0


class RenderSongs:
    """Table of songs in; one video per song and a table of results out.

    reads    uri, version, output_uri, new (the video does not exist yet), checkpoint_hash, exports (URI of the file of
             each of the settings' formats), settings (SongSettings as JSON), problem (why those of the table of songs
             cannot be used)
    writes   the videos and files of other formats, schema.RENDERS, and the dances to the table of motions
    on error the row stays, with `error` set and unknown columns null
    """

    def __init__(
        self,
        picture: PictureConfig,
        device: str = "cpu",
        motions: str | None = None,
        again: bool = False,
        longest_s: float | None = None,
        dances_only: bool = False,
    ) -> None:
        """`motions` is the URI of the table of motions; None keeps no dances. `again` reuses none of them. With
        `dances_only`, they are all that is made.

        A song longer than `longest_s` gets a number of segments instead of a video, unless its look is a person: a
        person's frame needs the one before it.
        """
        self._picture, self._motions, self._again, self._longest_s = picture, motions, again, longest_s
        self._dances_only = dances_only
        self._look = lru_cache(maxsize=KEPT)(lambda look: load_look(picture.model_copy(update={"look": look}), device))
        self._model = lru_cache(maxsize=KEPT)(lambda checkpoint: load_model(checkpoint, device))
        self._loaded(picture)

    def _loaded(self, picture: PictureConfig) -> tuple[DanceModel, Look]:
        """Model and look of the settings. Those of the last songs are kept."""
        return self._model(picture.checkpoint), self._look(picture.look)

    def __call__(self, songs: pa.Table) -> pa.Table:
        """Render the songs of a table."""
        return schema.table(schema.RENDERS, [self.one(song) for song in songs.to_pylist()])

    def one(self, song: dict[str, Any]) -> dict[str, Any]:
        """Render one song."""
        own = SongSettings.model_validate_json(song.get("settings") or "{}")
        picture = own.picture(self._picture)
        row = {**song, "exports": None, "seed": picture.seed, "look": picture.look}
        exports = dict(zip(picture.exports, song.get("exports") or (), strict=False))
        part = Part(own.start_s or 0.0, own.end_s)
        try:
            if song.get("problem"):
                return {**row, "output_uri": None, "error": song["problem"]}
            model, look = self._loaded(picture)
            make = self._choreographer(song, part)
            more = {"exports": exports, "part": part, "make": make, "new": song.get("new", False)}
            more["longest_s"] = None if look.person else self._longest_s
            more["dance_only"] = self._dances_only
            rendered = render_song(song["uri"], song["output_uri"], model, picture, look, **more)
        except StorageUnreachableError:
            raise
        except (BadMediaError, StorageError, CheckpointError, ConfigError) as error:
            return {**row, "output_uri": None, "error": str(error)}
        return {**row, **asdict(rendered)}

    def _choreographer(self, song: dict[str, Any], part: Part) -> Choreographer:
        if self._motions is None:
            return best_dance
        return Motions(self._motions, song["checkpoint_hash"], part, self._again)


def render_song(
    song: str,
    video: str,
    model: DanceModel,
    picture: PictureConfig,
    look: Look,
    progress: Progress = lambda done, frames: None,
    exports: Files | None = None,
    part: Part = WHOLE,
    make: Choreographer = best_dance,
    new: bool = False,
    longest_s: float | None = None,
    dance_only: bool = False,
) -> Rendered:
    """Make the dance video of a song, as long as the song or its part, with its audio.

    `make` makes the dance. The files of other formats are written before the video. With `new`, a video on S3 that
    another process has published meanwhile stays, and is the result. Memory does not grow with the number of frames.
    Of a song longer than `longest_s`, or with `dance_only`, only the dance and the files of other formats are made: the
    video is joined from segments (steps.render.segments), or made by another call.

    Raises BadMediaError when the song cannot be used, StorageError when a URI cannot be read or written.
    """
    wall_s, compute_s = time.perf_counter(), time.process_time()
    with storage.reading(song) as path:
        content_hash = storage.content_hash(str(path))
        samples = part.of(audio.load(path, song), song)
        danced = make(samples, model, look, picture, content_hash)
        motion_s = time.perf_counter() - wall_s
        joints, heard = danced.joints_px, danced.heard
        write_exports(exports or {}, danced, samples, model, picture, look.size, (song, content_hash))
        note = sound_note(samples, heard.confidence if heard else SURE, audio.track(path, song).note)
        segments = segment_count(len(joints), picture.fps, longest_s)
        film = _Film()
        if segments == 1 and not dance_only:
            pictures = look.pictures(joints, picture.fps, lambda done: progress(done, len(joints)))
            writer = partial(_writer, look, picture, path, part.start_s)
            made = publish(video, lambda unfinished: write_all(pictures.frames, writer(unfinished)), new)
            film = _Film(video, len(joints), pictures.out_of_range_share, **asdict(made))
    slide_share = motion_quality.slide_share(square(danced.poses, model.config.normalization))
    return Rendered(
        **asdict(film),
        content_hash=content_hash,
        seconds=film.frames / picture.fps,
        fps=picture.fps,
        wall_s=time.perf_counter() - wall_s,
        compute_s=time.process_time() - compute_s,
        motion_s=motion_s,
        **(tempo_columns(heard) if heard else {}),
        segments=segments if segments > 1 else None,
        slide_share=slide_share if np.isfinite(slide_share) else None,
        exports=[*exports.values()] if exports else None,
        dance_seed=danced.seed,
        style=danced.style,
        energy=picture.energy,
        candidate_scores=danced.scores,
        motion=danced.key,
        motion_reused=danced.reused if danced.key else None,
        note="; ".join(filter(None, (note, _range_note(film.out_of_range_share), _slide_note(slide_share)))) or None,
    )


def _writer(look: Look, picture: PictureConfig, sound: Path, sound_start_s: float, path: Path) -> VideoWriter:
    return VideoWriter(path, *look.size, picture.fps, sound, look.describe(picture), sound_start_s)


def _range_note(share: float | None) -> str | None:
    return f"{share:.0%} of its poses are unlike the person's footage" if (share or 0) > NOTED_SHARE else None


def _slide_note(share: float) -> str | None:
    if not share > NOTED_SLIDE:  # NaN: the feet do not move
        return None
    most = real_dances.SLIDE_SHARE.high
    return f"its feet slide: {share:.0%} of their path is on the floor (real dancers: at most {most:.0%})"
