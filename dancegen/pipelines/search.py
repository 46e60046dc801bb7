"""clips -> the settings that train best

Ray Tune proposes loss weights (Optuna) and stops trainings that fall behind (ASHA). A trial is a small driver
that fits one training of its own; the search, its trials and their checkpoints survive a killed job.
"""

import csv
import io
import os
from dataclasses import dataclass
from typing import Any

import optuna
import ray.tune
from ray.tune.integration.ray_train import TuneReportCallback
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from dancegen import config as settings
from dancegen import storage
from dancegen.errors import ConfigError, DanceGenError
from dancegen.pipelines import train_dance
from dancegen.pipelines.cluster import require
from dancegen.pipelines.progress import say
from dancegen.pipelines.ray_session import start_ray
from dancegen.pipelines.run_folder import claim
from dancegen.pipelines.search_progress import TellTrials
from dancegen.settings.search import DRIVER_CPUS, SearchConfig
from dancegen.settings.train_dance import TrainDanceConfig

FREE = frozenset({"output", *(f"train.{name}" for name in train_dance.FREE)})
QUIET = {"RAY_AIR_NEW_OUTPUT": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
EXPERIMENT = "tune"  # Ray Tune's folder in the output
BEST, TRIALS = "best.yaml", "trials.csv"


@dataclass(frozen=True)
class Trial:
    """How one training of the search ended."""

    id: str
    state: str
    """done, stopped (for being worse than others) or failed"""
    epochs: int
    weights: dict[str, float]
    metrics: dict[str, float]
    error: str


def run(config: SearchConfig) -> list[Trial]:
    """Search, or go on searching. Writes best.yaml and trials.csv; returns the trials, the best one first."""
    data = train_dance.check(config.train)
    if not data.test:
        raise ConfigError(
            config.train.clips, "holds no test clips to compare on.", "Cut clips with a larger test_share."
        )
    begun = claim(config.output, config, data.data_hash, FREE)
    say(
        f"{config.samples} trainings of up to {config.train.epochs} epochs on {data.train:,} clips, "
        f"{config.concurrent} at a time, compared on {data.test:,}; "
        f"{'going on from' if begun else 'results in'} {config.output}"
    )
    start_ray(config.cpus, config.gpus, dashboard=True)
    remedy = f"Each training needs {config.cpus_a_training:g} CPUs: give fewer to run at the same time (concurrent)."
    require(config.cpus, config.gpus, config.train.max_wait_s, remedy)
    trials = _trials(config, _tuner(config, data.data_hash).fit())
    _write_table(config, trials)
    if trials[0].state == "failed":
        raise DanceGenError(
            config.output, f"all trainings failed; the first: {trials[0].error}", f"See {TRIALS} there."
        )
    best = storage.join(config.output, BEST)
    storage.write_text(best, settings.to_yaml(_with_weights(config.train, trials[0].weights)))
    weights = ", ".join(f"{name} {value:.3g}" for name, value in trials[0].weights.items())
    reached = trials[0].metrics[_metric(config)]
    say(f"best of {len(trials)} trainings: {config.objective} {reached:.3g} with {weights}. Its settings: {best}")
    return trials


def trial(weights: dict[str, float], config: dict[str, Any], data_hash: str) -> None:
    """One training with these weights, led from a process of its own. It goes on when its id comes again."""
    search = SearchConfig.model_validate(config)
    folder = storage.join(search.output, "trials", ray.tune.get_context().get_trial_id())
    changes = {"output": folder, "validate_every": 1}
    training = _with_weights(search.train, weights).model_copy(update=changes)
    train_dance.fit(training, data_hash, [TuneReportCallback()], board=None)


def _tuner(config: SearchConfig, data_hash: str) -> ray.tune.Tuner:
    """The search that was begun in the output, or a new one."""
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    given = ray.tune.with_parameters(trial, config=config.model_dump(), data_hash=data_hash)
    trainable = ray.tune.with_resources(given, {"cpu": DRIVER_CPUS})
    folder = storage.arrow_uri(storage.join(config.output, EXPERIMENT))
    if ray.tune.Tuner.can_restore(folder):
        return ray.tune.Tuner.restore(folder, trainable, resume_unfinished=True, restart_errored=True)
    scheduler = ASHAScheduler(
        time_attr="epoch",
        max_t=config.train.epochs,
        grace_period=config.grace_epochs,
        reduction_factor=config.reduction,
    )
    return ray.tune.Tuner(
        trainable,
        param_space={name: ray.tune.loguniform(low, high) for name, (low, high) in config.space.items()},
        tune_config=ray.tune.TuneConfig(
            metric=_metric(config),
            mode="min",
            num_samples=config.samples,
            max_concurrent_trials=config.concurrent,
            scheduler=scheduler,
            search_alg=OptunaSearch(seed=config.seed),
            trial_dirname_creator=_id,
            trial_name_creator=_id,
        ),
        run_config=ray.tune.RunConfig(
            name=EXPERIMENT,
            storage_path=storage.arrow_uri(config.output),
            verbose=0,
            callbacks=[TellTrials(config, data_hash)],
            failure_config=ray.tune.FailureConfig(max_failures=1),
        ),
    )


def _id(trial: Any) -> str:
    return trial.trial_id


def _metric(config: SearchConfig) -> str:
    return f"validation/{config.objective}"


def _with_weights(config: TrainDanceConfig, weights: dict[str, float]) -> TrainDanceConfig:
    """The same training with other loss weights."""
    plain = config.model_dump()
    plain["model"]["losses"].update(weights)
    return settings.validate(TrainDanceConfig, plain)


def _trials(config: SearchConfig, results: ray.tune.ResultGrid) -> list[Trial]:
    """The trials, best first: those that came furthest, and among them the smallest objective."""
    trials = []
    for result in results:
        metrics = result.metrics or {}
        epochs = metrics.get("epoch", 0)
        state = "failed" if result.error else "done" if epochs >= config.train.epochs else "stopped"
        numbers = {name: value for name, value in metrics.items() if name.startswith(("train/", "validation/"))}
        error = str(result.error or "").strip().split("\n")[-1]
        weights = {name: (result.config or {})[name] for name in config.space}
        trials.append(Trial(storage.name(result.path), state, epochs, weights, numbers, error))
    return sorted(
        trials, key=lambda one: (one.state == "failed", -one.epochs, one.metrics.get(_metric(config), float("inf")))
    )


def _write_table(config: SearchConfig, trials: list[Trial]) -> None:
    rows = [
        {"trial": one.id, "state": one.state, "epochs": one.epochs, **one.weights, **one.metrics, "error": one.error}
        for one in trials
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, fieldnames=list(dict.fromkeys(name for row in rows for name in row)))
    table.writeheader()
    table.writerows(rows)
    storage.write_text(storage.join(config.output, TRIALS), text.getvalue())
