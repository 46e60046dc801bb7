"""clips -> the best training settings; or, with rows, an ablation

Ray Tune proposes loss weights and learning rates (Optuna) and stops underperforming trainings early (ASHA). A trial is
a small driver that runs one training; the search, its trials and their checkpoints survive a killed job.
The rows of an ablation are trials too, without proposals and without early stopping.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
import ray
import ray.tune
from ray.tune.schedulers import ASHAScheduler

from dancegen import logs, storage
from dancegen.engine.cluster import internals as ray_internals
from dancegen.engine.cluster.capacity import enough, require_places
from dancegen.engine.cluster.head_watch import watching_head
from dancegen.engine.cluster.session import start_ray
from dancegen.engine.training.run_folder import claim
from dancegen.errors import DanceGenError, TableError
from dancegen.logs import notify
from dancegen.steps.search import ablation, plots
from dancegen.steps.search import trial as search_trial
from dancegen.steps.search.progress import TrialProgress
from dancegen.steps.search.proposals import Proposals
from dancegen.steps.search.ranking import COMPARED, ROW, SEED, Trial, best_yaml, ranked, summary, table, training
from dancegen.steps.search.settings import DRIVER_CPUS, SearchConfig
from dancegen.steps.search.trial import OBJECTIVE, TrialSlots
from dancegen.steps.train_dance import pipeline as train_dance
from dancegen.training.clips import CUT_AGAIN, Summary

FREE = frozenset(
    {"output", "max_concurrent_trials", "heldout", "cross_modal", *(f"train.{name}" for name in train_dance.FREE)}
)
GROWING = "num_samples"
EXPERIMENT = "tune"  # Ray Tune's folder in the output
BEST, TRIALS, IMPORTANCE, COORDINATES = "best.yaml", "trials.csv", "importance.html", "parallel_coordinates.html"


def run(config: SearchConfig) -> list[Trial]:
    """Search, or resume a search. Writes best.yaml, trials.csv and two plots; returns the trials, the best one first.

    Raises DanceGenError for errors that the user can fix.
    """
    data = train_dance.check(training(config, _first(config)))
    _check_held_out(config, data)
    begun = claim(config.output, config, data.data_hash, FREE, GROWING)
    notify(
        f"{config.trainings} trainings of up to {config.train.epochs} epochs on {data.train:,} clips, "
        f"{config.max_concurrent_trials} at a time, compared on {data.validation:,} validation clips; "
        f"{'resuming from' if begun else 'results in'} {config.output}"
    )
    start_ray(config.train.cpus + DRIVER_CPUS, dashboard=True)  # _enough checks the size of this machine
    with _enough(config), TrialProgress(config, data.data_hash) as teller, watching_head(teller.so_far):
        trials = ranked(_trials(config, _search(config, data, teller)), config.objective)
        for name, text in _results(config, trials).items():
            storage.write_text(storage.join(config.output, name), text)
            teller.keep(name, text)
        if trials[0].state not in COMPARED:
            error = f"no training finished; the first: {trials[0].error.rstrip('.')}."
            raise DanceGenError(config.output, error, f"See {TRIALS} there; run the same command again to try others.")
        if config.ablation:
            for name, text in ablation.measure(config, trials).items():
                storage.write_text(storage.join(config.output, name), text)
                teller.keep(name, text)
            notify(f"scores of all rows: {storage.join(config.output, ablation.PAGE)}")
            return trials
    notify(f"best: {summary(trials, config.objective)}. Its settings: {storage.join(config.output, BEST)}")
    if warning := plots.few(trials):
        notify(warning)
    return trials


def _first(config: SearchConfig) -> dict[str, Any]:
    """Values of one training."""
    return (
        {ROW: next(iter(config.ablation)), SEED: 0}
        if config.ablation
        else {n: low for n, (low, _) in config.space.items()}
    )


def _check_held_out(config: SearchConfig, data: Summary) -> None:
    """Raise TableError when there are too few validation clips, or no test clips for the rows of an ablation."""
    needed = 2 if config.objective.startswith("frechet") else 1
    if data.validation < needed:
        problem = f"holds {data.validation or 'no'} validation clips, but {config.objective} needs {needed}."
        raise TableError(config.train.clips, problem, f"{CUT_AGAIN}.")
    if config.ablation and not data.test:
        problem = "holds no test clips, but the table of an ablation is measured on them."
        raise TableError(config.train.clips, problem, "Run cut-clips again on three songs or more.")


@contextmanager
def _enough(config: SearchConfig) -> Iterator[None]:
    """Raise ClusterError unless all concurrent trainings fit: Ray would wait forever for those that do not."""
    train = config.train
    gpus = f" and {train.gpus} GPUs" if train.use_gpu else ""
    remedy = (
        f"Each training needs {config.cpus_a_training:g} CPUs{gpus}, and Ray needs one more CPU: run fewer at the "
        "same time (concurrent), or make them smaller (train.workers, train.cpus_per_worker)."
    )
    with enough(config.cpus, config.gpus, train.max_wait_s, remedy):
        require_places(config.max_concurrent_trials * train.workers, train.cpus_per_worker, int(train.use_gpu), remedy)
        yield


def _search(config: SearchConfig, data: Summary, teller: TrialProgress) -> list[Any]:
    """Run Ray Tune to the end of the search, resuming one that was stopped. Returns its trials."""
    os.environ.update({name: os.environ.get(name, value) for name, value in ray_internals.TUNE.items()})
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = storage.join(config.output, EXPERIMENT)
    begun = any(storage.name(file).startswith(ray_internals.TUNE_STATE) for file in storage.find(folder))
    teller.turns = ray.remote(num_cpus=0)(TrialSlots).remote(config.max_concurrent_trials)
    facts = {"data_hash": data.data_hash, "styles": data.styles}
    given = {"config": config.model_dump(), **facts, "turns": teller.turns, "log": logs.job()}
    try:
        analysis = ray.tune.run(
            ray.tune.with_resources(ray.tune.with_parameters(search_trial.run, **given), _resources(config)),
            name=EXPERIMENT,
            storage_path=storage.arrow_uri(config.output),
            metric=OBJECTIVE,
            mode="min",
            **_plan(config),
            resume_config=ray.tune.ResumeConfig() if begun else None,
            max_failures=config.train.max_failures if config.trained_alone else 1,  # else Ray Train counts them, too
            reuse_actors=True,
            raise_on_failed_trial=False,
            trial_name_creator=_id,
            trial_dirname_creator=_id,
            callbacks=[teller],
            verbose=0,
        )
    finally:
        ray.kill(teller.turns)  # it would outlive the job on a permanent cluster
    return analysis.trials


def _resources(config: SearchConfig) -> dict[str, float]:
    """Resources of the process of one trial: the worker's, when it is the worker."""
    if config.trained_alone:
        return {"cpu": config.train.cpus_per_worker, "gpu": config.train.gpus}
    return {"cpu": DRIVER_CPUS}


def _plan(config: SearchConfig) -> dict[str, Any]:
    """Ray Tune's arguments: every row with every seed, or proposals with early stopping."""
    if config.ablation:
        grid = {ROW: ray.tune.grid_search(list(config.ablation)), SEED: ray.tune.grid_search(list(range(config.seeds)))}
        return {"config": grid, "num_samples": 1, "max_concurrent_trials": config.max_concurrent_trials}
    return {
        "config": {name: ray.tune.loguniform(low, high) for name, (low, high) in config.space.items()},
        "num_samples": config.num_samples,
        "search_alg": Proposals(config),
        "scheduler": ASHAScheduler(
            time_attr="epoch",
            max_t=config.train.epochs,
            grace_period=config.grace_epochs,
            reduction_factor=config.reduction_factor,
        ),
    }


def _id(trial: Any) -> str:
    return trial.trial_id


def _trials(config: SearchConfig, found: list[Any]) -> list[Trial]:
    """Ray Tune's trials with the metrics that they stored themselves."""
    trials = []
    for one in found:
        folder = search_trial.folder_of(config, one.trial_id)
        history, diverged = search_trial.history_in(folder), search_trial.diverged_in(folder)
        error = str(one.get_error()).strip().split("\n")[-1] if one.status == "ERROR" else diverged
        done = max(history, default=0) >= config.train.epochs
        state = "failed" if one.status == "ERROR" else "diverged" if diverged else "done" if done else "stopped"
        trials.append(Trial(one.trial_id, state, dict(one.config), history, error))
    return trials


def _results(config: SearchConfig, trials: list[Trial]) -> dict[str, str]:
    """The search's files by name; only the table when all trainings failed."""
    files = {TRIALS: table(trials, config.objective)}
    if trials[0].state in COMPARED and not config.ablation:
        files[BEST] = best_yaml(config, trials)
        files[IMPORTANCE] = plots.importance(config, trials)
        files[COORDINATES] = plots.coordinates(config, trials)
    return files
