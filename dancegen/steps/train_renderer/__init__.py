"""Frames of a person's footage to a person checkpoint, which turns dances into pictures of that person."""

from dancegen.steps.step import Step

STEP = Step(
    name="train_renderer",
    settings_class="TrainRendererConfig",
    help="Train the renderer of one person: poses to pictures.",
    doing="frames in {frames} to a person in {output}",
    title="Frames to a person",
    often="frames output person model.height_px model.width_px epochs batch_size workers use_gpu init_from",
    example='configs/train_renderer.yaml frames=data/frames consent="Ada agreed on 2026-05-01 to ..."',
    on_cluster=(
        "frames=s3://YOUR-BUCKET/frames output=s3://YOUR-BUCKET/person consent=CONSENT workers=4 use_gpu=true "
        "max_wait_s=1200 tracking_uri=http://mlflow.mlflow:5000"
    ),
)
