"""videos -> poses, on Ray: three passes (see steps.extract_poses), each a table job; the long one on Ray Data."""

import math
from typing import Any

from dancegen import outputs, schema, tables
from dancegen.engine.table_jobs.notes import print_notes
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.engine.table_jobs.summary import Summary
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.media.container import VIDEO_SUFFIXES
from dancegen.media.inputs import list_media
from dancegen.pages.report import COLUMNS, report_folder, write_pages
from dancegen.steps.extract_poses.settings import ExtractPosesConfig

PROBE = LazyStage("dancegen.steps.extract_poses.probe:ProbeVideos")
DETECT = LazyStage("dancegen.steps.extract_poses.detect:DetectPeople")
SELECT = LazyStage("dancegen.steps.extract_poses.select:SelectDancer")
FILES, PEOPLE = "_files", "_people"  # suffixes of the names of the tables, which are beside that of the poses
FILE_COLUMNS = ["uri", "content_hash", "width_px", "height_px", "fps", "seconds", "error"]
DETECTION = ("estimator", "fps", "part_s", "find_cuts")  # settings that affect the table of people
READ_FILES = ("openpose_json",)  # estimators that depend on the video's URI, not on its content alone
POSE = (*DETECTION, "follow", "clean", "verdict")  # and those that affect the table of poses

Row = dict[str, Any]


def run(config: ExtractPosesConfig) -> Summary:
    """Extract the dancer's poses from every video. Videos whose content was processed before are skipped."""
    videos = list_media(config.videos, VIDEO_SUFFIXES)
    outputs.check(config, (video["uri"] for video in videos))
    files = _look(config, videos)
    parts = {uri: _parts(config, file) for uri, file in files.items() if file["error"] is None}
    _find(config, list({part["uri"]: part for rows in parts.values() for part in rows}.values()))
    return _follow(config, [_pose_row(video, files[video["uri"]], parts) for video in videos])


def _look(config: ExtractPosesConfig, videos: list[Row]) -> dict[str, Row]:
    """Properties of each file, by uri."""
    table = config.poses + FILES
    job = TableJob("files", table, schema.FILES, PROBE, (), {}, tolerant=True)
    run_table_job(job, videos, _on_cpus(config))
    print_notes(job, {video["uri"] for video in videos})
    return {row["uri"]: row for row in tables.read(table, schema.FILES, FILE_COLUMNS).to_pylist()}


def _find(config: ExtractPosesConfig, parts: list[Row]) -> None:
    if parts:
        settings = config.model_dump(mode="json", include=set(DETECTION))
        stage = (DETECT, (config,))
        table = _people(config)
        job = TableJob("parts", table, schema.PEOPLE, *stage, settings, unit="frames", tolerant=True, ray_data=True)
        run_table_job(job, parts, config)


def _follow(config: ExtractPosesConfig, rows: list[Row]) -> Summary:
    folder = report_folder(config.poses) if config.report else None
    settings = config.model_dump(mode="json", include=set(POSE))
    arguments = (config, config.poses + FILES, _people(config), folder)
    stage = (SELECT, arguments)
    job = TableJob("videos", config.poses, schema.POSES, *stage, settings, unit="frames", judged="usable_s")
    try:
        return run_table_job(job, rows, _on_cpus(config))
    finally:
        if folder is not None:
            poses = tables.read(config.poses, schema.POSES, COLUMNS).to_pylist()
            write_pages(folder, f"Poses in {config.poses}", poses, cuts=[], pictures=folder)


def _people(config: ExtractPosesConfig) -> str:
    return config.people or config.poses + PEOPLE


def _on_cpus(config: ExtractPosesConfig) -> Parallel:
    """Settings without GPUs: only people detection benefits from them."""
    return config.model_copy(update={"cpus_per_actor": 1.0, "gpus_per_actor": 0.0})


def _parts(config: ExtractPosesConfig, file: Row) -> list[Row]:
    """The input of DetectPeople: a video's parts. The last one extends to the end, whatever the header states."""
    each = max(1, round(config.part_s * config.fps))
    count = max(1, math.floor((file["seconds"] or 0) * config.fps / each))
    place = f" {file['uri']}" if config.estimator.name in READ_FILES else ""
    name = file["content_hash"] + place
    known = {column: file[column] for column in ("width_px", "height_px", "fps", "seconds")}
    return [
        {
            "uri": f"{name}@{number * each}",
            "version": f"{count} parts",
            "video_uri": file["uri"],
            "first": number * each,
            "stop": None if number == count - 1 else (number + 1) * each,
            **known,
        }
        for number in range(count)
    ]


def _pose_row(video: Row, file: Row, parts: dict[str, list[Row]]) -> Row:
    """The input of SelectDancer. The version changes when the content or a label does."""
    labels = "|".join(video[label] for label in ("category", "song", "dancer"))
    version = f"{file['content_hash']}|{labels}" if file["error"] is None else None
    return {**video, "version": version, "parts": [part["uri"] for part in parts.get(video["uri"], [])]}
