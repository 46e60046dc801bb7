"""poses -> clips: windows of five seconds with the joints, the audio and the rhythm of each."""

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from dancegen import schema, storage, tables
from dancegen.errors import BadMediaError, DanceGenError, StorageUnreachableError, TableError
from dancegen.media import audio
from dancegen.music.beats import rhythm
from dancegen.pose import windows
from dancegen.pose.clean import Mark
from dancegen.skeleton import COCO18
from dancegen.steps.cut_clips.settings import CutClipsConfig
from dancegen.steps.cut_clips.splits import LEFT_OUT

INT16 = 32767
DANCER_HELD_OUT = "its dancer is held out in another split"


class CutClips:
    """Table of videos in, table of cuts out, one row each; their clips go to the table of clips.

    reads    uri, version, split, category, copy_of (URI of its duplicate, if any); the row of schema.POSES; its audio
    writes   schema.CLIPS, one part per video, below <split>/; schema.CUTS
    on error the row stays, with `error` set; the video has no clips then
    """

    def __init__(self, config: CutClipsConfig) -> None:
        self._config = config

    def __call__(self, videos: pa.Table) -> pa.Table:
        """Cut each video; returns the table of results."""
        return schema.table(schema.CUTS, [self.one(row) for row in videos.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """Cut one video; returns its row of schema.CUTS."""
        started = time.monotonic()
        cut: dict[str, Any] = {name: row[name] for name in ("uri", "version", "split")}
        try:
            self._cut(row, cut)
        except StorageUnreachableError:
            raise
        except DanceGenError as error:
            storage.delete(storage.join(self._config.clips, row["split"], tables.part_name(row["uri"])))
            cut["error"] = str(error)
        return {**cut, "wall_s": time.monotonic() - started}

    def _cut(self, row: dict[str, Any], cut: dict[str, Any]) -> None:
        """Write the clips of a video; fills `cut` step by step, so that it is valid when an error is raised."""
        pose = tables.read_part(self._config.poses, schema.POSES, row["uri"])
        cut["left_out"] = []  # if set, the row's error is a verdict on the video, not a failure
        _check_new(row)
        _check_sound(pose, self._config)
        cut["left_out"] = None
        sound = _sound(pose["audio_uri"])
        found = self._windows(pose, len(sound))
        cut["left_out"] = sorted(found.left_out.items())
        if not found.kept:
            problem = f"contains no usable clip: {_formatted(found.left_out)}."
            raise BadMediaError(row["uri"], problem, "Use longer videos that show one dancer's whole body.")
        if row["split"] == LEFT_OUT:
            cut |= {"clips": 0, "left_out": [*cut["left_out"], (DANCER_HELD_OUT, len(found.kept))]}
            return
        clips = list(_clips(pose, found.kept, sound, row["split"]))
        tables.write_part(self._config.clips, schema.table(schema.CLIPS, clips), row["uri"], row["split"])
        cut["clips"] = len(clips)

    def _windows(self, pose: dict[str, Any], samples: int) -> windows.Windows:
        config = self._config
        return windows.cut(
            _joints(pose),
            schema.from_bytes(pose["tracks"], "int32", -1),
            pose["cuts"],
            config.frames,
            config.stride_frames,
            config.max_missing_share,
            sounding_frames=samples / _samples_a_frame(pose["fps"], pose["uri"]),
        )


def _clips(
    pose: dict[str, Any], kept: list[windows.Window], sound: Float32[np.ndarray, " S"], split: str
) -> Iterator[dict[str, Any]]:
    """Rows of schema.CLIPS."""
    fps, samples_a_frame = float(pose["fps"]), _samples_a_frame(pose["fps"], pose["uri"])
    joints, marks = _joints(pose), schema.from_bytes(pose["marks"], "uint8", -1, len(COCO18))
    sound = np.pad(sound, (0, max(0, len(joints) * samples_a_frame - len(sound))))
    heard = rhythm(sound, len(joints), fps)
    labels = {name: pose[name] for name in ("song", "dancer", "category", "loudness_db", "tempo_bpm")}
    for window in kept:
        start, stop = window.slice.start * samples_a_frame, window.slice.stop * samples_a_frame
        columns = {
            "joints": schema.to_bytes(joints[window.slice], "float32"),
            "audio": schema.to_bytes(np.round(sound[start:stop] * INT16), "int16"),
            "rhythm": schema.to_bytes(heard[window.slice], "float32"),
            "marks": schema.to_bytes(marks[window.slice], "uint8"),
        }
        yield {
            "clip_id": _clip_id(*columns.values()),
            "video_uri": pose["uri"],
            **labels,
            "split": split,
            "start_s": window.start_frame / fps,
            "fps": fps,
            "aspect": pose["width_px"] / pose["height_px"],
            **columns,
            "missing_share": window.missing_share,
            "repaired_share": float(np.isin(marks[window.slice], (Mark.FILLED, Mark.REPLACED)).mean()),
        }


def _joints(pose: dict[str, Any]) -> Float32[np.ndarray, "T 18 3"]:
    return schema.from_bytes(pose["joints"], "float32", -1, len(COCO18), 3)


def _clip_id(*content: bytes) -> str:
    """Id of a clip: a hash of its content, independent of path and run."""
    digest = hashlib.sha256()
    for part in content:
        digest.update(part)
    return digest.hexdigest()[:16]


def _check_new(row: dict[str, Any]) -> None:
    """Raise BadMediaError when the video is a duplicate of another one."""
    if row["copy_of"] is not None:
        remedy = "Its clips are written once; no action is required."
        raise BadMediaError(row["uri"], f"is a duplicate of {row['copy_of']}.", remedy)


def _check_sound(pose: dict[str, Any], config: CutClipsConfig) -> None:
    """Raise BadMediaError when there is no audio, or it is silent or has no steady beat."""
    if pose["audio_uri"] is None:
        raise BadMediaError(pose["uri"], "has no audio.", "Use videos with music in the audio track.")
    if pose["loudness_db"] < config.min_loudness_db:
        problem = f"is silent ({pose['loudness_db']:.0f} dBFS)."
        raise BadMediaError(pose["uri"], problem, "Use videos with audible music; min_loudness_db sets the limit.")
    if pose["tempo_confidence"] < config.min_tempo_confidence:
        problem = f"has no steady beat (confidence {pose['tempo_confidence']:.2f})."
        raise BadMediaError(pose["uri"], problem, "Use music with a beat; min_tempo_confidence sets the limit.")


def _samples_a_frame(fps: float, uri: str) -> int:
    if audio.SAMPLE_RATE % fps:
        problem = f"has {fps:g} poses per second, which does not divide {audio.SAMPLE_RATE} samples per second."
        raise TableError(uri, problem, "Extract the poses with fps=10.")
    return round(audio.SAMPLE_RATE / fps)


def _sound(uri: str) -> Float32[np.ndarray, " S"]:
    with storage.reading(uri) as path:
        return audio.normalize_loudness(audio.load(path, uri))


def _formatted(left_out: dict[str, int]) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in sorted(left_out.items()))
