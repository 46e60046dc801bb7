"""Rendering of a dance video of every song."""

from dancegen.steps.step import Step

STEP = Step(
    name="render",
    settings_class="RenderConfig",
    help="Render a dance video of every song of a library.",
    doing="songs in {songs} to videos in {output}",
    title="Songs to dance videos",
    often="checkpoint seed look fps width_px height_px actors gpus_per_actor max_error_fraction overwrite",
    example="configs/render.yaml songs=library/ output=data/videos look=skeleton",
    on_cluster=(
        "songs=s3://YOUR-BUCKET/songs output=s3://YOUR-BUCKET/dances "
        "checkpoint=s3://YOUR-BUCKET/dance/dance.safetensors actors=16 gpus_per_actor=0.25"
    ),
)
