"""Scores of generated dances against real ones."""

from dancegen.steps.step import Step

STEP = Step(
    name="evaluate",
    settings_class="EvaluateConfig",
    help="Score generated dances against real ones.",
    doing="clips in {clips} to scores in {output}",
    title="Score the dances of a generator",
    often="checkpoint dances output dances_per_clip max_clips perceptual heldout cross_modal seed actors",
    example="configs/evaluate.yaml clips=data/clips checkpoint=data/dance/dance.safetensors output=data/evaluation",
    on_cluster=(
        "clips=s3://YOUR-BUCKET/clips checkpoint=s3://YOUR-BUCKET/dance/dance.safetensors "
        "output=s3://YOUR-BUCKET/evaluation actors=4 tracking_uri=http://mlflow.mlflow:5000"
    ),
)
