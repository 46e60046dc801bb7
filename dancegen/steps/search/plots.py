"""trainings of a search -> self-contained HTML pages that show which settings matter"""

import math
import warnings
from collections import Counter

import optuna
import plotly.graph_objects as go
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator

from dancegen.steps.search.ranking import COMPARED, STATES, Trial, common_epoch
from dancegen.steps.search.settings import SearchConfig

ENOUGH = 20
"""Trainings needed to estimate importance: with six settings of which one matters, and noise of a sixth of its
effect, that one ranked first in 95 of 100 searches of 20 trainings, in 72 of 12, and in 53 of 8."""
BEST_SHARE = 1 / 3


def few(trials: list[Trial]) -> str | None:
    """A warning when there are too few trainings to estimate which settings matter, else None."""
    count = len(_shown(trials))
    return (
        f"{count} trainings are too few to show which settings matter: run {ENOUGH} or more" if count < ENOUGH else None
    )


def importance(config: SearchConfig, trials: list[Trial]) -> str:
    """HTML page: importance of each setting for a training to be among the best third. `trials` are ranked."""
    shown, names = _shown(trials), _short(list(config.space))
    study = optuna.create_study()
    distributions: dict[str, BaseDistribution] = {
        names[name]: FloatDistribution(low, high, log=True) for name, (low, high) in config.space.items()
    }
    for place, trial in enumerate(shown, 1):
        values = {names[name]: value for name, value in trial.values.items()}
        study.add_trial(optuna.create_trial(params=values, distributions=distributions, value=float(place)))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=BEST_SHARE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too few trainings, which the page reports itself
        figure = optuna.visualization.plot_param_importances(study, evaluator, params=list(distributions))
    caption = few(trials) or f"{len(shown)} trainings; a stopped training ranks behind those that continued"
    figure.update_layout(
        title=_title(f"Importance of each setting for {config.objective} among the best third", caption),
        xaxis_title="importance (PED-ANOVA); the sum is 1",
        yaxis_title=None,
    )
    return _page(figure)


def coordinates(config: SearchConfig, trials: list[Trial]) -> str:
    """HTML page: each training as a line through its place, epochs, objective and settings."""
    names, epoch = _short(list(config.space)), common_epoch(trials)
    same_age = f"{config.objective} @{epoch}"
    study = optuna.create_study()
    for place, trial in enumerate(_shown(trials), 1):
        values: dict[str, float] = {"epochs": trial.epochs}
        distributions: dict[str, BaseDistribution] = {"epochs": IntDistribution(0, config.train.epochs)}
        if math.isfinite(value := trial.objective(config.objective, epoch)):
            values[same_age] = value
            distributions[same_age] = FloatDistribution(value, value)
        for name, (low, high) in config.space.items():
            values[names[name]] = trial.values[name]
            distributions[names[name]] = FloatDistribution(low, high, log=True)
        study.add_trial(optuna.create_trial(params=values, distributions=distributions, value=float(place)))
    figure = optuna.visualization.plot_parallel_coordinate(study, target_name="place")
    caption = f"place 1 is the best; @{epoch}: after epoch {epoch}, which all trainings that did not diverge reached"
    figure.update_layout(title=_title("The trainings of the search", caption))
    return _page(figure)


def _shown(trials: list[Trial]) -> list[Trial]:
    """All but those that failed for a reason unrelated to their settings."""
    return [trial for trial in trials if trial.state in (*COMPARED, STATES[2])]


def _short(names: list[str]) -> dict[str, str]:
    """The last part of each dotted name where that is unique: an axis has room for few characters."""
    counts = Counter(name.rpartition(".")[2] for name in names)
    return {name: last if counts[last := name.rpartition(".")[2]] == 1 else name for name in names}


def _title(text: str, caption: str) -> str:
    return f"{text}<br><sub>{caption}</sub>"


def _page(figure: go.Figure) -> str:
    return figure.to_html(include_plotlyjs=True, config={"displaylogo": False})
