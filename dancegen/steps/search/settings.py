"""Settings of search: hyperparameters and their ranges, or the rows of an ablation."""

import difflib
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PositiveInt, ValidationError, field_validator, model_validator

from dancegen import former_names
from dancegen.config import Config, InputUri, Output, Uri
from dancegen.gan.settings import DanceModelConfig
from dancegen.steps.train_dance.settings import TrainDanceConfig

DRIVER_CPUS = 0.01  # of the driver process of one trial: it only waits
OF_THE_CLIPS = ("fps",)  # settings of the model that the clips determine
Bound = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SearchConfig(Config):
    """Run many short trainings (trials) and write best.yaml, the settings of the best one, for train-dance."""

    FORMER: ClassVar = {
        "samples": "num_samples",
        "concurrent": "max_concurrent_trials",
        "reduction": "reduction_factor",
        "rows": "ablation",
    }
    FORMER_VALUES: ClassVar = {"objective": {"misfit": "motion_error"}}

    train: TrainDanceConfig = TrainDanceConfig(epochs=20)
    """Base settings of the trials; settings outside `space` stay unchanged. best.yaml keeps its `output`."""
    output: Annotated[Uri, Output(inside=("best.yaml", "trials.csv", "scores.html", "scores.md", "tune"))] = (
        "runs/search"
    )
    """Folder of best.yaml, trials.csv, the plots and the trials. A stopped search resumes from it."""
    num_samples: PositiveInt = 24
    """Total number of trials. May be raised later to resume the search. Failed trials are replaced on resume."""
    max_concurrent_trials: PositiveInt = 1
    """Concurrent trials, each with `train.workers` workers. May be changed when a search is resumed."""
    grace_epochs: PositiveInt = 2
    """ASHA grace period: epochs before a trial may be stopped early."""
    reduction_factor: int = Field(default=2, ge=2)
    """ASHA reduction factor: one of this many trials continues at each rung."""
    objective: Literal["motion_error", "frechet_k2", "frechet_pose", "l1"] = "motion_error"
    """Validation metric to minimise. `motion_error` combines the differences from real dances in movement, poses and
    beat; the Frechet distances measure movement (frechet_k2) or poses (frechet_pose) alone; l1 is the joint
    distance."""
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
    """Search space: settings below `train.model`, each sampled log-uniformly from [low, high]."""
    seed: int = 0
    """Seed of the sampled values."""
    ablation: dict[str, dict[str, Any]] = Field(default={})
    """Ablation instead of a search: overrides below `train.model`, by row name. Each row is fully trained with each
    seed and scored by `evaluate`; the table is scores.md and scores.html."""
    seeds: PositiveInt = 3
    """ablation: trials per row, with seeds from `train.seed` on."""
    heldout: InputUri | None = None
    """ablation: checkpoint of a feature extractor that no loss uses (pretrain-perceptual kind=heldout); null omits the
    held-out FID."""
    cross_modal: InputUri | None = None
    """ablation: checkpoint from train-cross-modal; null omits the cross-modal metric."""

    @property
    def trainings(self) -> int:
        """Total number of trials."""
        return len(self.ablation) * self.seeds or self.num_samples

    @property
    def cpus(self) -> float:
        """CPU cores of all concurrent trials, and one for Ray's own processes."""
        return self.max_concurrent_trials * self.cpus_a_training + 1

    @property
    def cpus_a_training(self) -> float:
        """CPU cores of one trial."""
        return self.train.cpus - 1 + DRIVER_CPUS

    @property
    def trained_alone(self) -> bool:
        """Whether each trial has a single worker, which runs in the trial's own process."""
        return self.train.workers == 1 and not self.train.env_vars

    @property
    def gpus(self) -> int:
        """GPUs of all concurrent trials."""
        return self.max_concurrent_trials * self.train.gpus

    @field_validator("space", mode="before")
    @classmethod
    def _former_names_in_space(cls, space: Any) -> Any:
        if not isinstance(space, dict):
            return space
        return {former_names.replace_in_path(DanceModelConfig, name): bounds for name, bounds in space.items()}

    @field_validator("ablation")
    @classmethod
    def _former_names_in_ablation(cls, ablation: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {row: former_names.replace(DanceModelConfig, changes) for row, changes in ablation.items()}

    @field_validator("space")
    @classmethod
    def _space_is_of_numbers(cls, space: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        mistakes = [text for name, bounds in space.items() if (text := _mistake(name, *bounds))]
        if mistakes:
            raise ValueError("\n  space: ".join(mistakes))
        return space

    @model_validator(mode="after")
    def _rows_are_of_the_model(self) -> Self:
        for row, changes in self.ablation.items():
            try:
                DanceModelConfig.model_validate(merged(self.train.model.model_dump(), changes))
            except ValidationError as error:
                wrong = error.errors()[0]
                place = ".".join(map(str, wrong["loc"]))
                raise ValueError(f"ablation.{row}.{place}: {wrong['msg'].lower()}") from error
        return self

    @model_validator(mode="after")
    def _trainings_can_be_compared(self) -> Self:
        if self.grace_epochs > self.train.epochs:
            raise ValueError(f"grace_epochs={self.grace_epochs} is more than train.epochs={self.train.epochs}")
        if self.train.min_workers:
            raise ValueError("train.min_workers: all trials must have the same number of workers; give train.workers")
        return self


def nested(values: dict[str, float]) -> dict[str, Any]:
    """Values by dotted name, as nested settings."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *above, last = name.split(".")
        level = tree
        for part in above:
            level = level.setdefault(part, {})
        level[last] = value
    return tree


def merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Nested settings, merged; those of `over` take precedence."""
    return under | {
        name: merged(under.get(name) or {}, value) if isinstance(value, dict) else value for name, value in over.items()
    }


def _mistake(name: str, low: float, high: float) -> str | None:
    """Error message for one entry of the search space; None when it is valid."""
    known = [found for found in _numbers(DanceModelConfig) if found not in OF_THE_CLIPS]
    if name not in known:
        close = [full for full in known if full.endswith(f".{name}")] or difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else f"searchable: {', '.join(known)}"
        return f"{name} is not a searchable setting of the model ({hint})"
    if low >= high:
        return f"{name} must be [low, high] with low < high, and is [{low:g}, {high:g}]"
    for end in (low, high):
        try:
            DanceModelConfig.model_validate(nested({name: end}))
        except ValidationError as error:
            return f"{name}={end:g}: {error.errors()[0]['msg'].lower()}"
    return None


def _numbers(kind: type[Config], prefix: str = "") -> Iterator[str]:
    """Dotted names of all settings of type float."""
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Config):
            yield from _numbers(field.annotation, f"{prefix}{name}.")
        elif field.annotation is float:
            yield prefix + name
