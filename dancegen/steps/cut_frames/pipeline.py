"""footage and poses -> frames, on Ray: three passes (see steps.cut_frames), each a table job, resumable."""

from typing import Any

from dancegen import outputs, schema, storage, tables
from dancegen.engine.table_jobs.notes import print_notes
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.engine.table_jobs.summary import Summary
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.pages.report import report_folder
from dancegen.steps.cut_frames.page import write_page
from dancegen.steps.cut_frames.settings import CutFramesConfig
from dancegen.steps.cut_frames.splits import SPLITS

SURVEY = LazyStage("dancegen.steps.cut_frames.survey:SurveyFootage")
CUT = LazyStage("dancegen.steps.cut_frames.cut:CutFrames")
CONCLUDE = LazyStage("dancegen.steps.cut_frames.conclude:ConcludeFootage")
# suffixes of the names of the tables, which are beside that of the frames
SURVEYED, SEGMENTS, FOOTAGE = "_survey", "_segments", "_footage"
LOOK = {"height_px", "width_px", "person"}  # settings that affect the survey; its verdict is in the version of a row
CUTTING = LOOK | {
    *("validation_share", "test_share", "gap_s", "min_sharpness", "min_change", "matte", "flow", "jpeg_quality"),
    "segment_s",
}
POSES = ("uri", "version", "content_hash", "dancer", "estimator", "fps", "frames", "missing_share", "error")

Row = dict[str, Any]


def run(config: CutFramesConfig) -> Summary:
    """Cut the frames of all footage that has poses. Videos and segments done before are skipped."""
    poses = tables.read(config.poses, schema.POSES, list(POSES)).to_pylist()
    outputs.check(config, (pose["uri"] for pose in poses))
    cutting = config.model_dump(mode="json", include=CUTTING)
    tables.begin(config.frames, schema.FRAMES, cutting, config.overwrite)
    videos = _videos(config, poses)
    surveyed = _survey(config, videos)
    segments = {pose["uri"]: _segments(config, pose) for pose in poses if surveyed[pose["uri"]]["error"] is None}
    _cut(config, cutting, segments, videos)
    return _conclude(config, cutting, videos, segments)


def _videos(config: CutFramesConfig, poses: list[Row]) -> list[Row]:
    """The input of SurveyFootage. The version changes with the poses and with the limits of the verdict."""
    first: dict[str, str] = {}
    for pose in sorted(poses, key=lambda pose: pose["uri"]):
        if pose["error"] is None and pose["content_hash"] is not None:
            first.setdefault(pose["content_hash"], pose["uri"])
    limits = config.verdict.model_dump_json()
    return [
        {
            "uri": pose["uri"],
            "version": f"{_version(pose)}|{limits}",
            "copy_of": None if (original := first.get(pose["content_hash"], pose["uri"])) == pose["uri"] else original,
        }
        for pose in poses
    ]


def _version(pose: Row) -> str:
    return "|".join(str(pose[name]) for name in POSES if name not in ("uri", "error"))


def _survey(config: CutFramesConfig, videos: list[Row]) -> dict[str, Row]:
    """Version and error of each video's row of the survey, by uri."""
    table = config.frames + SURVEYED
    settings = config.model_dump(mode="json", include=LOOK)
    run_table_job(TableJob("videos", table, schema.FOOTAGE, SURVEY, (config,), settings, tolerant=True), videos, config)
    return {row["uri"]: row for row in tables.read(table, schema.FOOTAGE, ["uri", "error"]).to_pylist()}


def _segments(config: CutFramesConfig, pose: Row) -> list[Row]:
    """The input of CutFrames: a video's segments."""
    each = max(1, round(config.segment_s * pose["fps"]))
    return [
        {
            "uri": f"{pose['content_hash']}@{first}",
            "version": _version(pose),
            "video_uri": pose["uri"],
            "first": first,
            "stop": min(first + each, pose["frames"]),
        }
        for first in range(0, pose["frames"], each)
    ]


def _cut(config: CutFramesConfig, cutting: Row, segments: dict[str, list[Row]], videos: list[Row]) -> None:
    rows = [row for each in segments.values() for row in each]
    there = set(tables.parts(config.frames))
    storage.delete_files(sorted(there - {place for row in rows for place in _places(config, row)}))
    table = config.frames + SEGMENTS
    said, refused = _frames_of(table), _refused(config, videos)
    for row in rows:
        lost = bool(said.get(row["uri"])) and not there & set(_places(config, row))
        row["gone"] = lost and row["video_uri"] not in refused
    if rows:
        stage = (CUT, (config, config.frames + SURVEYED))
        job = TableJob("segments", table, schema.SEGMENTS, *stage, cutting, unit="frames", tolerant=True)
        run_table_job(job, rows, config)


def _conclude(config: CutFramesConfig, cutting: Row, videos: list[Row], segments: dict[str, list[Row]]) -> Summary:
    table = config.frames + FOOTAGE
    folder = report_folder(config.frames) if config.report else None
    rows = [{**video, "segments": [segment["uri"] for segment in segments.get(video["uri"], [])]} for video in videos]
    stage = (CONCLUDE, (config, config.frames + SURVEYED, config.frames + SEGMENTS, folder))
    job = TableJob("videos", table, schema.FOOTAGE, *stage, cutting, unit="frames", judged="left_out")
    try:
        summary = run_table_job(job, rows, config)
        print_notes(job, {row["uri"] for row in rows})
        return summary
    finally:
        if folder is not None and tables.parts(table):
            write_page(folder, f"Frames in {config.frames}", tables.read(table, schema.FOOTAGE).to_pylist())


def _places(config: CutFramesConfig, segment: Row) -> list[str]:
    """URIs of the parts that a segment's frames may be in."""
    return [storage.join(config.frames, split, tables.part_name(segment["uri"])) for split in SPLITS]


def _frames_of(table: str) -> dict[str, int]:
    """Number of frames of each segment, from an earlier run."""
    if not tables.parts(table):
        return {}
    return {
        row["uri"]: row["frames"] or 0 for row in tables.read(table, schema.SEGMENTS, ["uri", "frames"]).to_pylist()
    }


def _refused(config: CutFramesConfig, videos: list[Row]) -> set[str]:
    """Videos whose frames an earlier run deleted, with the same limits."""
    table = config.frames + FOOTAGE
    if not tables.parts(table):
        return set()
    versions = {video["uri"]: video["version"] for video in videos}
    rows = tables.read(table, schema.FOOTAGE, ["uri", "version", "error"]).to_pylist()
    return {row["uri"] for row in rows if row["error"] and row["version"] == versions.get(row["uri"])}
