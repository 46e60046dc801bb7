"""Settings of `dancegen compare-estimators`: videos -> how far two pose estimators agree on them."""

from typing import Annotated, Literal, Self

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from dancegen.config import Config, InputUri, Output, Uri
from dancegen.estimators.settings import EstimatorConfig

EstimatorName = Literal["mediapipe", "onnx", "openpose_json"]


class CompareEstimatorsConfig(Config):
    """A sample of videos to figures and pictures that show where two estimators differ."""

    videos: InputUri
    """A folder of videos, a list (.txt), a table (.csv, .parquet) or one video."""
    output: Annotated[Uri, Output(inside=("index.html", "agreement.csv", "pictures"))]
    """Folder for index.html, agreement.csv and the pictures."""
    estimators: tuple[EstimatorName, EstimatorName] = ("mediapipe", "openpose_json")
    """The first is measured against; the other is measured."""
    estimator: EstimatorConfig = EstimatorConfig()
    """What is set for both; its name does not count."""
    fps: PositiveInt = 10
    """Poses per second."""
    max_seconds: PositiveFloat = 60.0
    """Of each video, from its beginning."""
    pictures: NonNegativeInt = 24
    """Frames that are drawn with both skeletons: those of worst agreement, no two of the same second."""
    overwrite: bool = False
    """Replace files that are there and were not written by dancegen."""

    def each(self) -> tuple[EstimatorConfig, EstimatorConfig]:
        """The settings of the two estimators."""
        shared = self.estimator.model_dump()
        one, other = (EstimatorConfig.model_validate({**shared, "name": name}) for name in self.estimators)
        return one, other

    @model_validator(mode="after")
    def _there_is_something_to_compare(self) -> Self:
        if self.estimators[0] == self.estimators[1]:
            raise ValueError(f"estimators: {self.estimators[0]} is given twice, and two are compared")
        self.each()
        return self
