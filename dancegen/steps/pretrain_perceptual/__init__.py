"""Training of the network of the pose perceptual loss, and of the held-out extractor."""

from dancegen.steps.step import Step

STEP = Step(
    name="pretrain_perceptual",
    settings_class="PretrainPerceptualConfig",
    help="Train the network of the pose perceptual loss.",
    doing="clips in {clips} to a {kind} network in {output}",
    title="Train the network of the perceptual loss on two GPUs",
    often="clips output kind epochs batch_size learning_rate workers use_gpu seed name",
    example="configs/pretrain_perceptual.yaml clips=data/clips output=data/perceptual",
    on_cluster=(
        "clips=s3://YOUR-BUCKET/clips output=s3://YOUR-BUCKET/perceptual workers=2 use_gpu=true max_wait_s=1200 "
        "tracking_uri=http://mlflow.mlflow:5000"
    ),
)
