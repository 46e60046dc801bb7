"""Import of pose data of other projects."""

from dancegen.steps.step import Step

STEP = Step(
    name="import_poses",
    settings_class="ImportPosesConfig",
    help="Import pose data of other projects (AIST++, BVH, OpenPose, ...).",
    doing="{format} in {source} to poses in {poses}",
    title="Pose data of other projects to poses",
    often="music fps width_px height_px source_fps cameras category dancer min_confidence actors",
    example="configs/import_poses.yaml format=aistpp source=keypoints2d/ music=music/ poses=data/poses",
    on_cluster=(
        "format=aistpp source=s3://YOUR-BUCKET/keypoints2d music=s3://YOUR-BUCKET/music "
        "poses=s3://YOUR-BUCKET/poses actors=16"
    ),
)
