"""other people's pose data -> poses, on Ray Data: a source a row."""

import hashlib

from dancegen import schema, storage, tables
from dancegen.importers import sources
from dancegen.pipelines.table_job import Summary, TableJob, run_table_job
from dancegen.settings.import_poses import ImportPosesConfig
from dancegen.settings.parallel import Parallel
from dancegen.stages.import_poses import ImportPoses
from dancegen.stages.report import COLUMNS, report_folder, write_pages

IMPORTS = "_imports"  # ends the name of the table of sources, which lies beside that of the poses


def run(config: ImportPosesConfig) -> Summary:
    """Take the recordings of every source into the table of poses. Sources that are as before are skipped."""
    kept = config.model_dump(mode="json", exclude={*Parallel.model_fields, "source", "poses"})
    tables.begin(config.poses, schema.POSES, kept, config.overwrite)
    rows = [{"uri": source, "version": _version(source)} for source in sources(config)]
    job = TableJob("sources", config.poses + IMPORTS, schema.IMPORTS, ImportPoses, (config,), kept, unit="recordings")
    try:
        return run_table_job(job, rows, config)
    finally:
        if tables.parts(config.poses):
            poses = tables.read(config.poses, schema.POSES, COLUMNS).to_pylist()
            folder = report_folder(config.poses)
            write_pages(folder, f"Poses in {config.poses}", poses, cuts=[], pictures=folder)


def _version(source: str) -> str:
    """Changes when the file does, or when a folder's list of files does."""
    if not storage.is_folder(source):
        return storage.version(source)
    return hashlib.sha256("\n".join(storage.find(source)).encode()).hexdigest()[:16]
