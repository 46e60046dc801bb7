"""The cross-modal metric is learned by a process that Ray places, and tells something of dances."""

from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from dancegen import schema, tables
from dancegen.errors import ConfigError
from dancegen.steps.evaluate import pipeline as evaluate
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.train_cross_modal import pipeline as train_cross_modal
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig

pytestmark = pytest.mark.ray


def settings(clips: str, output: Path, **changes: object) -> TrainCrossModalConfig:
    small = {
        "tagger": {"channels": [4, 4, 8, 8], "hidden": 8, "layers": 1},
        "tagger_training": {"epochs": 2, "batch_size": 8},
        "pose_metric": {"hidden": 8, "attention": 4, "attention_heads": 2, "widths": [16, 16], "size": 8},
        "pose_metric_training": {"updates": 20, "group_size": 4},
        "cpus": 1,
    }
    return TrainCrossModalConfig.model_validate({**small, "clips": clips, "output": str(output), **changes})


def test_a_metric_is_learned_once_and_evaluate_tells_it_with_its_controls(
    ray_session: str,
    make_clips: Callable[..., str],
    tiny_dancer: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    clips = make_clips(str(tmp_path / "clips"), train=24, validation=5, test=15)
    config = settings(clips, tmp_path / "metric")
    place = train_cross_modal.run(config)
    assert "classes of music" in capfd.readouterr().err
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/metric/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("dancegen").experiment_id])
    assert run.info.status == "FINISHED"
    assert {"music_tagger/loss", "pose_metric/loss"} <= set(run.data.metrics)

    written = Path(place).stat().st_mtime_ns
    assert train_cross_modal.run(config) == place
    assert Path(place).stat().st_mtime_ns == written
    with pytest.raises(ConfigError, match="started with a different configuration"):
        train_cross_modal.run(settings(clips, tmp_path / "metric", seed=1))

    told = EvaluateConfig(
        **{"clips": clips, "checkpoint": tiny_dancer, "output": f"{tmp_path}/out", "cross_modal": place},
        **{"resamples": 20, "pictures": 0, "actors": 1},  # pyright: ignore[reportArgumentType]
    )
    evaluate.run(told)
    rows = tables.read(f"{tmp_path}/out/scores", schema.SCORES).to_pylist()
    found = {row["whose"]: row["value"] for row in rows if row["metric"] == "cross_modal"}
    assert set(found) == {"made", "real", "shuffled", "real shuffled"}
    assert all(0 <= value <= 2 for value in found.values())
    assert "cross_modal" in (tmp_path / "out" / "index.html").read_text()


def test_a_metric_of_other_coordinates_is_refused_with_one_line(
    ray_session: str, make_clips: Callable[..., str], tiny_dancer: str, tmp_path: Path
) -> None:
    clips = make_clips(str(tmp_path / "clips"), train=24, validation=5, test=15)
    place = train_cross_modal.run(settings(clips, tmp_path / "metric", normalization="camera"))
    config = EvaluateConfig(
        **{"clips": clips, "checkpoint": tiny_dancer, "output": f"{tmp_path}/out", "cross_modal": place},
        **{"resamples": 20, "pictures": 0, "actors": 1},  # pyright: ignore[reportArgumentType]
    )
    with pytest.raises(Exception, match="cross_modal network: expects dances of 'camera'"):
        evaluate.run(config)
