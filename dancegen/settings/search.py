"""Settings of search: which loss weights are tried, how many trainings, how soon a bad one is stopped."""

from typing import Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from dancegen.config import Config, Uri
from dancegen.settings.dance_model import LossConfig
from dancegen.settings.train_dance import TrainDanceConfig

DRIVER_CPUS = 0.1  # of the process that leads one training


class SearchConfig(Config):
    """Many short trainings -> best.yaml, the settings of the best one, for train_dance."""

    train: TrainDanceConfig = TrainDanceConfig(epochs=20)
    """The training whose loss weights are searched for; all else in it stays. best.yaml keeps its `output`."""
    output: Uri = "runs/search"
    """Folder of best.yaml, trials.csv and the trainings. A search that was stopped goes on from here."""
    samples: PositiveInt = 8
    """Trainings in all."""
    concurrent: PositiveInt = 1
    """Trainings at the same time, each with `train.workers` workers."""
    grace_epochs: PositiveInt = 2
    """Epochs before a training may be stopped for being worse than others."""
    reduction: int = Field(default=2, ge=2)
    """Of so many trainings, one is let go on at each stage."""
    objective: Literal["misfit", "l1"] = "misfit"
    """What is made small on the test clips: `misfit` also counts too little or too jerky movement."""
    space: dict[str, tuple[PositiveFloat, PositiveFloat]] = Field(
        default={"l1": (5.0, 100.0), "velocity": (5.0, 100.0), "adversarial_local": (0.1, 3.0)}, min_length=1
    )
    """Weights in `train.model.losses` to choose, each from [low, high], evenly on a logarithmic scale."""
    seed: int = 0
    """Decides which weights are tried."""

    @property
    def cpus(self) -> float:
        """Processor cores of all trainings that run at the same time, and one for what Ray runs beside them."""
        return self.concurrent * self.cpus_a_training + 1

    @property
    def cpus_a_training(self) -> float:
        """Processor cores of one training."""
        return self.train.workers * self.train.cpus_per_worker + DRIVER_CPUS

    @property
    def gpus(self) -> int:
        """GPUs of all trainings that run at the same time."""
        return self.concurrent * self.train.gpus

    @model_validator(mode="after")
    def _space_is_of_weights(self) -> Self:
        for name, (low, high) in self.space.items():
            if name not in LossConfig.model_fields:
                raise ValueError(f"space.{name} is no weight of a loss; there are {', '.join(LossConfig.model_fields)}")
            if low >= high:
                raise ValueError(f"space.{name} must be [low, high], and is [{low:g}, {high:g}]")
        if self.grace_epochs > self.train.epochs:
            raise ValueError(f"grace_epochs={self.grace_epochs} is more than train.epochs={self.train.epochs}")
        return self
