"""Settings of train-dance: which clips, which model, how long, and how it is watched over."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from dancegen.config import InputUri, Output, Uri
from dancegen.engine.training.settings import TrainingRun
from dancegen.gan.settings import DanceModelConfig


class TrainDanceConfig(TrainingRun):
    """clips -> a model that dances."""

    output: Annotated[Uri, Output(inside=("{name}", "dance.safetensors"))] = "runs/dance"
    """Folder for the run: its checkpoints below the name, and dance.safetensors, the best model."""
    model: DanceModelConfig = DanceModelConfig()
    """The model and its losses; configs/presets/ has whole sets of these."""
    perceptual: InputUri | None = None
    """Checkpoint of the network behind `model.losses.perceptual`, as pretrain-perceptual makes it; null is ours."""
    start: InputUri | None = None
    """Checkpoint of a dance model to begin with, such as one that was trained on more clips; null begins anew."""
    epochs: PositiveInt = 100
    """Times that every clip is seen. May be raised later: the run then goes on."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """How the networks calculate. `auto` is bfloat16 where the GPU or the processor is made for it, and float32
    elsewhere; weights and losses are float32 always."""
    compile: bool = False
    """Let torch compile the networks: a minute at the start, then faster updates, above all on a GPU."""
    workers_min: PositiveInt | None = None
    """With it the run goes on with as few workers when machines are lost, and grows back; null is always `workers`.
    Other workers share out the clips anew, and fewer make a smaller batch at the same learning rates: the result is
    another one than with a fixed number, and a resize inside an epoch shows some of its clips twice or not at all."""
    best_by: Literal["misfit", "l1", "frechet_k2", "frechet_pose", "beat_alignment", "last"] = "misfit"
    """Number measured on the validation clips that decides which epoch's model is the finished one. `misfit` counts
    how the dances move, stand and keep the beat; l1 prefers a dancer that stands still. `last` takes the last epoch's,
    and needs no validation clips."""
    checkpoint_minutes: NonNegativeFloat = 15.0
    """A checkpoint inside an epoch when the last one is so old; 0 makes them between epochs only. There is always one
    when a machine is about to be taken away."""
    diverged_factor: float = Field(default=1000.0, gt=1)
    """The run stops when a loss is so many times its own level: the median of its last means, or its first one."""
    pictures_every: NonNegativeInt = 10
    """Epochs from one picture and video of real against generated dances to the next, below the run's folder and in
    MLflow; the last epoch has them too. 0 makes none."""

    @property
    def cpus(self) -> float:
        """Processor cores that the run needs at least, and one for what Ray runs beside the workers."""
        return (self.workers_min or self.workers) * self.cpus_per_worker + 1

    @property
    def gpus(self) -> int:
        """GPUs that the run needs at least."""
        return (self.workers_min or self.workers) if self.use_gpu else 0

    @model_validator(mode="after")
    def _not_fewer_than_at_least(self) -> Self:
        if self.workers_min and self.workers_min > self.workers:
            raise ValueError(f"workers_min={self.workers_min} is more than workers={self.workers}")
        return self
