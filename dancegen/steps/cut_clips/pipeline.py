"""poses -> clips, on Ray Data."""

from itertools import combinations
from typing import Any

from dancegen import outputs, schema, storage, tables
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.engine.table_jobs.summary import Summary
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.logs import notify
from dancegen.pages.report import COLUMNS, report_folder, write_pages
from dancegen.schema import UNKNOWN
from dancegen.steps.cut_clips.same_songs import song_groups
from dancegen.steps.cut_clips.settings import CutClipsConfig
from dancegen.steps.cut_clips.splits import LEFT_OUT, SIDES, TEST, TRAIN, VALIDATION, split

CUT_CLIPS = LazyStage("dancegen.steps.cut_clips.stage:CutClips")
# a change of any of these changes the clips
MARKS = ("version", "estimator", "fps", "frames", "missing_share", "repaired_share", "category", "song", "dancer")
CUTS = "_cuts"  # suffix of the name of the table, which is beside that of the clips
MATCHES = "_matches"  # and of the table of videos with matching audio
DECIDING = {"frames", "stride_frames", "max_missing_share", "min_loudness_db", "min_tempo_confidence"}

Row = dict[str, Any]


def run(config: CutClipsConfig) -> Summary:
    """Cut the poses and the audio of every video that has poses. Unchanged videos are skipped."""
    columns = sorted({*COLUMNS, *MARKS, "audio_uri", "fingerprint", "content_hash"})
    poses = tables.read(config.poses, schema.POSES, columns).to_pylist()
    outputs.check(config, (pose["audio_uri"] for pose in poses if pose["audio_uri"]))
    deciding = config.model_dump(mode="json", include=DECIDING)
    cuts = config.clips + CUTS
    tables.begin(config.clips, schema.CLIPS, deciding, config.overwrite)
    there, said = set(tables.parts(config.clips)), _clips_of(cuts)
    copies = _copies(poses)
    rows = [_row(config, pose, side, copies.get(pose["uri"]), there, said) for pose, side in _sides(config, poses)]
    _remove_strays(config, rows, there)
    stage = (CUT_CLIPS, (config,))
    job = TableJob("videos", cuts, schema.CUTS, *stage, deciding, unit="clips", judged="left_out", ray_data=True)
    try:
        return run_table_job(job, rows, config)
    finally:
        if config.report and tables.parts(cuts):
            _write_report(config, poses, cuts)


def _sides(config: CutClipsConfig, poses: list[Row]) -> list[tuple[Row, str]]:
    """The good videos, each with its split; prints the numbers of songs and dancers per split."""
    good = [pose for pose in poses if pose["error"] is None]
    heard = {pose["uri"]: pose["fingerprint"] for pose in good if pose["fingerprint"] and pose["audio_uri"]}
    groups = song_groups(heard, config.clips + MATCHES)
    sounding = [pose for pose in good if pose["uri"] in heard]
    sides = split(sounding, config.test_share, config.validation_share, config.apart, groups)
    if sounding:
        notify(_split_summary(sounding, sides, groups))
    return [(pose, sides.get(pose["uri"], TRAIN)) for pose in good]


def _copies(poses: list[Row]) -> dict[str, str]:
    """Uri of each good duplicate video -> uri of the original, which is the first by name."""
    first: dict[str, str] = {}
    copies = {}
    for pose in sorted(poses, key=lambda pose: pose["uri"]):
        if pose["error"] is None and pose["content_hash"] is not None:
            original = first.setdefault(pose["content_hash"], pose["uri"])
            if original != pose["uri"]:
                copies[pose["uri"]] = original
    return copies


def _split_summary(poses: list[Row], sides: dict[str, str], groups: dict[str, int]) -> str:
    """Summary of the split, in one line."""
    songs = {side: {pose["song"] for pose in poses if sides[pose["uri"]] == side} for side in SIDES}
    dancers = [{pose["dancer"] for pose in poses if sides[pose["uri"]] == side} - {UNKNOWN} for side in SIDES]
    shared = {dancer for one, other in combinations(dancers, 2) for dancer in one & other}
    left_out = sum(side == LEFT_OUT for side in sides.values())
    labels = len({pose["song"] for pose in poses})
    sounds = len({groups.get(pose["uri"], pose["uri"]) for pose in poses})
    return (
        f"split: {len(songs[TRAIN]):,} training songs, {len(songs[VALIDATION]):,} validation songs, "
        f"{len(songs[TEST]):,} test songs "
        f"({labels:,} labels, {sounds:,} songs by audio fingerprint); "
        f"{len(shared):,} dancers in several splits, {left_out:,} videos left out to separate dancers"
    )


def _row(
    config: CutClipsConfig, pose: Row, side: str, copy_of: str | None, there: set[str], said: dict[str, int]
) -> Row:
    """The stage's input row. The version changes with everything that changes the clips."""
    row = {"uri": pose["uri"], "split": side, "category": pose["category"], "copy_of": copy_of}
    rhythm = f"rhythm {schema.RHYTHM_VERSION}"
    version = "|".join([*(str(pose[mark]) for mark in MARKS), side, copy_of or "", rhythm])
    return {**row, "version": version, "gone": bool(said.get(pose["uri"])) and _place(config, row) not in there}


def _place(config: CutClipsConfig, row: Row) -> str:
    """URI of a video's clips."""
    return storage.join(config.clips, row["split"], tables.part_name(row["uri"]))


def _remove_strays(config: CutClipsConfig, rows: list[Row], there: set[str]) -> None:
    """Delete clips that are not in the place that the current split gives them."""
    storage.delete_files(sorted(there - {_place(config, row) for row in rows}))


def _clips_of(cuts: str) -> dict[str, int]:
    """Number of clips of each video, from an earlier run."""
    if not tables.parts(cuts):
        return {}
    said = tables.read(cuts, schema.CUTS, ["uri", "clips"]).to_pylist()
    return {row["uri"]: row["clips"] or 0 for row in said}


def _write_report(config: CutClipsConfig, poses: list[Row], cuts: str) -> None:
    """Write pages beside the table; their images are those that extract_poses made."""
    pictures = report_folder(config.poses)
    said = tables.read(cuts, schema.CUTS).to_pylist()
    write_pages(report_folder(config.clips), f"Clips in {config.clips}", poses, said, pictures)
