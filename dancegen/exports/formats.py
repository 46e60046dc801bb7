"""A dance -> files of the formats in settings.ENDINGS."""

from collections.abc import Callable, Sequence
from pathlib import Path

from dancegen import storage
from dancegen.exports import timings
from dancegen.exports.bvh import write_bvh
from dancegen.exports.dance import Dance, save
from dancegen.exports.openpose import write_body18, write_body25
from dancegen.exports.pose_video import write_pose_video
from dancegen.exports.settings import ENDINGS, ExportFormat, size_px
from dancegen.music.beats import Heard
from dancegen.music.sections import Section

Text = Callable[[Heard, list[Section]], str]
WRITERS: dict[ExportFormat, Callable[[Dance, Path], None]] = {
    "npz": save,
    "openpose18": write_body18,
    "openpose25": write_body25,
    "bvh": write_bvh,
}
TEXTS: dict[ExportFormat, Text] = {
    "beats-csv": timings.beats_csv,
    "beats-srt": timings.beats_srt,
    "sections-csv": timings.sections_csv,
    "sections-srt": timings.sections_srt,
}


def places(formats: Sequence[ExportFormat], folder: str, stem: str) -> dict[ExportFormat, str]:
    """URI of the file of each format: `<folder>/<stem><ending>`."""
    return {name: storage.join(folder, stem + ENDINGS[name]) for name in formats}


def write(dance: Dance, name: ExportFormat, uri: str, pose_video_size: str) -> None:
    """Write a dance in one format. Raises StorageError when the URI cannot be written."""
    if name in TEXTS:
        storage.write_text(uri, TEXTS[name](dance.heard, dance.sections))
        return
    with storage.writing(uri) as path:
        if name == "pose-video":
            write_pose_video(dance, path, size_px(pose_video_size))
        else:
            WRITERS[name](dance, path)
