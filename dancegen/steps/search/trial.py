"""One training of a search: waits for a slot, trains, and stores its metrics.

A training with one worker runs here, in Ray Tune's process of the trial, which the next trial reuses. A training with
several workers has its driver here, and runs in Ray Train's processes.
"""

import json
import time
from typing import Any

import ray
import ray.tune
from ray.tune.integration.ray_train import TuneReportCallback

from dancegen import logs, storage
from dancegen.engine.training.driver import fit
from dancegen.engine.training.worker_group import STATE, Alone
from dancegen.errors import DivergedError
from dancegen.steps.search.ranking import training
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.train_dance import worker as train_worker
from dancegen.steps.train_dance.settings import TrainDanceConfig

HISTORY, DIVERGED = "epochs.json", "diverged.txt"  # in the training's folder
OBJECTIVE = "objective"  # metric that Ray Tune compares
POLL_S = 1.0


def run(
    values: dict[str, Any], config: dict[str, Any], data_hash: str, styles: tuple[str, ...], turns: Any, log: logs.Job
) -> None:
    """Run one training with these values, or resume that of this trial id. A diverged one ends without an error."""
    logs.join(log)
    search = SearchConfig.model_validate(config)
    trial_id = ray.tune.get_context().get_trial_id()
    while not ray.get(turns.take.remote(trial_id)):
        time.sleep(POLL_S)
    folder = folder_of(search, trial_id)
    one = training(search, values).model_copy(update={"output": folder, "validate_every": 1})
    alone = search.trained_alone and not _begun_with_ray_train(one)
    history = history_in(folder)
    if history and not (alone and max(history) >= one.epochs):  # it may have ended unreported when it was killed
        ray.tune.report(result(max(history), history[max(history)], search.objective))
    try:
        if alone:
            _train_alone(one, data_hash, styles, search.objective)
        else:
            _train_with_ray_train(one, data_hash, styles, Report(folder, search.objective))
    except DivergedError as error:
        storage.write_text(storage.join(folder, DIVERGED), str(error))


def _begun_with_ray_train(config: TrainDanceConfig) -> bool:
    """Whether an earlier release started this training: its checkpoints are Ray Train's."""
    return storage.exists(config.run_folder) and not storage.exists(storage.join(config.run_folder, STATE))


def _train_with_ray_train(config: TrainDanceConfig, data_hash: str, styles: tuple[str, ...], report: "Report") -> None:
    """Train in Ray Train's processes. Raises the error that ended the training."""
    given = {"config": config.model_dump(), "data_hash": data_hash, "styles": styles, "board": None}
    end = fit(config, train_worker.work, given, [report], config.min_workers)
    if error := end.get("error"):
        raise error


def _train_alone(config: TrainDanceConfig, data_hash: str, styles: tuple[str, ...], objective: str) -> None:
    """Train in this process. Raises the error that ended the training.

    Ray Tune ends the training as soon as an epoch is reported that is the last or not good enough, so the last one is
    reported after the model is saved.
    """

    def report(metrics: dict[str, Any]) -> None:
        if "epoch" in metrics:
            epoch, numbers = keep(config.output, metrics)
            if epoch < config.epochs:
                ray.tune.report(result(epoch, numbers, objective))

    group = Alone(config.run_folder, config.use_gpu, report)
    end = train_worker.train(config, data_hash, styles, None, group)
    if error := end.get("error"):
        raise error
    history = history_in(config.output)
    ray.tune.report(result(max(history), history[max(history)], objective))


def keep(folder: str, metrics: dict[str, Any]) -> tuple[int, dict[str, float]]:
    """Add an epoch's metrics to the training's history in its folder. Returns the epoch and the metrics."""
    numbers = dict(metrics)
    epoch = numbers.pop("epoch")
    storage.write_text(storage.join(folder, HISTORY), json.dumps({**history_in(folder), epoch: numbers}))
    return epoch, numbers


def result(epoch: int, numbers: dict[str, float], objective: str) -> dict[str, float]:
    """The report of an epoch to Ray Tune."""
    return {"epoch": epoch, **numbers, OBJECTIVE: numbers.get(f"validation/{objective}", float("inf"))}


def folder_of(config: SearchConfig, trial_id: str) -> str:
    """URI of the training's folder."""
    return storage.join(config.output, "trials", trial_id)


def history_in(folder: str) -> dict[int, dict[str, float]]:
    """The metrics of each epoch of the training in a folder."""
    place = storage.join(folder, HISTORY)
    kept = json.loads(storage.read_text(place)) if storage.exists(place) else {}
    return {int(epoch): numbers for epoch, numbers in kept.items()}


def diverged_in(folder: str) -> str:
    """The error of the training in a folder, if it diverged; else empty."""
    place = storage.join(folder, DIVERGED)
    return storage.read_text(place) if storage.exists(place) else ""


class Report(TuneReportCallback):
    """Stores the metrics of each epoch, then reports them to Ray Tune. Runs in Ray Train's controller.

    Ray Tune keeps only the last metrics, and loses those of some seconds when it is killed.
    """

    def __init__(self, folder: str, objective: str) -> None:
        super().__init__()
        self.folder, self.objective = folder, objective

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        """All workers report the same metrics: those of the first are used."""
        epoch, numbers = keep(self.folder, metrics[0])
        super().after_report(run_context, [result(epoch, numbers, self.objective)], checkpoint)


class TrialSlots:
    """Limits the number of trainings that run at the same time.

    Ray Tune limits the number of proposals, but starts all unfinished trainings at once when it resumes.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.running: set[str] = set()

    def take(self, trial_id: str) -> bool:
        """Whether this training may run now; it keeps its slot until it leaves."""
        if len(self.running) < self.places:
            self.running.add(trial_id)
        return trial_id in self.running

    def leave(self, trial_id: str) -> None:
        """Free the slot of a training that has ended, with or without an error."""
        self.running.discard(trial_id)
