"""How far a search is: a progress line, and a run in MLflow for each trial inside the one of the search."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import ray.tune
from tqdm import tqdm

from dancegen import storage, tracking
from dancegen.pipelines.progress import interval_s, say
from dancegen.settings.search import SearchConfig

ENDED = {"TERMINATED": "FINISHED", "ERROR": "FAILED"}  # Tune's states in MLflow's words


class TellTrials(ray.tune.Callback):
    """Listens to Ray Tune in the driver. Tune stores it with the search, so what is alive is made in `setup`."""

    def __init__(self, config: SearchConfig, data_hash: str) -> None:
        self.config, self.data_hash = config, data_hash
        self.best = float("inf")

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config, "data_hash": self.data_hash, "best": self.best}

    def setup(self, *args: Any, **info: Any) -> None:
        """The search starts, or goes on."""
        self.bar = tqdm(total=self.config.samples, unit=" trainings", mininterval=interval_s())
        self.teller = ThreadPoolExecutor(1)
        self.sent: list[Future[None]] = []
        self.search = self._run(self.config.output, "search", {"step": "search"})
        self.search.parameters = self.config.model_dump(mode="json")
        self.runs: dict[str, tracking.Run] = {}
        self._send(self.search.open)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A training has ended an epoch."""
        numbers = {name: value for name, value in result.items() if name.startswith(("train/", "validation/"))}
        self._send(self._run_of(trial).log, numbers, result["epoch"])
        self.best = min(self.best, numbers.get(f"validation/{self.config.objective}", self.best))
        self._show(trials)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A training is done, or was stopped for being worse than others."""
        self._send(self._run_of(trial).close, "FINISHED")
        self._show(trials)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A training has failed for good."""
        self._send(self._run_of(trial).close, "FAILED")
        self._show(trials)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """All trainings have ended, here or before the search was stopped and went on."""
        for trial in trials:
            self._send(self._run_of(trial).close, ENDED.get(trial.status, "KILLED"))
        self._send(self.search.close, "FINISHED" if all(trial.is_finished() for trial in trials) else "KILLED")
        self.teller.shutdown()
        self._show(trials)
        self.bar.close()
        for future in self.sent:
            future.result()  # a mistake of ours in there must not pass unseen

    def _run_of(self, trial: Any) -> tracking.Run:
        if trial.trial_id not in self.runs:
            folder = storage.join(self.config.output, "trials", trial.trial_id)
            run = self._run(folder, trial.trial_id, {"step": "train_dance", "trial_id": trial.trial_id})
            run.parent, run.parameters = self.search, {"model": {"losses": trial.config}}
            self.runs[trial.trial_id] = run
        return self.runs[trial.trial_id]

    def _run(self, key: str, name: str, tags: dict[str, str]) -> tracking.Run:
        uri = self.config.train.tracking_uri or tracking.default_uri(self.config.output)
        tags = {**tags, "data_hash": self.data_hash}
        return tracking.Run(uri, self.config.train.experiment, key=key, name=name, tags=tags, warn=say)

    def _send(self, call: Any, *args: Any) -> None:
        self.sent.append(self.teller.submit(call, *args))

    def _show(self, trials: list[Any]) -> None:
        running = sum(trial.status == "RUNNING" for trial in trials)
        self.bar.set_postfix({"running": running, f"best {self.config.objective}": f"{self.best:.3g}"}, refresh=False)
        self.bar.update(sum(trial.is_finished() for trial in trials) - self.bar.n)
