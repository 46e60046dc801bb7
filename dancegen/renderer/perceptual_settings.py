"""Settings of the network whose features the perceptual loss, or a metric, compares."""

from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from dancegen.config import Config, InputFile


class PerceptualConfig(Config):
    """Network that compares pictures; its weights are frozen."""

    kind: Literal["efficientnet_lite0", "efficientnet_lite2", "vgg19", "none"] = "efficientnet_lite0"
    """efficientnet_lite0, efficientnet_lite2: their weights come from packages of the extra `renderer`. vgg19: the
    published network, with weights from a file. none: no network."""
    weights: InputFile | None = None
    """State dict of the network, a path or s3://: of vgg19 the file vgg19-*.pth of torchvision (required); null is the
    package's file for efficientnet_lite0 and efficientnet_lite2."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)] | None = None
    """SHA-256 of the weights, verified on load; required with weights."""

    @model_validator(mode="after")
    def _weights_are_known(self) -> Self:
        if self.kind == "vgg19" and self.weights is None:
            raise ValueError("kind=vgg19 needs weights: a path or s3:// of torchvision's vgg19-*.pth, and its sha256")
        if (self.weights is None) != (self.sha256 is None):
            raise ValueError("weights and sha256 must be given together: the file is verified")
        return self
