"""A model is measured on held-out clips: table, page, pictures, and MLflow."""

from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from dancegen import schema, tables
from dancegen.media.video import probe
from dancegen.steps.evaluate import pipeline as evaluate
from dancegen.steps.evaluate.settings import EvaluateConfig

pytestmark = pytest.mark.ray


def scores(output: Path) -> dict[tuple[str, str], float]:
    rows = tables.read(f"{output}/scores", schema.SCORES).to_pylist()
    return {(row["metric"], row["whose"]): row["value"] for row in rows}


def test_a_model_gets_its_scores_its_page_and_its_run_in_mlflow_and_the_same_ones_again(
    ray_session: str, make_clips: Callable[..., str], tiny_dancer: str, tmp_path: Path
) -> None:
    clips = make_clips(str(tmp_path / "clips"), train=5, test=15)
    config = EvaluateConfig(
        **{"clips": clips, "checkpoint": tiny_dancer, "output": f"{tmp_path}/out"},
        **{"resamples": 20, "pictures": 2, "max_error_fraction": 0, "actors": 1},  # pyright: ignore[reportArgumentType]
    )
    told = evaluate.run(config)
    found = scores(tmp_path / "out")
    assert found == {(one.metric, one.whose): one.value for one in told}
    assert {"fid_perceptual", "fid_k2", "div_k2", "speed"} <= {metric for metric, _ in found}
    assert "fid_k2" in (tmp_path / "out" / "index.html").read_text()
    assert (tmp_path / "out" / "side_by_side.png").stat().st_size > 1000
    assert probe(tmp_path / "out" / "side_by_side.mp4", "video").has_audio
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/out/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("dancegen").experiment_id])
    assert run.data.metrics["made/fid_k2"] == pytest.approx(found["fid_k2", "made"])

    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "dances").glob("*.parquet")}
    evaluate.run(config)
    assert {path: path.stat().st_mtime_ns for path in written} == written, "dances are not made again"
    assert scores(tmp_path / "out") == found


def test_somebody_elses_dances_are_measured_and_the_real_ones_against_themselves_differ_in_nothing(
    ray_session: str, make_clips: Callable[..., str], tmp_path: Path
) -> None:
    clips = make_clips(str(tmp_path / "clips"), train=5, test=15)
    same = make_clips(str(tmp_path / "same"), train=0, validation=0, test=15)
    other = make_clips(str(tmp_path / "other"), train=5, validation=0, test=15, seed=1)
    distances = []
    for dances in (same, other):
        config = EvaluateConfig(
            clips=clips, dances=dances, output=f"{tmp_path}/out", resamples=20, pictures=0, actors=1
        )
        evaluate.run(config)
        distances.append(scores(tmp_path / "out")["fid_perceptual", "made"])
    assert distances[0] == pytest.approx(0, abs=1e-4)
    assert distances[1] > 1e-3
    rows = tables.read(f"{tmp_path}/out/scores", schema.SCORES).to_pylist()
    counts = {(row["n"], row["n_real"]) for row in rows if row["whose"] == "made"}
    assert counts == {(20, 15)}, "all of somebody else's dances, whatever their split"
