"""The cross-modal metric: networks, training, and scoring of dances."""

from dancegen.steps.step import Step

STEP = Step(
    name="train_cross_modal",
    settings_class="TrainCrossModalConfig",
    help="Train the cross-modal evaluation metric.",
    doing="clips in {clips} to the cross-modal metric in {output}",
    title="Train the cross-modal evaluation metric",
    often="clips output normalization tagger_weights clips_per_song most_clusters cpus use_gpu seed tracking_uri",
    example="configs/train_cross_modal.yaml clips=data/clips output=data/cross_modal",
    on_cluster=(
        "clips=s3://YOUR-BUCKET/clips output=s3://YOUR-BUCKET/cross_modal cpus=4 use_gpu=true max_wait_s=1200 "
        "tracking_uri=http://mlflow.mlflow:5000"
    ),
)
