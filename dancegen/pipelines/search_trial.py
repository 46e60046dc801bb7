"""One training of a search: it waits for its turn, is led from a small process of its own, and keeps its numbers."""

import json
import time
from typing import Any

import ray
import ray.tune
from ray.tune.integration.ray_train import TuneReportCallback

from dancegen import storage
from dancegen.errors import DivergedError
from dancegen.pipelines import train_dance
from dancegen.settings.search import SearchConfig
from dancegen.stages.search import training

HISTORY, DIVERGED = "epochs.json", "diverged.txt"  # in the training's folder
OBJECTIVE = "objective"  # what Ray Tune is told
POLL_S = 1.0


def run(values: dict[str, Any], config: dict[str, Any], data_hash: str, turns: Any) -> None:
    """One training with these values. It goes on when its id comes again; one that diverges ends without an error."""
    search = SearchConfig.model_validate(config)
    trial_id = ray.tune.get_context().get_trial_id()
    while not ray.get(turns.take.remote(trial_id)):
        time.sleep(POLL_S)
    folder = folder_of(search, trial_id)
    one = training(search, values).model_copy(update={"output": folder, "validate_every": 1})
    if told := history_in(folder):  # the training may have ended unheard while the search was killed
        ray.tune.report(result(max(told), told[max(told)], search.objective))
    try:
        train_dance.fit(one, data_hash, [Report(folder, search.objective)], board=None)
    except DivergedError as error:
        storage.write_text(storage.join(folder, DIVERGED), str(error))


def result(epoch: int, numbers: dict[str, float], objective: str) -> dict[str, float]:
    """What Ray Tune is told of an epoch."""
    return {"epoch": epoch, **numbers, OBJECTIVE: numbers.get(f"validation/{objective}", float("inf"))}


def folder_of(config: SearchConfig, trial_id: str) -> str:
    """URI of the training's folder."""
    return storage.join(config.output, "trials", trial_id)


def history_in(folder: str) -> dict[int, dict[str, float]]:
    """The numbers of each epoch of the training in a folder."""
    place = storage.join(folder, HISTORY)
    kept = json.loads(storage.read_text(place)) if storage.exists(place) else {}
    return {int(epoch): numbers for epoch, numbers in kept.items()}


def diverged_in(folder: str) -> str:
    """What the training in a folder died of, if it diverged."""
    place = storage.join(folder, DIVERGED)
    return storage.read_text(place) if storage.exists(place) else ""


class Report(TuneReportCallback):
    """Keeps the numbers of each epoch on storage, then tells Ray Tune. Runs in Ray Train's controller.

    Ray Tune remembers the last numbers only, and forgets some seconds when it is killed.
    """

    def __init__(self, folder: str, objective: str) -> None:
        super().__init__()
        self.folder, self.objective = folder, objective

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        """All workers report the same numbers: the first one's stand for all."""
        numbers = dict(metrics[0])
        epoch = numbers.pop("epoch")
        history = {**history_in(self.folder), epoch: numbers}
        storage.write_text(storage.join(self.folder, HISTORY), json.dumps(history))
        super().after_report(run_context, [result(epoch, numbers, self.objective)], checkpoint)


class Turns:
    """Lets so many trainings run at the same time.

    Ray Tune limits how many it proposes, but starts all at once that were unfinished when it was stopped.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.running: set[str] = set()

    def take(self, trial_id: str) -> bool:
        """Whether this training may run now; it keeps its place until it leaves."""
        if len(self.running) < self.places:
            self.running.add(trial_id)
        return trial_id in self.running

    def leave(self, trial_id: str) -> None:
        """The training has ended, whether well or not."""
        self.running.discard(trial_id)
