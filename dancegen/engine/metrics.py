"""Metrics of a job for Ray's exporter, which Prometheus reads: cluster/monitoring/ has rules and a dashboard for them.

Labels are the kind of row and its outcome. A URI is never a label: each value of a label is a time series of its own.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

SECONDS = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0]  # boundaries of the histogram of a row's time
DONE, FAILED, UNFIT, BUG = "done", "failed", "unfit", "bug"


class RowMetrics:
    """Counts the rows of one job, in the driver. Ray must be running when the first one is counted."""

    def __init__(self, rows: str, unit: str) -> None:
        self._tags = {"rows": rows}
        self._unit = unit or "rows"

    def count(self, status: Mapping[str, Any], left: int) -> None:
        """Count a row by its status, as of engine/table_jobs/table_job.py; `left` rows are still to do."""
        self._ended.inc(1, {"outcome": outcome(status)})
        if status["units"]:
            self._units.inc(status["units"])
        self._seconds.observe(status["busy_s"])
        self._left.set(left)

    @cached_property
    def _ended(self) -> Any:
        return _metric("Counter", "dancegen_rows", "Rows that ended, by outcome.", self._tags, "outcome")

    @cached_property
    def _units(self) -> Any:
        return _metric("Counter", "dancegen_units", "Amount done, such as frames.", {**self._tags, "unit": self._unit})

    @cached_property
    def _left(self) -> Any:
        return _metric("Gauge", "dancegen_rows_left", "Rows that the running job has still to do.", self._tags)

    @cached_property
    def _seconds(self) -> Any:
        from ray.util.metrics import Histogram

        name, meaning = "dancegen_row_seconds", "Seconds that an actor spent on a row."
        return Histogram(name, meaning, SECONDS, ("rows",)).set_default_tags(self._tags)


class TrainingMetrics:
    """Progress of one training, in its driver. Ray must be running when the first event is counted.

    The label `run` is the name of the run. Counters begin at 0 when a driver starts, and are not taken back when a
    training resumes from an earlier checkpoint.
    """

    def __init__(self, run: str, unit: str) -> None:
        self._tags, self._unit = {"run": run}, unit
        self._before: dict[str, float] = {}  # totals of the last event

    def steps(
        self, epoch: int, items: float, updates: int, losses: Mapping[str, float], divergence: float | None
    ) -> None:
        """Count updates of an epoch, and the items of data of the whole training, from totals so far."""
        self._epoch.set(epoch)
        for counter, more in (
            (self._updates, self._more("updates", updates)),
            (self._items, self._more("items", items)),
        ):
            if more:  # Ray refuses to count 0
                counter.inc(more)
        for name, value in losses.items():
            self._loss.set(value, {"loss": name})
        if divergence is not None:
            self._divergence.set(divergence)

    def epoch(self, metrics: Mapping[str, float]) -> None:
        """Show the validation scores of an epoch: metrics whose names begin with `validation/`."""
        for name, value in metrics.items():
            group, _, score = name.partition("/")
            if group == "validation":
                self._score.set(value, {"score": score})

    def _more(self, name: str, total: float) -> float:
        """Increase since the last event; 0 at the first one, and after a return to an earlier checkpoint."""
        before = self._before.get(name, total)
        self._before[name] = total
        return max(0.0, total - before)

    @cached_property
    def _updates(self) -> Any:
        return _metric("Counter", "dancegen_training_updates", "Updates done by this driver's workers.", self._tags)

    @cached_property
    def _items(self) -> Any:
        tags = {**self._tags, "unit": self._unit}
        return _metric("Counter", "dancegen_training_items", "Items of data that the updates used.", tags)

    @cached_property
    def _epoch(self) -> Any:
        return _metric("Gauge", "dancegen_training_epoch", "Epoch that is running; the first is 1.", self._tags)

    @cached_property
    def _loss(self) -> Any:
        return _metric("Gauge", "dancegen_training_loss", "Mean losses of the last updates.", self._tags, "loss")

    @cached_property
    def _score(self) -> Any:
        return _metric("Gauge", "dancegen_training_score", "Scores of the last validation.", self._tags, "score")

    @cached_property
    def _divergence(self) -> Any:
        meaning = "Largest loss as a fraction of the size at which the training ends as diverged."
        return _metric("Gauge", "dancegen_training_divergence", meaning, self._tags)


def _metric(kind: str, name: str, meaning: str, tags: dict[str, str], *more: str) -> Any:
    """A metric of Ray with these labels; `more` are those whose values are given with each number."""
    import ray.util.metrics

    return getattr(ray.util.metrics, kind)(name, meaning, (*tags, *more)).set_default_tags(tags)


def outcome(status: Mapping[str, Any]) -> str:
    """How a row ended: done, unfit (its content was judged), failed, or a bug of dancegen."""
    if status["error"] is None:
        return DONE
    if status["trace"] is not None:
        return BUG
    return UNFIT if status["judged"] else FAILED
