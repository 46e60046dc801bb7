"""Settings of train-renderer: frames of one person -> a person checkpoint."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from dancegen.checkpoints.header import PersonUri
from dancegen.config import InputUri, Output, Uri
from dancegen.renderer.consent import Consent
from dancegen.renderer.perceptual_settings import PerceptualConfig
from dancegen.renderer.settings import RendererConfig
from dancegen.training.settings import EpochRun


class TrainRendererConfig(EpochRun):
    """Train pix2pixHD on the frames of one person's footage."""

    UNIT: ClassVar[str] = "frames"

    frames: InputUri = "data/frames"
    """Table of frames, from cut-frames; FRAMES_footage is read beside it."""
    output: Annotated[Uri, Output(inside=("{name}", "person.safetensors"))] = "runs/renderer"
    """Folder of the run: its checkpoints below the name, and person.safetensors, the best model."""
    person: str | None = Field(default=None, min_length=1)
    """Name of the person's model; null is the person of the frames."""
    consent: Consent
    """Who is in the footage, and who agreed to what use of it. Kept in the checkpoint and in every video."""
    licence: str = Field(default="not licensed", min_length=1)
    """Licence of the weights."""
    model: RendererConfig = RendererConfig()
    """The networks and their losses; configs/presets/renderer_*.yaml have complete sets of these."""
    perceptual: PerceptualConfig = PerceptualConfig()
    """Network of the perceptual loss, when `model.losses.perceptual` has a weight."""
    init_from: PersonUri | None = None
    """Person to fine-tune, which needs less footage: `mia`, who is shipped with dancegen, or a checkpoint, as a path or
    URI. Under the same name (`person`), the poses of its footage count as known. Null trains from scratch."""
    epochs: PositiveInt = 40
    """Training epochs. The learning rates decay to 0 over them, so a run cannot be extended."""
    batch_size: PositiveInt = 4
    """Frames per update on each worker (1 as published)."""
    monitor: Literal["gmsd", "l1", "ssim", "perceptual", "last"] = "gmsd"
    """Metric of the validation frames that selects the best epoch, inside the box of the person: gradient magnitude
    similarity deviation, L1 distance, structural similarity, or the distance of the perceptual loss. `last` uses the
    last epoch and requires no validation frames."""

    @model_validator(mode="after")
    def _monitor_is_computed(self) -> Self:
        if self.monitor == "perceptual" and not self.compares_features:
            raise ValueError("monitor=perceptual requires model.losses.perceptual above 0 and another perceptual.kind")
        return self

    @property
    def compares_features(self) -> bool:
        """Whether the perceptual loss is active."""
        return self.model.losses.perceptual > 0 and self.perceptual.kind != "none"
