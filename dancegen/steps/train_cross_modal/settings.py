"""Settings of train-cross-modal: clips, networks and training of the cross-modal metric."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from dancegen.config import Config, InputUri, Output, Uri
from dancegen.engine.training.settings import TrackingUri
from dancegen.steps.train_cross_modal.network_settings import (
    MusicTaggerConfig,
    PoseMetricConfig,
    PoseMetricTrainingConfig,
    TaggerTrainingConfig,
)


class TrainCrossModalConfig(Config):
    """Train the cross-modal metric, which measures the consistency of dance and music, on clips."""

    clips: InputUri = "data/clips"
    """Table of clips, from cut-clips. Its training songs become the dictionary; its validation songs measure the
    tagger's accuracy on unseen songs."""
    output: Annotated[Uri, Output(inside=("cross_modal.safetensors",))] = "runs/cross_modal"
    """Folder of the trained metric, cross_modal.safetensors. The same command resumes a stopped run."""
    normalization: Literal["body", "camera"] = "body"
    """Input coordinates of psi; must be those of the dance models to evaluate."""
    tagger_weights: InputUri | None = None
    """Pretrained tagger: an earlier cross-modal metric (.safetensors) or an ONNX network that maps (clips, samples),
    mono audio in [-1, 1] at 16 kHz, to one vector per clip; null trains one."""
    tagger: MusicTaggerConfig = MusicTaggerConfig()
    """Network that takes the music as input."""
    tagger_training: TaggerTrainingConfig = TaggerTrainingConfig()
    """Training of the tagger."""
    pose_metric: PoseMetricConfig = PoseMetricConfig()
    """Network that takes the dance as input (psi)."""
    pose_metric_training: PoseMetricTrainingConfig = PoseMetricTrainingConfig()
    """Training of psi."""
    most_clusters: int = Field(default=10, ge=2, le=10)
    """Maximum number of dance classes; the number (from 2) is selected by the silhouette score. The paper found 5."""
    clips_per_song: PositiveInt = 32
    """Clips per song in the dictionary, sampled by their ids; all others train the tagger only."""
    seed: int = 0
    """Seed of the initial weights, the order of the clips and all noise."""
    cpus: PositiveFloat = 2.0
    """CPU cores that Ray reserves for the training, which is one process."""
    use_gpu: bool = False
    """Train on a GPU."""
    max_failures: NonNegativeInt = 3
    """Restarts after the node is lost; the training resumes from its last saved state."""
    max_wait_s: NonNegativeFloat = 0.0
    """Seconds to wait for an autoscaling cluster to become large enough; 0 does not wait."""
    tracking_uri: TrackingUri = None
    """MLflow tracking server (http://...) or database (sqlite:///...); null is mlflow.db below `output`."""
    experiment: str = Field(default="dancegen", min_length=1)
    """MLflow experiment."""
