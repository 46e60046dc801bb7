"""Settings of a pose estimator: who says where the joints are."""

import urllib.parse
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, StringConstraints, model_validator

from dancegen.config import Config, InputUri, place

PUBLISHED = "OpenMMLab publishes RTMPose (Apache-2.0): https://github.com/open-mmlab/mmpose/tree/main/projects/rtmpose"


def _weights_uri(uri: str) -> str:
    return uri if urllib.parse.urlsplit(uri).scheme == "https" else place(uri)


Share = Annotated[float, Field(ge=0, le=1)]
Channels = tuple[float, float, float]
WeightsUri = Annotated[str, AfterValidator(_weights_uri)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]


def _check_hash(uri: str | None, sha256: str | None) -> None:
    if uri and sha256 is None and "://" in uri:
        raise ValueError(f"sha256 must be given with weights={uri}: what is fetched is checked")


class DetectorConfig(Config):
    """The network that finds people, with non-maximum suppression inside. It is shown blue, green and red."""

    weights: WeightsUri
    """ONNX file, or a zip with one: a path, s3:// or https://. YOLOX or RTMDet as OpenMMLab exports them."""
    sha256: Sha256 | None = None
    """SHA-256 of the file: must be given for one that is fetched, and is always checked."""
    mean: Channels = (0.0, 0.0, 0.0)
    """Taken from blue, green and red (0 to 255). RTMDet: [103.53, 116.28, 123.675]."""
    std: Channels = (1.0, 1.0, 1.0)
    """By which the rest is divided. RTMDet: [57.375, 57.12, 58.395]."""
    min_confidence: Share = 0.5
    """A person of less is none."""

    @model_validator(mode="after")
    def _what_is_fetched_is_checked(self) -> Self:
        _check_hash(self.weights, self.sha256)
        return self


class EstimatorConfig(Config):
    """Who says where the joints are."""

    name: Literal["mediapipe", "onnx", "openpose_json"] = "mediapipe"
    """mediapipe and onnx look at the pictures; openpose_json reads the files that OpenPose and others wrote."""
    min_confidence: Share = 0.3
    """A joint of less confidence (mediapipe: visibility) is missing."""
    max_people: PositiveInt = 4
    """mediapipe, onnx: people in a picture at most."""
    json_folder: InputUri | None = None
    """openpose_json: where the folders `<video's name>_openpose` or the files `<video's name>.json` are; beside each
    video when not set."""
    weights: WeightsUri | None = None
    """onnx: the network that finds the joints of one person (RTMPose and others): ONNX file, or a zip with one; a path,
    s3:// or https://."""
    sha256: Sha256 | None = None
    """onnx: SHA-256 of that file: must be given for one that is fetched, and is always checked."""
    mean: Channels = (123.675, 116.28, 103.53)
    """onnx: taken from red, green and blue (0 to 255) before the network sees them."""
    std: Channels = (58.395, 57.12, 57.375)
    """onnx: by which the rest is divided."""
    detector: DetectorConfig | None = None
    """onnx: the network that finds people. Without one there is one person: looked for in the whole picture, then where
    the pose before was."""
    batch: PositiveInt = 8
    """onnx: pictures that are worked on together, with a detector; without one each waits for the one before."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """onnx: where the networks run. `auto` is CUDA where onnxruntime has it, and the processor elsewhere."""

    @model_validator(mode="after")
    def _weights_are_known(self) -> Self:
        if self.name == "onnx" and self.weights is None:
            raise ValueError(f"name=onnx needs weights, a path, s3:// or https:// of an ONNX file ({PUBLISHED})")
        _check_hash(self.weights, self.sha256)
        return self
