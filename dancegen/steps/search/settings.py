"""Settings of search: which weights and learning rates are tried, or which rows of an ablation are compared."""

import difflib
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, ValidationError, field_validator, model_validator

from dancegen.config import Config, InputUri, Output, Uri
from dancegen.gan.settings import DanceModelConfig
from dancegen.steps.train_dance.settings import TrainDanceConfig

DRIVER_CPUS = 0.01  # of the process that leads one training: it only waits
OF_THE_CLIPS = ("fps",)  # numbers of the model that the clips decide
Bound = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SearchConfig(Config):
    """Many short trainings -> best.yaml, the settings of the best one, for train-dance."""

    train: TrainDanceConfig = TrainDanceConfig(epochs=20)
    """The training whose settings are searched for; all else in it stays. best.yaml keeps its `output`."""
    output: Annotated[Uri, Output(inside=("best.yaml", "trials.csv", "scores.html", "scores.md", "tune"))] = (
        "runs/search"
    )
    """Folder of best.yaml, trials.csv, the plots and the trainings. A search that was stopped goes on from here."""
    samples: PositiveInt = 24
    """Trainings in all. May be raised later: the search then goes on. One that failed is replaced when it goes on."""
    concurrent: PositiveInt = 1
    """Trainings at the same time, each with `train.workers` workers. May be another number when a search goes on."""
    grace_epochs: PositiveInt = 2
    """Epochs before a training may be stopped for being worse than others."""
    reduction: int = Field(default=2, ge=2)
    """Of so many trainings, one is let go on at each stage."""
    objective: Literal["misfit", "frechet_k2", "frechet_pose", "l1"] = "misfit"
    """What is made small on the validation clips, whose songs were not learned from. `misfit` is how unlike the real
    dances the made ones are in movement, poses and beat; the others are one of these (see Frechet distance), or l1."""
    space: dict[str, tuple[Bound, Bound]] = Field(
        default={
            "losses.perceptual": (0.1, 10.0),
            "losses.feature_matching": (0.1, 10.0),
            "losses.l1": (5.0, 200.0),
            "losses.velocity": (5.0, 200.0),
            "losses.gradient_penalty": (0.1, 10.0),
            "optimizer.generator_rate": (1e-4, 3e-3),
            "optimizer.local_rate": (3e-5, 1e-3),
            "optimizer.global_rate": (3e-5, 1e-3),
        },
        min_length=1,
    )
    """Numbers below `train.model` to choose, each from [low, high], evenly on a logarithmic scale."""
    seed: int = 0
    """Decides which values are tried."""
    rows: dict[str, dict[str, Any]] = Field(default={})
    """An ablation instead of a search: the settings below `train.model` of each row. Each is trained to the end with
    each of the seeds and then measured by `evaluate`; the table of all is scores.md and scores.html."""
    seeds: PositiveInt = 3
    """rows: trainings of each, with seeds from `train.seed` on."""
    heldout: InputUri | None = None
    """rows: a network that was never a loss (pretrain-perceptual kind=heldout), for the FID to quote."""
    cross_modal: InputUri | None = None
    """rows: how such music is danced (train-cross-modal), for the cross-modal metric."""

    @property
    def trainings(self) -> int:
        """How many there are in all."""
        return len(self.rows) * self.seeds or self.samples

    @property
    def cpus(self) -> float:
        """Processor cores of all trainings that run at the same time, and one for what Ray runs beside them."""
        return self.concurrent * self.cpus_a_training + 1

    @property
    def cpus_a_training(self) -> float:
        """Processor cores of one training."""
        return self.train.cpus - 1 + DRIVER_CPUS

    @property
    def trained_alone(self) -> bool:
        """Whether each training is one worker's, which needs no other process."""
        return self.train.workers == 1 and not self.train.worker_environment

    @property
    def gpus(self) -> int:
        """GPUs of all trainings that run at the same time."""
        return self.concurrent * self.train.gpus

    @field_validator("space")
    @classmethod
    def _space_is_of_numbers(cls, space: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        mistakes = [text for name, bounds in space.items() if (text := _mistake(name, *bounds))]
        if mistakes:
            raise ValueError("\n  space: ".join(mistakes))
        return space

    @model_validator(mode="after")
    def _rows_are_of_the_model(self) -> Self:
        for row, changes in self.rows.items():
            try:
                DanceModelConfig.model_validate(merged(self.train.model.model_dump(), changes))
            except ValidationError as error:
                wrong = error.errors()[0]
                place = ".".join(map(str, wrong["loc"]))
                raise ValueError(f"rows.{row}.{place}: {wrong['msg'].lower()}") from error
        return self

    @model_validator(mode="after")
    def _trainings_can_be_compared(self) -> Self:
        if self.grace_epochs > self.train.epochs:
            raise ValueError(f"grace_epochs={self.grace_epochs} is more than train.epochs={self.train.epochs}")
        if self.train.workers_min:
            raise ValueError(
                "train.workers_min: trainings are compared with equal numbers of workers; give train.workers"
            )
        return self


def nested(values: dict[str, float]) -> dict[str, Any]:
    """Values by dotted name as settings inside settings."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *above, last = name.split(".")
        level = tree
        for part in above:
            level = level.setdefault(part, {})
        level[last] = value
    return tree


def merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Settings inside settings, those of `over` over the others."""
    return under | {
        name: merged(under.get(name) or {}, value) if isinstance(value, dict) else value for name, value in over.items()
    }


def _mistake(name: str, low: float, high: float) -> str | None:
    """What is wrong with one line of the space."""
    known = [found for found in _numbers(DanceModelConfig) if found not in OF_THE_CLIPS]
    if name not in known:
        close = [full for full in known if full.endswith(f".{name}")] or difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
        return f"{name} is no number of the model that can be searched ({hint})"
    if low >= high:
        return f"{name} must be [low, high], and is [{low:g}, {high:g}]"
    for end in (low, high):
        try:
            DanceModelConfig.model_validate(nested({name: end}))
        except ValidationError as error:
            return f"{name}={end:g}: {error.errors()[0]['msg'].lower()}"
    return None


def _numbers(kind: type[Config], prefix: str = "") -> Iterator[str]:
    """Dotted names of all settings that are real numbers."""
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Config):
            yield from _numbers(field.annotation, f"{prefix}{name}.")
        elif field.annotation is float:
            yield prefix + name
