"""external pose data -> poses, on Ray: one row per source."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from dancegen import schema, storage, tables
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.engine.table_jobs.summary import SetAside, Summary, describe
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.logs import notify
from dancegen.pages.report import COLUMNS, report_folder, write_pages
from dancegen.steps.import_poses.formats import sources
from dancegen.steps.import_poses.settings import ImportPosesConfig

IMPORT_POSES = LazyStage("dancegen.steps.import_poses.stage:ImportPoses")
IMPORTS = "_imports"  # suffix of the name of the table of sources, which is beside that of the poses


def run(config: ImportPosesConfig) -> Summary:
    """Import the recordings of every source into the table of poses. Unchanged sources are skipped."""
    kept = config.model_dump(mode="json", exclude={*Parallel.model_fields, "source", "poses"})
    tables.begin(config.poses, schema.POSES, kept, config.overwrite)
    rows = [{"uri": source, "version": _version(source)} for source in sources(config)]
    job = TableJob("sources", config.poses + IMPORTS, schema.IMPORTS, IMPORT_POSES, (config,), kept, unit="recordings")
    try:
        return run_table_job(job, rows, config)
    finally:
        if tables.parts(config.poses):
            _remove_strays(config.poses, rows)
            poses = tables.read(config.poses, schema.POSES, COLUMNS).to_pylist()
            if bad := [SetAside(pose["uri"], pose["error"]) for pose in poses if pose["error"] is not None]:
                notify(describe(bad, len(poses), "recordings", config.poses))
            folder = report_folder(config.poses)
            write_pages(folder, f"Poses in {config.poses}", poses, cuts=[], pictures=folder)


def _remove_strays(poses: str, rows: list[dict[str, Any]]) -> None:
    """Delete recordings that a source had in an earlier version and no longer has."""
    today = {(row["uri"], row["version"]) for row in rows}
    sources = {source for source, _ in today}
    for made in tables.read(poses, schema.POSES, ["uri", "version"]).to_pylist():
        source = next((before for before in _befores(made["uri"]) if before in sources), None)
        if source and (source, made["version"]) not in today:
            storage.delete(storage.join(poses, tables.part_name(made["uri"])))


def _befores(uri: str) -> Iterator[str]:
    """Possible sources of a recording <source>#<part>: file names may contain # too."""
    yield uri
    yield from (uri[: found.start()] for found in re.finditer("#", uri))


def _version(source: str) -> str:
    """Version of a source: changes with the file, or with a folder's list of files."""
    if not storage.is_folder(source):
        return storage.version(source)
    return hashlib.sha256("\n".join(storage.find(source)).encode()).hexdigest()[:16]
