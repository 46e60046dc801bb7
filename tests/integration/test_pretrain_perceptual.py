from pathlib import Path

import pytest

from dancegen import config as settings_module
from dancegen import tracking
from dancegen.checkpoints import checkpoint
from dancegen.errors import ConfigError
from dancegen.steps.pretrain_perceptual.pipeline import run
from dancegen.steps.pretrain_perceptual.settings import PretrainPerceptualConfig

pytestmark = pytest.mark.ray
EPOCHS = 3


@pytest.fixture(scope="module")
def clips(tmp_path_factory, make_clips):
    return make_clips(str(tmp_path_factory.mktemp("data") / "clips"), train=40)


def settings(clips, output, **changes):
    chosen = {"clips": clips, "output": str(output), "epochs": EPOCHS, "batch_size": 4, "heldout_song_share": 0.4}
    return settings_module.validate(PretrainPerceptualConfig, chosen | {"stgcn": {"widths": [4, 4, 8]}} | changes)


@pytest.fixture(scope="module")
def trained(ray_session, clips, tmp_path_factory, with_database):
    """The settings of a run, and how it ended."""
    config = settings(clips, with_database(tmp_path_factory.mktemp("run")))
    return config, run(config)


def test_two_workers_leave_a_network_and_how_well_it_sees(trained):
    config, trained = trained
    network = checkpoint.load_perceptual(Path(config.output, "stgcn.safetensors"))
    assert trained.network == str(Path(config.output, "stgcn.safetensors"))
    assert network.config == config.stgcn
    card = checkpoint.read_perceptual_card(Path(trained.network))
    assert card["metrics"] == trained.metrics
    assert card["chance"].keys() == {"direction", "order", "pace", "surface", "legs"}  # all clips are of one category
    assert 0 <= trained.metrics["validation/direction"] <= 1

    client = tracking.connect(tracking.default_uri(config.output))
    (one,) = client.search_runs([client.get_experiment_by_name(config.experiment).experiment_id])
    losses = client.get_metric_history(one.info.run_id, "train/loss")
    assert [point.step for point in losses] == list(range(1, EPOCHS + 1))


def test_what_does_not_fit_is_told_before_anything_starts(clips, trained, tmp_path):
    with pytest.raises(ConfigError, match=r"stgcn.fps=20.*10 poses per second.*Set stgcn.fps=10"):
        run(settings(clips, tmp_path, stgcn={"fps": 20}))
    with pytest.raises(ConfigError, match="epochs was 3 and is 12"):
        run(settings(clips, trained[0].output, epochs=12))
