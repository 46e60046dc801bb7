"""table of poses -> moves of recorded dancers, for dances that are joined from them"""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.dataset as pads
from jaxtyping import Float32, Float64

from dancegen import schema, storage, tables
from dancegen.corpus.recorded.library import RecordedMove, moves_of, recording
from dancegen.corpus.recorded.tempo import danced_beats
from dancegen.errors import ConfigError
from dancegen.media import audio
from dancegen.music.beats import beat_times
from dancegen.pose.runs import unbroken_runs
from dancegen.skeleton import COCO18

COLUMNS = ["uri", "song", "fps", "width_px", "height_px", "joints", "tracks", "cuts", "audio_uri"]
AIST_SONG = re.compile(r"m(?P<genre>[A-Z]{2})(?P<number>[0-5])")
"""Names of the songs of AIST (Tsuchida et al., ISMIR 2019), which say the tempo: 80 to 130 bpm, house 110 to 135."""


def load_moves(uri: str) -> list[RecordedMove]:
    """The moves of all recordings of a table of poses. Raises ConfigError when there is none."""
    rows = tables.read(uri, schema.POSES, COLUMNS, where=pads.field("error").is_null()).sort_by("uri").to_pylist()
    moves = [move for row in rows for move in _moves(row)]
    if not moves:
        problem = f"has no eight beats of one dancer in {len(rows)} recordings."
        raise ConfigError(f"recordings={uri}", problem, "Use longer recordings of dances, imported with fps=30.")
    return moves


def known_tempo(song: str) -> float | None:
    """Beats per minute that the name of a song of AIST says; None for other names."""
    name = AIST_SONG.fullmatch(song)
    if name is None:
        return None
    number = int(name["number"])
    return 110.0 + 5.0 * number if name["genre"] == "HO" else 80.0 + 10.0 * number


def _moves(row: dict[str, Any]) -> Iterator[RecordedMove]:
    joints = schema.from_bytes(row["joints"], "float32", -1, len(COCO18), 3)
    fps, aspect = float(row["fps"]), row["width_px"] / row["height_px"]
    music = _beats(row["audio_uri"])
    for run in unbroken_runs(schema.from_bytes(row["tracks"], "int32", -1), row["cuts"]):
        part: Float32[np.ndarray, "T 18 3"] = joints[run]
        silent = recording(row["uri"], part, aspect, fps, np.zeros(0))
        beats = danced_beats(silent.pose, fps, known_tempo(row["song"])) if music is None else music - run.start / fps
        yield from moves_of(recording(row["uri"], part, aspect, fps, beats[beats >= 0]))


def _beats(audio_uri: str | None) -> Float64[np.ndarray, " N"] | None:
    """Beats of the music, if there is any."""
    if audio_uri is None:
        return None
    with storage.reading(audio_uri) as path:
        beats = beat_times(audio.load(path, audio_uri))
    return beats if len(beats) else None
