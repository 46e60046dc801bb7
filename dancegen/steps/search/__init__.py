"""Hyperparameter search and ablation."""

from dancegen.steps.step import Step

STEP = Step(
    name="search",
    settings_class="SearchConfig",
    help="Run a hyperparameter search over trainings.",
    doing="trials on clips in {train.clips}",
    title="Search the loss weights, two trainings at a time",
    often=(
        "train.clips output num_samples max_concurrent_trials grace_epochs objective train.epochs train.workers "
        "train.use_gpu seed"
    ),
    example="configs/search.yaml train.clips=data/clips output=data/search num_samples=24",
    on_cluster=(
        "output=s3://YOUR-BUCKET/search max_concurrent_trials=2 train.clips=s3://YOUR-BUCKET/clips "
        "train.output=s3://YOUR-BUCKET/dance_best train.use_gpu=true train.max_wait_s=1200 "
        "train.tracking_uri=http://mlflow.mlflow:5000"
    ),
)
