"""poses -> clips: windows of five seconds with the joints, the sound and the rhythm of each."""

import hashlib
import time
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa

from dancegen import schema, storage, tables
from dancegen.errors import BadMediaError, DanceGenError, TableError
from dancegen.media import audio
from dancegen.motion import clean, windows
from dancegen.motion.beats import rhythm
from dancegen.settings.cut_clips import CutClipsConfig
from dancegen.skeleton import COCO18

SILENT = 1e-4  # loudness (RMS) below which there is nothing to dance to
INT16 = 32767


class CutClips:
    """Table of videos in, table of cuts out, one row each; their clips go to the table of clips.

    reads    uri, version, split, category; the video's row of schema.POSES; its sound
    writes   schema.CLIPS, one part a video, below split=<split>/category=<category>/; schema.CUTS
    on error the row stays, with `error` set; the video has no clips then
    """

    def __init__(self, config: CutClipsConfig) -> None:
        self._config = config
        settings = config.model_dump(include={"frames", "max_gap_s"})
        self._mark = repr(sorted(settings.items()))  # the settings that change what is in a clip

    def __call__(self, videos: pa.Table) -> pa.Table:
        """What became of each video."""
        return schema.table(schema.CUTS, [self.one(row) for row in videos.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """What became of one video."""
        started = time.monotonic()
        cut: dict[str, Any] = {name: row[name] for name in ("uri", "version", "split")}
        folder = clips_folder(row["split"], row["category"])
        try:
            clips, left_out = self._clips(self._pose(row["uri"]), row["split"])
            tables.write_part(self._config.clips, schema.table(schema.CLIPS, clips), row["uri"], folder)
            cut |= {"clips": len(clips), "windows_left_out": left_out}
        except DanceGenError as error:
            storage.delete(storage.join(self._config.clips, folder, tables.part_name(row["uri"])))
            cut["error"] = str(error)
        return {**cut, "wall_s": time.monotonic() - started}

    def _pose(self, uri: str) -> dict[str, Any]:
        part = storage.join(self._config.poses, tables.part_name(uri))
        pose = tables.read(part, schema.POSES).to_pylist()[0]
        if pose["audio_uri"] is None:
            raise BadMediaError(uri, "has no sound.", "Use videos with the music in them.")
        return pose

    def _clips(self, pose: dict[str, Any], split: str) -> tuple[list[dict[str, Any]], int]:
        """Rows of schema.CLIPS, and how many windows gave none."""
        config, fps, uri = self._config, float(pose["fps"]), pose["uri"]
        samples_a_frame = _samples_a_frame(fps, uri)
        raw = schema.from_bytes(pose["joints"], "float32", -1, len(COCO18), 3)
        aspect = pose["width_px"] / pose["height_px"]
        joints = clean.fill_gaps(clean.reject_leaps(raw, fps, aspect), fps, config.max_gap_s)
        sound = _sound(pose["audio_uri"])
        cut = windows.cut(
            joints, config.frames, config.stride_frames, config.max_missing_share, len(sound) / samples_a_frame
        )
        if not cut.kept:
            raise BadMediaError(
                uri, f"gives no clip: {_told(cut.left_out)}.", "Use longer videos of one dancer, seen whole."
            )
        sound = np.pad(sound, (0, max(0, len(raw) * samples_a_frame - len(sound))))
        heard = rhythm(sound, len(raw), fps)
        clips = []
        for window in cut.kept:
            start, stop = window.slice.start * samples_a_frame, window.slice.stop * samples_a_frame
            clips.append(
                {
                    "clip_id": self._clip_id(pose["content_hash"], window.start_frame / fps, fps),
                    "video_uri": uri,
                    **{name: pose[name] for name in ("song", "dancer", "category")},
                    "split": split,
                    "start_s": window.start_frame / fps,
                    "fps": fps,
                    "aspect": aspect,
                    "joints": schema.to_bytes(joints[window.slice], "float32"),
                    "audio": schema.to_bytes(np.round(sound[start:stop] * INT16), "int16"),
                    "rhythm": schema.to_bytes(heard[window.slice], "float32"),
                    "missing_share": float((raw[window.slice, :, 2] <= 0).mean()),
                }
            )
        return clips, sum(cut.left_out.values())

    def _clip_id(self, content_hash: str, start_s: float, fps: float) -> str:
        return hashlib.sha256(f"{content_hash} {start_s:.3f} {fps:g} {self._mark}".encode()).hexdigest()[:16]


def clips_folder(split: str, category: str) -> str:
    """The folder of a video's clips within the table."""
    return f"split={split}/category={quote(category, safe='')}"


def _samples_a_frame(fps: float, uri: str) -> int:
    if audio.SAMPLE_RATE % fps:
        problem = f"has {fps:g} poses a second, which does not divide {audio.SAMPLE_RATE} samples a second."
        raise TableError(uri, problem, "Extract the poses with fps=10.")
    return round(audio.SAMPLE_RATE / fps)


def _sound(uri: str) -> np.ndarray:
    with storage.reading(uri) as path:
        samples = audio.load(path, uri)
    if float(np.sqrt(np.mean(samples**2))) < SILENT:
        raise BadMediaError(uri, "is silent.", "Use videos with the music in them.")
    return audio.normalize_loudness(samples)


def _told(left_out: dict[str, int]) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in sorted(left_out.items()))
