"""Training of the music-to-skeleton GAN."""

from dancegen.steps.step import Step

STEP = Step(
    name="train_dance",
    settings_class="TrainDanceConfig",
    help="Train the dance generator (music to skeleton).",
    doing="clips in {clips} to a model in {output}",
    title="Train the dance generator on four GPUs",
    often="clips output init_from perceptual epochs batch_size workers use_gpu seed name",
    example="configs/train_dance.yaml clips=data/clips output=data/dance epochs=100",
    on_cluster=(
        "clips=s3://YOUR-BUCKET/clips output=s3://YOUR-BUCKET/dance workers=4 use_gpu=true max_wait_s=1200 "
        "tracking_uri=http://mlflow.mlflow:5000"
    ),
)
