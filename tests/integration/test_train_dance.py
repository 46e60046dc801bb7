import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from dancegen import config as settings_module
from dancegen import storage, tracking
from dancegen.errors import ClusterError, ConfigError, DivergedError
from dancegen.models import checkpoint
from dancegen.pipelines.train_dance import run
from dancegen.settings.train_dance import TrainDanceConfig
from dancegen.training.dance import DanceTraining

pytestmark = pytest.mark.ray
EPOCHS = 12


@pytest.fixture(scope="module")
def clips(tmp_path_factory, make_clips):
    return make_clips(str(tmp_path_factory.mktemp("data") / "clips"))


@pytest.fixture
def settings(clips, tiny_model, tmp_path):
    def make(**changes):
        chosen = {"clips": clips, "output": str(tmp_path / "run"), "model": tiny_model, "epochs": 2, "batch_size": 4}
        return settings_module.validate(TrainDanceConfig, chosen | changes)

    return make


@pytest.fixture(scope="module")
def straight(ray_session, clips, tiny_model, tmp_path_factory):
    """A run of 12 epochs, disturbed by nothing: its settings, how it ended, and its last state."""
    output = str(tmp_path_factory.mktemp("straight"))
    config = TrainDanceConfig.model_validate(
        {"clips": clips, "output": output, "model": tiny_model, "epochs": EPOCHS, "batch_size": 4}
    )
    return config, run(config), newest_state(config)


def newest_state(config):
    """What the newest checkpoint holds."""
    files = [uri for uri in storage.find(config.run_folder, (".pt",)) if storage.name(uri) == "training.pt"]
    with storage.reading(files[-1]) as path:
        return torch.load(path, weights_only=True)


def logged(config, name):
    """Steps and values of a number in MLflow."""
    client = tracking.connect(config.tracking_uri or tracking.default_uri(config.output))
    (one,) = client.search_runs([client.get_experiment_by_name(config.experiment).experiment_id])
    return one, [(point.step, point.value) for point in client.get_metric_history(one.info.run_id, name)]


def assert_equal_weights(one, other):
    for network, weights in one["training"]["networks"].items():
        for name, value in weights.items():
            assert torch.equal(value, other["training"]["networks"][network][name]), f"{network}.{name}"


def test_two_workers_leave_a_checkpoint_a_model_and_their_losses(straight):
    config, trained, state = straight
    training = DanceTraining(config.model, config.seed)
    training.load(state["training"])
    assert (training.epoch, training.updates) == (EPOCHS, 2 * EPOCHS)
    assert state["settings"] == config.model_dump(mode="json")

    model = checkpoint.load(Path(trained.model))
    assert model.dance(np.zeros(16_000, dtype=np.float32), seed=1).shape == (10, 18, 2)
    card = checkpoint.read_card(Path(trained.model))
    assert card["data_hash"] == state["data_hash"]
    assert card["metrics"] == trained.metrics

    one, losses = logged(config, "train/l1")
    assert [step for step, _ in losses] == list(range(1, EPOCHS + 1))
    assert losses[-1][1] == pytest.approx(trained.metrics["train/l1"])
    assert one.data.params["model.generator.width"] == "16"
    assert one.data.tags["data_hash"] == state["data_hash"]
    assert one.info.status == "FINISHED"
    assert "validation/misfit" in trained.metrics


def test_more_epochs_go_on_and_equal_a_straight_run_to_the_bit(settings, straight):
    run(settings())
    longer = settings(epochs=EPOCHS)
    run(longer)
    assert_equal_weights(newest_state(longer), straight[-1])
    assert [step for step, _ in logged(longer, "train/l1")[1]] == list(range(1, EPOCHS + 1))

    with pytest.raises(ConfigError, match="batch_size was 4 and is 2"):
        run(settings(epochs=EPOCHS, batch_size=2))
    with pytest.raises(ConfigError, match=r"epochs=1.*less than the 12"):
        run(settings(epochs=1))


def test_a_killed_worker_is_replaced_and_nothing_is_lost(ray_session, settings, straight, capfd):
    config = settings(epochs=EPOCHS)
    killer = threading.Thread(target=kill_a_worker, args=(config, ray_session), daemon=True)
    killer.start()
    run(config)
    killer.join()
    said = capfd.readouterr().err
    assert "16 clips to learn from and 4 to test on" in said
    assert "going on from the last checkpoint" in said
    assert "Traceback" not in said
    assert_equal_weights(newest_state(config), straight[-1])


def kill_a_worker(config, address):
    """SIGKILL to one worker once there is a checkpoint."""
    from ray.util.state import list_actors

    wait_for_checkpoint(config)
    workers: list = list_actors(address, filters=[("class_name", "=", "RayTrainWorker"), ("state", "=", "ALIVE")])
    os.kill(workers[-1].pid, signal.SIGKILL)


def wait_for_checkpoint(config, seconds=400):
    deadline = time.monotonic() + seconds
    while not list(Path(config.run_folder).glob("checkpoint_*/training.pt")):
        assert time.monotonic() < deadline, "no checkpoint came"
        time.sleep(0.05)


def test_a_killed_job_goes_on_when_it_is_started_again(ray_environment, settings, straight, tmp_path, capfd):
    config = settings(epochs=EPOCHS)
    file = tmp_path / "train_dance.yaml"
    file.write_text(settings_module.to_yaml(config))
    command = [sys.executable, "-m", "jobs.train_dance", str(file)]
    with open(tmp_path / "log", "w") as log:  # a Ray of its own: it dies with the job
        job = subprocess.Popen(command, env=ray_environment, stderr=log, stdout=log, start_new_session=True)
        try:
            wait_for_checkpoint(config)
            assert job.poll() is None, Path(tmp_path, "log").read_text()
        finally:
            job.kill()
            job.wait()

    run(config)
    clips_done = [int(done) for done in re.findall(r"\| (\d+)/192 ", capfd.readouterr().err)]
    assert 0 < clips_done[0] < clips_done[-1] == 192
    assert_equal_weights(newest_state(config), straight[-1])
    assert logged(config, "train/l1")[1][-1][0] == EPOCHS


def test_the_whole_run_can_live_on_s3(ray_session, s3, settings, make_clips, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = settings(clips=make_clips(f"{s3}/clips"), output=f"{s3}/run", epochs=1)
    trained = run(config)
    assert storage.exists(trained.model)
    assert newest_state(config)["training"]["epoch"] == 1
    assert Path(tmp_path, "mlflow.db").exists()


def test_a_loss_that_is_no_number_stops_the_run_and_is_named_though_mlflow_is_away(
    ray_session, settings, tiny_model, capfd
):
    wild = {**tiny_model, "optimizer": {"generator_rate": 1e30}}
    with pytest.raises(DivergedError, match=r"(?s)is no finite number any more in epoch \d.*learning rates"):
        run(settings(model=wild, epochs=5, tracking_uri="http://127.0.0.1:9"))
    assert capfd.readouterr().err.count("MLflow at http://127.0.0.1:9 cannot be used") == 1


def test_a_training_that_does_not_fit_the_cluster_is_refused_at_once(ray_session, settings):
    started = time.monotonic()
    with pytest.raises(ClusterError, match=r"has 8 CPUs.* 201 and 0 are needed"):
        run(settings(workers=2, cpus_per_worker=100, batch_size=1))
    assert time.monotonic() - started < 5


def test_too_few_clips_for_the_workers_are_refused_before_anything_starts(settings):
    with pytest.raises(ConfigError, match="2 workers needs 32 clips"):
        run(settings(batch_size=16))
