"""People are scored on held-out frames: table, page, videos, MLflow, and again only what is new."""

import sys
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
import torch

from dancegen import schema, tables
from dancegen.checkpoints import person as people
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.person import Person
from dancegen.steps.evaluate_renderer.pipeline import run
from dancegen.steps.evaluate_renderer.settings import EvaluateRendererConfig

pytestmark = pytest.mark.ray


def test_people_are_compared_on_the_same_segments_and_measured_once(
    ray_session, make_frames, tiny_person: Person, tmp_path: Path, monkeypatch, capsys
):
    torch.manual_seed(1)
    other = replace(tiny_person, generator=PersonGenerator(tiny_person.config).eval())
    paths = [tmp_path / name / "person.safetensors" for name in ("ours", "theirs")]
    for path, person in zip(paths, (tiny_person, other), strict=True):
        path.parent.mkdir()
        people.save(path, person)
    monkeypatch.setitem(sys.modules, "dancegen.estimators.mediapipe", None)  # its package is not installed
    settings = {
        "perceptual": {"kind": "none"},
        "segment_frames": 8,
        "pictures": 1,
        "resamples": 20,
        "actors": 1,
        "drift_s": 2,
    }
    settings |= {"frames": make_frames(str(tmp_path / "frames"), test=16), "output": str(tmp_path / "out")}
    run(EvaluateRendererConfig(people=(str(paths[0]),), max_error_fraction=0, **settings))
    assert "Pose consistency is not measured" in capsys.readouterr().err

    told = run(EvaluateRendererConfig(people=tuple(map(str, paths)), max_error_fraction=0, **settings))
    assert "9 of 9 segments done (6 done before)" in capsys.readouterr().err
    rows = tables.read(str(tmp_path / "out/scores"), schema.RENDERER_SCORES).to_pylist()
    assert {(row["metric"], row["whose"]): row["value"] for row in rows} == {
        (score.metric, score.whose): score.interval.value for score in told
    }
    assert {row["whose"] for row in rows} == {"ours", "theirs", "real"}
    assert {row["whose"] for row in rows if row["difference"] is not None} == {"theirs"}
    assert {row["segments"] for row in rows} == {2, 1}
    assert {row["metric"] for row in rows if row["segments"] == 1} == {"sharpness_slope", "colour_slope"}
    text = (tmp_path / "out/index.html").read_text()
    assert "Pose consistency is not measured" in text
    assert len(list((tmp_path / "out/videos").glob("*.mp4"))) == text.count("<video") == 2
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/out/mlflow.db")
    experiment = client.get_experiment_by_name("dancegen")
    assert experiment is not None
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.data.metrics["theirs/gmsd_box"] == pytest.approx(
        next(row["value"] for row in rows if (row["metric"], row["whose"]) == ("gmsd_box", "theirs"))
    )
