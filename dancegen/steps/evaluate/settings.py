"""Settings of evaluate: how good are a model's dances, or anyone's, against real ones?"""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from dancegen.config import InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.training.settings import TrackingUri


class EvaluateConfig(Parallel):
    """A model and held-out clips -> scores with intervals and controls, and a page to look at."""

    clips: InputUri
    """The table that cut-clips made: its real dances are what others are compared with, its music is danced to."""
    split: Literal["test", "validation", "train"] = "test"
    """Which of its clips. A model has learnt from those of `train`, and its finished epoch was chosen on those of
    `validation`."""
    checkpoint: InputUri | None = None
    """The model that dances. None: the one that comes with dancegen."""
    dances: InputUri | None = None
    """Somebody else's dances, instead of a model's: a table of clips (import-poses and cut-clips make one), of
    which all are measured, whatever their split."""
    output: Annotated[Uri, Output(inside=("dances", "parts", "scores", "index.html"))] = "data/evaluation"
    """Folder of the page, of the table of scores, and of what is known of each dance."""
    dances_per_clip: PositiveInt = 1
    """Dances to each clip's music, each of another seed; two or more tell how much they differ (multimodality)."""
    max_clips: PositiveInt = 5000
    """Clips to measure at most, chosen by a hash of their ids."""
    perceptual: InputUri | None = None
    """A network that sees dances. None: the one that comes with dancegen, which the loss of its models has seen too."""
    heldout: InputUri | None = None
    """A network that was never a loss: pretrain-perceptual kind=heldout. Without one there is no held-out FID."""
    cross_modal: InputUri | None = None
    """How such music is danced: what train-cross-modal made. Without it there is no cross-modal metric."""
    resamples: PositiveInt = Field(default=200, ge=20)
    """Times that the songs are drawn anew for an interval."""
    seed: int = 0
    """Decides the dances and all draws."""
    batch_size: PositiveInt = 32
    """Clips that are danced to together."""
    pictures: NonNegativeInt = 4
    """Clips shown on the page, the real dance beside the made one."""
    tracking_uri: TrackingUri = None
    """MLflow's server (http://...) or database (sqlite:///...); null is mlflow.db below `output`."""
    experiment: str = Field(default="dancegen", min_length=1)
    """MLflow's experiment."""

    @model_validator(mode="after")
    def _whose_dances(self) -> Self:
        if self.checkpoint and self.dances:
            raise ValueError("checkpoint and dances are both given: which dances are to be measured?")
        if self.dances and self.dances_per_clip > 1:
            raise ValueError(f"dances_per_clip={self.dances_per_clip} is for a model, and dances are given")
        return self
