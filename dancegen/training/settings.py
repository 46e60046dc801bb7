"""Settings of trainings in epochs with a best model, checkpoints inside epochs, and pictures (epoch_worker.py)."""

from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from dancegen.engine.training.settings import TrainingRun


class EpochRun(TrainingRun):
    """Settings common to train-dance and train-renderer."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the networks. `auto` is bfloat16 where the GPU or CPU has hardware support for it, and float32
    elsewhere; weights and losses are always float32."""
    compile: bool = False
    """Compile the networks with torch.compile: takes about a minute, then updates are faster, mainly on a GPU."""
    min_workers: PositiveInt | None = None
    """Minimum number of workers: the run shrinks to it when nodes are lost, and grows back; null is always `workers`.
    A resize reshards the data and changes the global batch size at the same learning rates: results differ from a
    fixed number of workers, and a resize inside an epoch repeats or skips some of its data."""
    checkpoint_minutes: NonNegativeFloat = 15.0
    """Interval between checkpoints inside an epoch, in minutes; 0 saves them between epochs only. A preemption notice
    always triggers one."""
    diverged_factor: float = Field(default=1000.0, gt=1)
    """The run stops when a loss exceeds this multiple of its level: the larger of its first mean and the median of its
    recent ones."""
    pictures_every: NonNegativeInt = 10
    """Epochs between images and videos of real and generated results, below the run's folder and in MLflow; always made
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
