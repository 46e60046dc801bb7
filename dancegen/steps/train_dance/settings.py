"""Settings of train-dance: clips, model, training length and monitoring."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import PositiveInt, model_validator

from dancegen.config import InputUri, Output, Uri
from dancegen.gan.settings import DanceModelConfig
from dancegen.training.settings import EpochRun


class TrainDanceConfig(EpochRun):
    """Train a dance model on clips."""

    FORMER: ClassVar = {"start": "init_from", "workers_min": "min_workers", "best_by": "monitor"}
    FORMER_VALUES: ClassVar = {"monitor": {"misfit": "motion_error"}}

    clips: InputUri = "data/clips"
    """Table of clips, from cut-clips."""
    output: Annotated[Uri, Output(inside=("{name}", "dance.safetensors"))] = "runs/dance"
    """Folder of the run: its checkpoints below the name, and dance.safetensors, the best model."""
    model: DanceModelConfig = DanceModelConfig()
    """The model and its losses; configs/presets/ has complete sets of these."""
    perceptual: InputUri | None = None
    """Checkpoint of the network of `model.losses.perceptual`, from pretrain-perceptual; null uses the shipped one."""
    init_from: InputUri | None = None
    """Checkpoint of a dance model to fine-tune, such as one trained on more clips; null trains from scratch."""
    epochs: PositiveInt = 100
    """Training epochs. May be raised later to resume the run."""
    monitor: Literal["motion_error", "l1", "frechet_k2", "frechet_pose", "beat_alignment", "last"] = "motion_error"
    """Validation metric that selects the best epoch. `motion_error` combines movement, poses and beat; l1 favours a
    motionless dancer. `last` uses the last epoch and requires no validation clips."""

    @model_validator(mode="after")
    def _has_a_tokenizer(self) -> Self:
        if self.model.head == "tokens" and not self.model.tokens.tokenizer_epochs and self.init_from is None:
            raise ValueError("model.tokens.tokenizer_epochs=0 keeps the tokenizer of a model: give init_from=...")
        return self
