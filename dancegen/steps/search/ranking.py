"""trainings of a search -> the ranking, the table of all, and the best settings

Trainings are compared only at the same epoch. A training that reached a later epoch ranks before one that was stopped,
and at the same epoch the one with the smaller objective ranks first. ASHA and Optuna use the same order.
"""

import csv
import io
import math
from dataclasses import dataclass
from typing import Any, Literal

from dancegen import config as settings
from dancegen.steps.search.settings import SearchConfig, merged, nested
from dancegen.steps.train_dance.settings import TrainDanceConfig

STATES = ("done", "stopped", "diverged", "failed")
COMPARED = STATES[:2]
ROW, SEED = "row", "seed"  # values of a training of an ablation


@dataclass(frozen=True)
class Trial:
    """Result of one training of the search."""

    id: str
    state: Literal["done", "stopped", "diverged", "failed"]
    """stopped: early, as worse than others. diverged: a loss became NaN or Inf, or exploded. failed: externally."""
    values: dict[str, Any]
    """Its values: numbers by dotted name below `model`; for an ablation, ROW and SEED."""
    history: dict[int, dict[str, float]]
    """The metrics of each epoch."""
    error: str = ""

    @property
    def epochs(self) -> int:
        """The last epoch that it finished."""
        return max(self.history, default=0)

    def objective(self, name: str, epoch: int | None = None) -> float:
        """The objective after an epoch, by default the last one; infinite where there is none."""
        numbers = self.history.get(self.epochs if epoch is None else epoch, {})
        value = numbers.get(f"validation/{name}", math.inf)
        return math.inf if math.isnan(value) else value


def ranked(trials: list[Trial], objective: str) -> list[Trial]:
    """The trainings, the best first; those that diverged after all others, and the failed at the end."""

    def place(trial: Trial) -> tuple[int, int, float]:
        return max(1, STATES.index(trial.state)), -trial.epochs, trial.objective(objective)

    return sorted(trials, key=place)


def common_epoch(trials: list[Trial]) -> int:
    """The last epoch that all trainings reached that neither failed nor diverged; 0 when there are none."""
    return min((trial.epochs for trial in trials if trial.state in COMPARED), default=0)


def table(trials: list[Trial], objective: str) -> str:
    """All trainings as CSV: state, values, the objective at the same epoch (see `common_epoch`), the last metrics."""
    epoch = common_epoch(trials)
    same_age = f"{objective} after epoch {epoch}"
    rows = []
    for trial in trials:
        row = {"trial": trial.id, "state": trial.state, "epochs": trial.epochs, **trial.values}
        rows.append(
            row
            | ({same_age: trial.objective(objective, epoch)} if epoch in trial.history else {})
            | trial.history.get(trial.epochs, {})
            | {"error": trial.error}
        )
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def training(config: SearchConfig, values: dict[str, Any]) -> TrainDanceConfig:
    """The training with a trial's values: numbers of its model, or a row of the ablation and its seed."""
    changes: dict[str, Any] = {"model": nested(values)}
    if config.ablation:
        changes = {"model": config.ablation[values[ROW]], SEED: config.train.seed + values[SEED]}
    return settings.validate(TrainDanceConfig, merged(config.train.model_dump(), changes))


def summary(trials: list[Trial], objective: str) -> str:
    """One sentence: the result of the best of the ranked trainings, and what it was compared with."""
    best = trials[0]
    counts = {state: sum(trial.state == state for trial in trials) for state in STATES}
    others = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    chosen = ", ".join(f"{name} {value:.3g}" for name, value in best.values.items())
    reached = f"{objective} {best.objective(objective):.3g} after {best.epochs} epochs"
    equals = sum(trial.state in COMPARED and trial.epochs == best.epochs for trial in trials)
    return f"{reached} with {chosen}: the best of the {equals} that reached this epoch, of {len(trials)} ({others})"


def best_yaml(config: SearchConfig, trials: list[Trial]) -> str:
    """The settings of the best of the ranked trainings, as YAML for train-dance."""
    best = settings.to_yaml(training(config, trials[0].values))
    return f"# Found by search: {summary(trials, config.objective)}\n{best}"
