"""videos -> poses, on Ray Data."""

from dancegen import schema
from dancegen.pipelines.table_job import Summary, TableJob, run_table_job
from dancegen.settings.extract_poses import ExtractPosesConfig
from dancegen.stages.extract_poses import ExtractPoses
from dancegen.stages.inputs import VIDEO_SUFFIXES, list_media


def run(config: ExtractPosesConfig) -> Summary:
    """Find the dancer in every video. Videos done before are skipped."""
    videos = list_media(config.videos, VIDEO_SUFFIXES)
    deciding = config.model_dump(mode="json", include={"estimator", "fps", "min_found_share"})
    job = TableJob("videos", config.poses, schema.POSES, ExtractPoses, (config,), deciding)
    return run_table_job(job, videos, config)
