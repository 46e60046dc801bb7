"""Alerts and dashboard of cluster/monitoring/ query metrics that exist; rows are counted by how they ended."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar

import pytest
import ray
import ray.util.metrics
import yaml

from dancegen.engine import metrics
from dancegen.engine.metrics import outcome

MONITORING = Path(__file__).parents[2] / "cluster" / "monitoring"


def queries() -> list[str]:
    panels = json.loads((MONITORING / "grafana.json").read_text())["panels"]
    rules = yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return found + [rule["expr"] for group in rules for rule in group["rules"]]


def test_every_metric_that_is_queried_is_exported_by_us_or_by_ray() -> None:
    names = {name for query in queries() for name in re.findall(r"ray_[a-z_]+", query)}
    ours = {re.sub("^ray_|_total$|_bucket$", "", name) for name in names if "dancegen" in name}
    assert ours == set(re.findall(r'"(dancegen_\w+)"', Path(metrics.__file__).read_text()))
    dashboards = Path(ray.__file__).parent / "dashboard" / "modules" / "metrics" / "dashboards"
    rays = "".join(path.read_text() for path in dashboards.glob("*.py"))
    assert {name for name in names if "dancegen" not in name and name not in rays} == set()


def test_prometheus_accepts_the_alerts() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run(["promtool", "check", "rules", MONITORING / "rules.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_alert_has_its_remedy_in_the_runbook() -> None:
    runbook = (MONITORING.parents[1] / "docs" / "operations.md").read_text()
    rules = yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules if f"`{rule['alert']}`" not in runbook] == []


@pytest.mark.parametrize(
    ("error", "judged", "trace", "expected"),
    [
        (None, False, None, "done"),
        ("is too short", True, None, "unfit"),
        ("cannot be read", False, None, "failed"),
        ("KeyError: 'a'", False, "Traceback ...", "bug"),
    ],
)
def test_a_row_is_counted_by_how_it_ended(error: str | None, judged: bool, trace: str | None, expected: str) -> None:
    assert outcome({"error": error, "judged": judged, "trace": trace}) == expected


class Recorded:
    """Stands for a metric of Ray: the numbers that it was given, by its name and labels."""

    numbers: ClassVar[dict[tuple[str, str], float]] = {}

    def __init__(self, name: str, *_: object) -> None:
        self.name = name.removeprefix("dancegen_training_")

    def set_default_tags(self, tags: dict[str, str]) -> "Recorded":
        assert tags["run"] == "large"
        return self

    def inc(self, value: float) -> None:
        assert value > 0, "as Ray requires"
        self.numbers[self.name, ""] = self.numbers.get((self.name, ""), 0.0) + value

    def set(self, value: float, tags: dict[str, str] | None = None) -> None:
        self.numbers[self.name, "".join((tags or {}).values())] = value


def test_updates_of_a_training_are_counted_from_its_driver_s_start_and_not_taken_back(monkeypatch) -> None:
    monkeypatch.setattr(ray.util.metrics, "Counter", Recorded)
    monkeypatch.setattr(ray.util.metrics, "Gauge", Recorded)
    training = metrics.TrainingMetrics("large", "clips")
    for updates in (100, 110, 105, 125):  # resumed at 100; a worker was lost after 110
        training.steps(3, 16 * updates, updates, {"l1": 0.5}, 0.01)
    training.epoch({"train/l1": 0.6, "validation/motion_error": 1.5})
    counted = {("updates", ""): 30.0, ("items", ""): 480.0, ("epoch", ""): 3, ("divergence", ""): 0.01}
    assert Recorded.numbers == counted | {("loss", "l1"): 0.5, ("score", "motion_error"): 1.5}
