from pathlib import Path

import pytest

from dancegen import config
from dancegen.gan.settings import PAPER, DanceModelConfig
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.train_dance.settings import TrainDanceConfig

ADDED = {"adversarial_global", "feature_matching", "adversarial_local", "perceptual"}
CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize(("name", "model"), [("default", DanceModelConfig()), ("paper", PAPER)])
def test_a_preset_is_the_model_of_its_name(name, model):
    found = config.load(TrainDanceConfig, str(CONFIGS / "train_dance.yaml"), [f"base={CONFIGS}/presets/{name}.yaml"])
    assert found.model == model


@pytest.mark.parametrize("model", ["train_dance.yaml", "presets/paper.yaml"])
def test_each_row_of_the_ablation_adds_a_loss_to_any_model(model):
    counted = []
    for row in ("l1", "global_d", "local_d", "full"):
        found = config.load(TrainDanceConfig, str(CONFIGS / model), [f"base={CONFIGS}/presets/{row}.yaml"])
        losses = found.model.losses
        counted.append({name for name, weight in losses if name in ADDED and weight})
        plain = config.load(TrainDanceConfig, str(CONFIGS / model))
        assert found.model.model_copy(update={"losses": plain.model.losses}) == plain.model
    assert [len(counted[index] - counted[index - 1]) for index in (1, 2, 3)] == [2, 1, 1]
    assert counted[0] == set()
    assert counted[3] == ADDED


@pytest.mark.parametrize("uri", ["file:///tmp/runs", "mlruns"])
def test_a_folder_cannot_hold_mlflows_runs(uri):
    with pytest.raises(config.ConfigError, match=r"tracking_uri=.*give http://... or sqlite:///"):
        config.load(TrainDanceConfig, None, [f"tracking_uri={uri}"])


def test_a_database_is_the_same_one_in_every_process(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = config.load(TrainDanceConfig, None, ["tracking_uri=sqlite:///runs/mlflow.db"])
    assert found.tracking_uri == f"sqlite:///{tmp_path}/runs/mlflow.db"


def test_a_search_cannot_spare_trainings_longer_than_they_last():
    with pytest.raises(config.ConfigError, match=r"grace_epochs=9 is more than train.epochs=4"):
        config.load(SearchConfig, None, ["grace_epochs=9", "train.epochs=4"])
