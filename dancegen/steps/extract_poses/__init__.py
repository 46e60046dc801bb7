"""Poses of the dancer in videos, in three table jobs.

`probe`   what each file is, its hash and sound      one row a video
`detect`  everyone in each picture                   one row a part of a video: the expensive pass; uses GPUs
`select`  who is the dancer, cleaned and judged      one row a video
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
        "actors max_bad_share overwrite"
    ),
    example="configs/extract_poses.yaml videos=my_videos/ poses=data/poses follow=largest",
    on_cluster="videos=s3://YOUR-BUCKET/corpus/videos.csv poses=s3://YOUR-BUCKET/poses actors=16",
    hours_on_cluster=24,
)
