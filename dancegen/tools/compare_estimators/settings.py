"""Settings of `dancegen compare-estimators`: videos -> agreement of two pose estimators."""

from typing import Annotated, Literal, Self

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from dancegen.config import Config, InputUri, Output, Uri
from dancegen.estimators.settings import EstimatorConfig

EstimatorName = Literal["mediapipe", "onnx", "openpose_json"]


class CompareEstimatorsConfig(Config):
    """Compare two pose estimators on a sample of videos, with figures and images of their differences."""

    videos: InputUri
    """A folder of videos, a list (.txt), a table (.csv, .parquet) or one video."""
    output: Annotated[Uri, Output(inside=("index.html", "agreement.csv", "pictures"))]
    """Folder of index.html, agreement.csv and the images."""
    estimators: tuple[EstimatorName, EstimatorName] = ("mediapipe", "openpose_json")
    """The reference estimator, and the estimator to compare with it."""
    estimator: EstimatorConfig = EstimatorConfig()
    """Settings of both; its name is ignored."""
    fps: PositiveInt = 10
    """Poses per second."""
    max_seconds: PositiveFloat = 60.0
    """Maximum length of each video that is used, from its start, in seconds."""
    pictures: NonNegativeInt = 24
    """Number of frames drawn with both skeletons: those of worst agreement, at most one per second of video; 0 draws
    none."""
    overwrite: bool = False
    """Replace existing files that dancegen did not write."""

    def each(self) -> tuple[EstimatorConfig, EstimatorConfig]:
        """The settings of the two estimators."""
        shared = self.estimator.model_dump()
        one, other = (EstimatorConfig.model_validate({**shared, "name": name}) for name in self.estimators)
        return one, other

    @model_validator(mode="after")
    def _there_is_something_to_compare(self) -> Self:
        if self.estimators[0] == self.estimators[1]:
            raise ValueError(f"estimators: {self.estimators[0]} is given twice; give two different estimators")
        self.each()
        return self
