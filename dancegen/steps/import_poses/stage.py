"""external pose data -> poses: each recording of a source becomes a row like that of a video."""

import hashlib
import time
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from dancegen import schema, storage, tables
from dancegen.errors import DanceGenError, StorageUnreachableError
from dancegen.media import audio
from dancegen.media.wav import write_wav
from dancegen.music.sound import sound_columns
from dancegen.pose.choose import Dancer
from dancegen.pose.runs import NOBODY
from dancegen.pose.verdict import check_verdict, poses_columns
from dancegen.steps.import_poses.formats import recordings
from dancegen.steps.import_poses.formats.recording import BadRecording, Recording
from dancegen.steps.import_poses.settings import ImportPosesConfig

SOUNDS = "_sounds"  # suffix of the folder, beside the table, for audio that the data contains


class ImportPoses:
    """Table of sources in, table of imports out, one row each; their recordings go to the table of poses.

    reads    uri, version; the source
    writes   schema.POSES, one part per recording; audio that the data contains, as WAV; schema.IMPORTS
    on error the source's row stays, with `error` set; a bad recording is a row of poses with its `error`
    """

    def __init__(self, config: ImportPosesConfig) -> None:
        self._config = config

    def __call__(self, sources: pa.Table) -> pa.Table:
        """Import each source; returns the table of results."""
        return schema.table(schema.IMPORTS, [self.one(row) for row in sources.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """Import one source; returns its row of schema.IMPORTS."""
        started = time.monotonic()
        made: dict[str, Any] = {"uri": row["uri"], "version": row["version"], "recordings": 0, "bad": 0}
        try:
            for recording in recordings(self._config, row["uri"]):
                pose = self._pose(recording, row["version"])
                tables.write_part(self._config.poses, schema.table(schema.POSES, [pose]), recording.uri)
                made["bad" if pose.get("error") else "recordings"] += 1
        except StorageUnreachableError:
            raise
        except DanceGenError as error:
            made["error"] = str(error)
        return {**made, "wall_s": time.monotonic() - started}

    def _pose(self, recording: Recording | BadRecording, version: str) -> dict[str, Any]:
        """The row of schema.POSES of a recording."""
        row: dict[str, Any] = {"uri": recording.uri, "version": version, "attempts": 1}
        if isinstance(recording, BadRecording):
            return {**row, "error": recording.error}
        row |= {name: getattr(recording, name) for name in ("category", "song", "dancer")}
        row |= {
            "content_hash": hashlib.sha256(recording.joints.tobytes()).hexdigest(),
            "estimator": self._config.format,
            "people": 1.0,
        }
        try:
            row |= self._sound(recording)
            row |= poses_columns(
                _dancer(recording.joints),
                (),
                recording.fps,
                recording.width_px,
                recording.height_px,
                self._config.clean,
            )
            check_verdict(recording.uri, recording.joints, row, self._config.verdict)
        except StorageUnreachableError:
            raise
        except DanceGenError as error:
            row["error"] = str(error)
        return row

    def _sound(self, recording: Recording) -> dict[str, Any]:
        """URI and measures of the recording's audio; empty when there is none."""
        if recording.samples is not None:
            name = tables.part_name(recording.uri).replace(".parquet", ".wav")
            uri = storage.join(self._config.poses + SOUNDS, name)
            with storage.writing(uri) as path:
                write_wav(path, recording.samples, audio.SAMPLE_RATE)
            return {"audio_uri": uri, **sound_columns(recording.samples)}
        if recording.audio_uri is None:
            return {}
        with storage.reading(recording.audio_uri) as path:
            return {"audio_uri": recording.audio_uri, **sound_columns(audio.load(path, recording.audio_uri))}


def _dancer(joints: Float32[np.ndarray, "T 18 3"]) -> Dancer:
    there = (joints[..., 2] > 0).any(axis=1)
    return Dancer(joints, np.where(there, 0, NOBODY).astype(np.int32))
