"""Settings of train-dance: clips, model, training length and monitoring."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from dancegen.config import InputUri, Output, Uri
from dancegen.engine.training.settings import TrainingRun
from dancegen.gan.settings import DanceModelConfig


class TrainDanceConfig(TrainingRun):
    """Train a dance model on clips."""

    FORMER: ClassVar = {"start": "init_from", "workers_min": "min_workers", "best_by": "monitor"}
    FORMER_VALUES: ClassVar = {"monitor": {"misfit": "motion_error"}}

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
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the networks. `auto` is bfloat16 where the GPU or CPU has hardware support for it, and float32
    elsewhere; weights and losses are always float32."""
    compile: bool = False
    """Compile the networks with torch.compile: takes about a minute, then updates are faster, mainly on a GPU."""
    min_workers: PositiveInt | None = None
    """Minimum number of workers: the run shrinks to it when nodes are lost, and grows back; null is always `workers`.
    A resize reshards the clips and changes the global batch size at the same learning rates: results differ from a
    fixed number of workers, and a resize inside an epoch repeats or skips some of its clips."""
    monitor: Literal["motion_error", "l1", "frechet_k2", "frechet_pose", "beat_alignment", "last"] = "motion_error"
    """Validation metric that selects the best epoch. `motion_error` combines movement, poses and beat; l1 favours a
    motionless dancer. `last` uses the last epoch and requires no validation clips."""
    checkpoint_minutes: NonNegativeFloat = 15.0
    """Interval between checkpoints inside an epoch, in minutes; 0 saves them between epochs only. A preemption notice
    always triggers one."""
    diverged_factor: float = Field(default=1000.0, gt=1)
    """The run stops when a loss exceeds this multiple of its level: the larger of its first mean and the median of its
    recent ones."""
    pictures_every: NonNegativeInt = 10
    """Epochs between images and videos of real and generated dances, below the run's folder and in MLflow; always made
    after the last epoch. 0 disables them."""

    @property
    def cpus(self) -> float:
        """Minimum CPU cores of the run, and one for Ray's own processes."""
        return (self.min_workers or self.workers) * self.cpus_per_worker + 1

    @property
    def gpus(self) -> int:
        """Minimum GPUs of the run."""
        return (self.min_workers or self.workers) if self.use_gpu else 0

    @model_validator(mode="after")
    def _not_fewer_than_at_least(self) -> Self:
        if self.min_workers and self.min_workers > self.workers:
            raise ValueError(f"min_workers={self.min_workers} is more than workers={self.workers}")
        return self
