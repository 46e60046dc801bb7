"""Settings of train-cross-modal: from which clips the cross-modal metric learns, and how."""

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
    """clips -> the cross-modal metric: how far a dance is from how such music is danced."""

    clips: InputUri = "data/clips"
    """The table that cut-clips made. Its training songs become the dictionary; its validation songs tell what the
    tagger hears in songs that it does not know."""
    output: Annotated[Uri, Output(inside=("cross_modal.safetensors",))] = "runs/cross_modal"
    """Folder of the finished metric, cross_modal.safetensors. The same command goes on where it was stopped."""
    normalization: Literal["body", "camera"] = "body"
    """What coordinates psi sees: those of the dance models that are judged."""
    tagger_weights: InputUri | None = None
    """A tagger that is there already, instead of one that learns: a metric made before (.safetensors), or any network
    in ONNX that takes (clips, samples), mono sound in [-1, 1] at 16 kHz, and gives a vector for each clip."""
    tagger: MusicTaggerConfig = MusicTaggerConfig()
    """The network that hears music."""
    tagger_training: TaggerTrainingConfig = TaggerTrainingConfig()
    """How it is taught."""
    pose_metric: PoseMetricConfig = PoseMetricConfig()
    """The network that sees dances, psi."""
    pose_metric_training: PoseMetricTrainingConfig = PoseMetricTrainingConfig()
    """How it is taught."""
    most_clusters: int = Field(default=10, ge=2, le=10)
    """Classes of dances at most; how many there are (from 2) is chosen by the silhouette. The paper found 5."""
    clips_per_song: PositiveInt = 32
    """Clips of a song in the dictionary, chosen by their ids; all others teach the tagger alone."""
    seed: int = 0
    """Decides the first weights, the order of the clips and all noise."""
    cpus: PositiveFloat = 2.0
    """Processor cores that Ray sets aside for the training, which is one process."""
    use_gpu: bool = False
    """Give it a GPU."""
    max_failures: NonNegativeInt = 3
    """Times that it is started again after its machine was lost; it goes on from what it had saved."""
    max_wait_s: NonNegativeFloat = 0.0
    """Seconds to wait for a cluster that grows by itself to become large enough."""
    tracking_uri: TrackingUri = None
    """MLflow's server (http://...) or database (sqlite:///...); null is mlflow.db below `output`."""
    experiment: str = Field(default="dancegen", min_length=1)
    """MLflow's experiment."""
