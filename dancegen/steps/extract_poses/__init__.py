"""Poses of the dancer in videos, in three table jobs.

`probe`   metadata, hash and audio of each file       one row per video
`detect`  all people in each frame                    one row per part of a video: the expensive pass; uses GPUs
`select`  the dancer's poses, repaired and checked    one row per video
"""

from dancegen.steps.step import Step

STEP = Step(
    name="extract_poses",
    settings_class="ExtractPosesConfig",
    help="Extract the poses of the dancer from videos.",
    doing="videos in {videos} to poses in {poses}",
    title="Videos to poses",
    often=(
        "estimator.name estimator.min_confidence fps follow find_cuts clean.smoothing verdict.min_found_share "
        "actors max_error_fraction overwrite"
    ),
    example="configs/extract_poses.yaml videos=my_videos/ poses=data/poses follow=largest",
    on_cluster="videos=s3://YOUR-BUCKET/corpus/videos.csv poses=s3://YOUR-BUCKET/poses actors=16",
)
