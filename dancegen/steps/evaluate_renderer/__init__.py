"""Scores of a person's generated frames against held-out footage."""

from dancegen.steps.step import Step

STEP = Step(
    name="evaluate_renderer",
    settings_class="EvaluateRendererConfig",
    help="Score trained people on held-out frames of their footage.",
    doing="frames in {frames} to scores in {output}",
    title="Score a person on held-out footage",
    often="split output segment_frames max_segments pose_consistency perceptual.kind pictures resamples seed actors",
    example=(
        "configs/evaluate_renderer.yaml frames=data/frames people=[data/default/person.safetensors,"
        "data/paper/person.safetensors] output=data/person_evaluation"
    ),
    on_cluster=(
        "frames=s3://YOUR-BUCKET/frames people=s3://YOUR-BUCKET/person/person.safetensors "
        "output=s3://YOUR-BUCKET/person_evaluation actors=4 tracking_uri=http://mlflow.mlflow:5000"
    ),
)
