"""Settings of evaluate: scores of generated or imported dances against real ones."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from dancegen.config import InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.training.settings import TrackingUri


class EvaluateConfig(Parallel):
    """Score a dance model on held-out clips, with confidence intervals, controls and an HTML page."""

    clips: InputUri
    """Table of clips, from cut-clips: its real dances are the reference, its music is the model's input."""
    split: Literal["test", "validation", "train"] = "test"
    """Split to score on. The model was trained on `train`, and its epoch was selected on `validation`."""
    checkpoint: InputUri | None = None
    """Checkpoint of the dance model; null uses the one shipped with dancegen."""
    dances: InputUri | None = None
    """Dances to score instead of a model's: a table of clips (from import-poses and cut-clips). All are scored,
    regardless of their split."""
    output: Annotated[Uri, Output(inside=("dances", "parts", "scores", "index.html"))] = "data/evaluation"
    """Folder of the HTML page, the table of scores and the measurements of each dance."""
    dances_per_clip: PositiveInt = 1
    """Dances generated per clip, each with a different seed; multimodality requires at least 2."""
    max_clips: PositiveInt = 5000
    """Maximum number of clips, sampled by a hash of their ids."""
    perceptual: InputUri | None = None
    """Checkpoint of the perceptual network; null uses the one shipped with dancegen, on which its models' loss is
    also based."""
    heldout: InputUri | None = None
    """Checkpoint of a feature extractor that no loss uses (pretrain-perceptual kind=heldout); null omits the held-out
    FID."""
    cross_modal: InputUri | None = None
    """Checkpoint from train-cross-modal (consistency of dance and music); null omits the cross-modal metric."""
    published: bool = False
    """Also score by the published protocol, under names that begin with `published_`: Frechet distance without
    shrinkage, and the Beat Alignment Score of AIST++ (Gaussian of 5 frames, sigma of 3 frames at 60 fps)."""
    resamples: PositiveInt = Field(default=200, ge=20)
    """Bootstrap resamples over songs."""
    seed: int = 0
    """Seed of the dances and of all sampling."""
    batch_size: PositiveInt = 32
    """Clips per batch when generating dances."""
    pictures: NonNegativeInt = 4
    """Clips shown on the HTML page, with the real dance beside the generated one."""
    tracking_uri: TrackingUri = None
    """MLflow tracking server (http://...) or database (sqlite:///...); null is mlflow.db below `output`."""
    experiment: str = Field(default="dancegen", min_length=1)
    """MLflow experiment."""

    @model_validator(mode="after")
    def _whose_dances(self) -> Self:
        if self.checkpoint and self.dances:
            raise ValueError("checkpoint and dances are both given: give only one of them")
        if self.dances and self.dances_per_clip > 1:
            raise ValueError(f"dances_per_clip={self.dances_per_clip} requires a model, but dances are given")
        return self
