"""Settings of evaluate-renderer: scores of people on held-out frames of their footage."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from dancegen.config import InputUri, Output, Uri
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.training.settings import TrackingUri
from dancegen.estimators.settings import EstimatorConfig
from dancegen.renderer.perceptual_settings import PerceptualConfig


def _several(people: Any) -> Any:
    return (people,) if isinstance(people, str) else people


class EvaluateRendererConfig(Parallel):
    """Score people on held-out frames, driven by the joints of those frames, with confidence intervals and a page."""

    frames: InputUri
    """Table of frames, from cut-frames; FRAMES_footage is read beside it."""
    split: Literal["test", "validation", "train"] = "test"
    """Split to score on. A person was trained on `train`, and its epoch was selected on `validation`."""
    people: Annotated[tuple[InputUri, ...], BeforeValidator(_several), Field(min_length=1)]
    """Person checkpoints of this footage, from train-renderer: one, or several to compare with the first."""
    output: Annotated[Uri, Output(inside=("segments", "videos", "scores", "index.html"))] = "data/person_evaluation"
    """Folder of the HTML page, the table of scores, the measurements of each segment and the comparison videos."""
    segment_frames: Annotated[int, Field(ge=8)] = 48
    """Maximum length of a segment, in frames. A segment is generated as a video of its own; more segments give more
    reliable intervals."""
    max_segments: PositiveInt = 200
    """Maximum number of segments, evenly spaced over the split."""
    drift_s: NonNegativeFloat = 60.0
    """Duration of the video that drift is measured on, in seconds: the longest run of held-out frames, played back and
    forth, each frame generated from the one before. The ratio of late to early sharpness requires 60 s; 0 omits it."""
    pose_consistency: bool = True
    """Estimate the poses in the generated and the real frames, and compare them with the driving joints."""
    estimator: EstimatorConfig = EstimatorConfig()
    """The pose estimator of that comparison. Without its package, pose consistency is not measured."""
    perceptual: PerceptualConfig = PerceptualConfig(kind="efficientnet_lite2")
    """Network of the perceptual distance and the likeness; kind=none omits both. Scores by the network of the training
    loss, which is efficientnet_lite0 by default, are biased in favour of the model."""
    resamples: PositiveInt = Field(default=1000, ge=20)
    """Bootstrap resamples over segments."""
    seed: int = 0
    """Seed of the resampling."""
    pictures: NonNegativeInt = 4
    """Segments shown on the HTML page as videos: real and generated frames, their difference, and the flicker."""
    tracking_uri: TrackingUri = None
    """MLflow tracking server (http://...) or database (sqlite:///...); null is mlflow.db below `output`."""
    experiment: str = Field(default="dancegen", min_length=1)
    """MLflow experiment."""

    @model_validator(mode="after")
    def _measurable(self) -> Self:
        if len(set(self.people)) < len(self.people):
            raise ValueError("people: the same checkpoint is given twice")
        if self.pose_consistency and self.estimator.name == "openpose_json":
            raise ValueError("estimator.name=openpose_json cannot process generated frames: choose another")
        return self
