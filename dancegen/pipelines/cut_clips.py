"""poses -> clips, on Ray Data."""

from typing import Any

import pyarrow.dataset as pads

from dancegen import schema, storage, tables
from dancegen.pipelines.table_job import Summary, TableJob, run_table_job
from dancegen.settings.cut_clips import CutClipsConfig
from dancegen.stages.cut_clips import CutClips, clips_folder
from dancegen.stages.splits import split_songs

COLUMNS = ["uri", "version", "song", "category", "fps", "frames", "missing_share", "estimator", "audio_uri"]


def run(config: CutClipsConfig) -> Summary:
    """Cut the poses and the sound of every video that has poses. What is as before is skipped."""
    poses = tables.read(config.poses, schema.POSES, COLUMNS, where=pads.field("error").is_null()).to_pylist()
    split = split_songs([row for row in poses if row["audio_uri"]], config.test_share)
    rows = [_row(row, split.get(row["song"], "train")) for row in poses]
    deciding = config.model_dump(mode="json", include={"frames", "stride_frames", "max_gap_s", "max_missing_share"})
    cuts = f"{config.clips.rstrip('/')}_cuts"
    tables.begin(config.clips, schema.CLIPS, deciding, config.overwrite)
    _tidy(config.clips, cuts, rows)
    return run_table_job(TableJob("videos", cuts, schema.CUTS, CutClips, (config,), deciding), rows, config)


def _row(pose: dict[str, Any], split: str) -> dict[str, Any]:
    """What the stage works on. The version changes with all that changes the clips."""
    marks = ("version", "estimator", "fps", "frames", "missing_share", "category", "song")
    version = "|".join(str(pose[mark]) for mark in marks)
    return {"uri": pose["uri"], "version": f"{version}|{split}", "split": split, "category": pose["category"]}


def _tidy(clips: str, cuts: str, rows: list[dict[str, Any]]) -> None:
    """Delete clips that are not where today's split has them, and what is said of videos that have no clips."""
    names = {row["uri"]: tables.part_name(row["uri"]) for row in rows}
    places = {storage.join(clips, clips_folder(row["split"], row["category"]), names[row["uri"]]) for row in rows}
    present = set(tables.parts(clips))
    for stray in present - places:
        storage.delete(stray)
    with_clips = {storage.name(part) for part in present & places}
    for part in tables.parts(cuts):
        if storage.name(part) not in with_clips:
            storage.delete(part)
