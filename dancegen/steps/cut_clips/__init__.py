"""Poses and audio to clips, and the split into training, validation and test songs."""

from dancegen.steps.step import Step

STEP = Step(
    name="cut_clips",
    settings_class="CutClipsConfig",
    help="Cut poses and audio into training clips.",
    doing="poses in {poses} to clips in {clips}",
    title="Poses to clips",
    often=(
        "frames stride_frames max_missing_share min_tempo_confidence min_loudness_db test_share apart report "
        "actors overwrite"
    ),
    example="configs/cut_clips.yaml poses=data/poses clips=data/clips",
    on_cluster="poses=s3://YOUR-BUCKET/poses clips=s3://YOUR-BUCKET/clips actors=16",
)
