"""Settings of the pose estimator."""

import urllib.parse
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, StringConstraints, model_validator

from dancegen.config import Config, InputUri, absolute_uri

PUBLISHED = "OpenMMLab publishes RTMPose (Apache-2.0): https://github.com/open-mmlab/mmpose/tree/main/projects/rtmpose"


def _weights_uri(uri: str) -> str:
    return uri if urllib.parse.urlsplit(uri).scheme == "https" else absolute_uri(uri)


Share = Annotated[float, Field(ge=0, le=1)]
Channels = tuple[float, float, float]
WeightsUri = Annotated[str, AfterValidator(_weights_uri)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]


def _check_hash(uri: str | None, sha256: str | None) -> None:
    if uri and sha256 is None and "://" in uri:
        raise ValueError(f"sha256 must be given with weights={uri}: downloaded files are verified")


class DetectorConfig(Config):
    """Person detection network with built-in non-maximum suppression. Its input is BGR."""

    weights: WeightsUri
    """ONNX file, or a zip with one: a path, s3:// or https://. YOLOX or RTMDet as OpenMMLab exports them."""
    sha256: Sha256 | None = None
    """SHA-256 of the file, verified on load; required for files that are downloaded."""
    mean: Channels = (0.0, 0.0, 0.0)
    """Mean subtracted from the BGR channels (0 to 255). RTMDet: [103.53, 116.28, 123.675]."""
    std: Channels = (1.0, 1.0, 1.0)
    """Standard deviation that divides the BGR channels. RTMDet: [57.375, 57.12, 58.395]."""
    min_confidence: Share = 0.5
    """Minimum confidence of a detected person."""

    @model_validator(mode="after")
    def _what_is_fetched_is_checked(self) -> Self:
        _check_hash(self.weights, self.sha256)
        return self


class EstimatorConfig(Config):
    """The pose estimator."""

    name: Literal["mediapipe", "onnx", "openpose_json"] = "mediapipe"
    """mediapipe and onnx process the frames; openpose_json reads files written by OpenPose and other tools."""
    min_confidence: Share = 0.3
    """Minimum confidence of a joint (mediapipe: visibility); joints below it are missing."""
    max_people: PositiveInt = 4
    """mediapipe, onnx: maximum number of people per frame."""
    json_folder: InputUri | None = None
    """openpose_json: folder of the folders `<video's name>_openpose` or the files `<video's name>.json`; null is the
    folder of each video."""
    weights: WeightsUri | None = None
    """onnx: network for the joints of one person (RTMPose and others): ONNX file, or a zip with one; a path, s3:// or
    https://."""
    sha256: Sha256 | None = None
    """onnx: SHA-256 of that file, verified on load; required for files that are downloaded."""
    mean: Channels = (123.675, 116.28, 103.53)
    """onnx: mean subtracted from the RGB channels (0 to 255) of the input."""
    std: Channels = (58.395, 57.12, 57.375)
    """onnx: standard deviation that divides the RGB channels."""
    detector: DetectorConfig | None = None
    """onnx: person detection network. null finds one person: in the whole frame first, then around the previous
    pose."""
    batch: PositiveInt = 8
    """onnx: frames per batch with a detector; without one, frames are processed one by one."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """onnx: device of the networks. `auto` is CUDA where onnxruntime supports it, and the CPU elsewhere."""

    @model_validator(mode="after")
    def _weights_are_known(self) -> Self:
        if self.name == "onnx" and self.weights is None:
            raise ValueError(f"name=onnx needs weights: a path, s3:// or https:// of an ONNX file ({PUBLISHED})")
        _check_hash(self.weights, self.sha256)
        return self
