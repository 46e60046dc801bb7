"""Progress of a search: a progress line, and an MLflow run for each trial, nested in that of the search."""

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import ray.tune
from tqdm import tqdm

from dancegen import tracking
from dancegen.engine.messages import interval_s, progress_file
from dancegen.logs import notify
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.search.trial import OBJECTIVE, folder_of

ENDED = {"TERMINATED": "FINISHED", "ERROR": "FAILED"}  # Tune's states -> MLflow's


class TrialProgress(ray.tune.Callback):
    """Ray Tune callback in the driver; also frees the slots of trainings that have ended."""

    def __init__(self, config: SearchConfig, data_hash: str) -> None:
        self.config, self.data_hash = config, data_hash
        self.turns: Any = None
        """The actor that grants slots to trainings."""
        self.runs: dict[str, tracking.Run] = {}
        self.ended: set[str] = set()

    def __enter__(self) -> Self:
        self.bar = tqdm(total=self.config.trainings, unit=" trainings", mininterval=interval_s(), file=progress_file())
        self.teller = ThreadPoolExecutor(1)
        self.sent: list[Future[None]] = []
        self.search = self._run(self.config.output, "search", {"step": "search"})
        self.search.parameters = self.config.model_dump(mode="json")
        self._send(self.search.open)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopped = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        for trial_id in self.runs.keys() - self.ended:
            self._send(self.runs[trial_id].close, stopped)
        self._send(self.search.close, stopped if error else "FINISHED")
        self.teller.shutdown()
        self.bar.close()
        for future in self.sent:
            future.result()  # raises the errors of that thread

    def so_far(self) -> str:
        """What is done, for the message when the search ends early."""
        return f"{len(self.ended)} of {self.config.trainings} trainings are done, all in {self.config.output}"

    def keep(self, name: str, text: str) -> None:
        """Send a file of the search to MLflow."""
        self._send(self.search.artifact, name, text.encode())

    def setup(self, *args: Any, **info: Any) -> None:
        """The search starts, or resumes with more trainings in place of those that failed."""
        self.bar.total = info["total_num_samples"]

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A training has finished an epoch."""
        self._log(trial, result)
        self._show(trials)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A training is done, or was stopped early."""
        self._end(trial, "FINISHED")
        self._show(trials)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A training has failed permanently."""
        self._end(trial, "FAILED")
        self._show(trials)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """All trainings have ended, now or before the search was stopped and resumed."""
        for trial in trials:
            self._end(trial, ENDED.get(trial.status, "KILLED"))
        self._show(trials)

    def _end(self, trial: Any, status: str) -> None:
        if trial.trial_id not in self.ended:
            self.ended.add(trial.trial_id)
            self.turns.leave.remote(trial.trial_id)
            self._log(trial, trial.last_result)  # once more: the driver may have been killed before it was logged
            self._send(self._run_of(trial).close, status)

    def _log(self, trial: Any, result: dict[str, Any]) -> None:
        numbers = {name: value for name, value in result.items() if name.startswith(("train/", "validation/"))}
        if numbers:
            self._send(self._run_of(trial).log, numbers, result["epoch"], result["timestamp"])

    def _run_of(self, trial: Any) -> tracking.Run:
        if trial.trial_id not in self.runs:
            folder = folder_of(self.config, trial.trial_id)
            run = self._run(folder, trial.trial_id, {"step": "train_dance", "trial_id": trial.trial_id})
            run.parent, run.parameters = self.search, {"model": trial.config}
            self.runs[trial.trial_id] = run
        return self.runs[trial.trial_id]

    def _run(self, key: str, name: str, tags: dict[str, str]) -> tracking.Run:
        uri = self.config.train.tracking_uri or tracking.default_uri(self.config.output)
        tags = {**tags, "data_hash": self.data_hash}
        return tracking.Run(uri, self.config.train.experiment, key=key, name=name, tags=tags, warn=notify)

    def _send(self, call: Any, *args: Any) -> None:
        self.sent.append(self.teller.submit(call, *args))

    def _show(self, trials: list[Any]) -> None:
        running = sum(trial.status == "RUNNING" for trial in trials)
        best = min((trial.last_result.get(OBJECTIVE, float("inf")) for trial in trials), default=float("inf"))
        self.bar.set_postfix({"running": running, f"best {self.config.objective}": f"{best:.3g}"}, refresh=False)
        self.bar.update(sum(trial.is_finished() for trial in trials) - self.bar.n)
