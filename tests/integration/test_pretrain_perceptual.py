import os
import signal
import threading
import time
from pathlib import Path

import pytest
import torch

from dancegen import config as settings_module
from dancegen import tracking
from dancegen.checkpoints import checkpoint
from dancegen.errors import ConfigError
from dancegen.steps.pretrain_perceptual.pipeline import run
from dancegen.steps.pretrain_perceptual.settings import PretrainPerceptualConfig

pytestmark = pytest.mark.ray
EPOCHS = 10


@pytest.fixture(scope="module")
def clips(tmp_path_factory, make_clips):
    return make_clips(str(tmp_path_factory.mktemp("data") / "clips"), train=40)


def settings(clips, output, **changes):
    chosen = {"clips": clips, "output": str(output), "epochs": EPOCHS, "batch_size": 4, "heldout_song_share": 0.4}
    return settings_module.validate(PretrainPerceptualConfig, chosen | {"stgcn": {"widths": [4, 4, 8]}} | changes)


@pytest.fixture(scope="module")
def straight(ray_session, clips, tmp_path_factory):
    """A run disturbed by nothing: its settings and how it ended."""
    config = settings(clips, tmp_path_factory.mktemp("straight"))
    return config, run(config)


def test_two_workers_leave_a_network_and_how_well_it_sees(straight):
    config, trained = straight
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


def test_a_killed_worker_is_replaced_and_nothing_is_lost(ray_session, clips, straight, tmp_path, with_database):
    config = settings(clips, with_database(tmp_path / "killed"))
    killer = threading.Thread(target=kill_a_worker, args=(config, ray_session), daemon=True)
    killer.start()
    again = run(config)
    killer.join()
    networks = [checkpoint.load_perceptual(Path(ended.network)).state_dict() for ended in (straight[1], again)]
    assert all(torch.equal(value, networks[1][name]) for name, value in networks[0].items())
    same = {name for name in again.metrics if not name.endswith("clips_per_s")}
    assert {name: again.metrics[name] for name in same} == {name: straight[1].metrics[name] for name in same}


def kill_a_worker(config, address):
    """SIGKILL to one worker once there is a checkpoint."""
    from ray.util.state import list_actors

    deadline = time.monotonic() + 400
    while not list(Path(config.run_folder).glob("checkpoint_*/training.pt")):
        assert time.monotonic() < deadline, "no checkpoint came"
        time.sleep(0.05)
    workers: list = list_actors(address, filters=[("class_name", "=", "RayTrainWorker"), ("state", "=", "ALIVE")])
    os.kill(workers[-1].pid, signal.SIGKILL)


def test_what_does_not_fit_is_told_before_anything_starts(clips, straight, tmp_path):
    with pytest.raises(ConfigError, match=r"stgcn.fps=20.*10 poses per second.*Set stgcn.fps=10"):
        run(settings(clips, tmp_path, stgcn={"fps": 20}))
    with pytest.raises(ConfigError, match="epochs was 10 and is 12"):
        run(settings(clips, straight[0].output, epochs=12))
