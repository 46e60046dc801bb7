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
        return self._metric("Counter", "dancegen_rows", "Rows that ended, by outcome.", ("rows", "outcome"))

    @cached_property
    def _units(self) -> Any:
        metric = self._metric("Counter", "dancegen_units", "Amount done, such as frames.", ("rows", "unit"))
        return metric.set_default_tags({**self._tags, "unit": self._unit})

    @cached_property
    def _left(self) -> Any:
        return self._metric("Gauge", "dancegen_rows_left", "Rows that the running job has still to do.", ("rows",))

    @cached_property
    def _seconds(self) -> Any:
        from ray.util.metrics import Histogram

        name, meaning = "dancegen_row_seconds", "Seconds that an actor spent on a row."
        return Histogram(name, meaning, SECONDS, ("rows",)).set_default_tags(self._tags)

    def _metric(self, kind: str, name: str, meaning: str, tags: tuple[str, ...]) -> Any:
        import ray.util.metrics

        return getattr(ray.util.metrics, kind)(name, meaning, tags).set_default_tags(self._tags)


def outcome(status: Mapping[str, Any]) -> str:
    """How a row ended: done, unfit (its content was judged), failed, or a bug of dancegen."""
    if status["error"] is None:
        return DONE
    if status["trace"] is not None:
        return BUG
    return UNFIT if status["judged"] else FAILED
