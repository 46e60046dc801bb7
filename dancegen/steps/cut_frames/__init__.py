"""Footage of one person and its poses to training frames for the second stage, in three table jobs.

`survey`    crop, clean plate, body and verdict from sampled frames    one row per video
`cut`       the frames                                                 one row per segment of a video: the long pass
`conclude`  counts of all segments, final verdict and picture          one row per video
"""

from dancegen.steps.step import Step

STEP = Step(
    name="cut_frames",
    settings_class="CutFramesConfig",
    help="Cut footage of one person into training frames.",
    doing="footage of {poses} to frames in {frames}",
    title="Footage to frames",
    often=(
        "height_px width_px person matte flow verdict.min_usable_s verdict.max_camera_shift min_sharpness "
        "actors overwrite"
    ),
    example="configs/cut_frames.yaml poses=data/footage_poses frames=data/frames person=mia",
    on_cluster="poses=s3://YOUR-BUCKET/footage_poses frames=s3://YOUR-BUCKET/frames actors=16",
)
