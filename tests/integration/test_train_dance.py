import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from dancegen import config as settings_module
from dancegen import storage, tracking
from dancegen.checkpoints import checkpoint
from dancegen.errors import CheckpointError, ClusterError, ConfigError, DivergedError, TableError
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.steps.train_dance.pipeline import run
from dancegen.steps.train_dance.settings import TrainDanceConfig
from dancegen.steps.train_dance.training import DanceTraining
from dancegen.steps.train_dance.worker import load_perceptual

pytestmark = pytest.mark.ray
EPOCHS = 12


@pytest.fixture(scope="module")
def clips(tmp_path_factory, make_clips):
    return make_clips(str(tmp_path_factory.mktemp("data") / "clips"))


@pytest.fixture(scope="module")
def perceptual(tmp_path_factory):
    """A checkpoint of a small perceptual network that has learnt nothing."""
    path = tmp_path_factory.mktemp("perceptual") / "stgcn.safetensors"
    torch.manual_seed(0)
    checkpoint.save_perceptual(path, STGCN(STGCNConfig(widths=(4, 4, 8)), classes=2), ["one", "two"], {})
    return str(path)


@pytest.fixture(scope="module")
def common(clips, tiny_model, perceptual):
    """Settings of all runs."""
    return {"clips": clips, "perceptual": perceptual, "model": tiny_model, "batch_size": 4, "pictures_every": 0}


@pytest.fixture
def settings(common, tmp_path, with_database):
    output = str(with_database(tmp_path / "run"))

    def make(**changes):
        chosen = {**common, "output": output, "epochs": 2}
        return settings_module.validate(TrainDanceConfig, chosen | changes)

    return make


@pytest.fixture(scope="module")
def straight(ray_session, common, tmp_path_factory):
    """A run of 12 epochs, disturbed by nothing: its settings, how it ended, and its last state."""
    output = str(tmp_path_factory.mktemp("straight"))
    config = TrainDanceConfig.model_validate({**common, "output": output, "epochs": EPOCHS, "pictures_every": EPOCHS})
    return config, run(config), newest_state(config)


def newest_state(config, but=None):
    """What the newest checkpoint holds, of all but the one in a folder."""
    files = [uri for uri in storage.find(config.run_folder, (".pt",)) if storage.name(uri) == "training.pt"]
    files = [uri for uri in files if but is None or not uri.startswith(str(but))]
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


def test_two_workers_leave_a_checkpoint_the_best_model_their_losses_and_pictures(straight):
    config, trained, state = straight
    training = DanceTraining(config.model, config.seed, perceptual=load_perceptual(config), styles=("kpop",))
    training.load(state["training"])
    assert (training.epoch, training.updates) == (EPOCHS, 2 * EPOCHS)
    assert state["settings"] == config.model_dump(mode="json")

    model = checkpoint.load(Path(trained.model))
    assert model.styles == ("kpop",)
    assert model.dance(np.zeros(16_000, dtype=np.float32), seed=1).shape == (10, 18, 2)
    card = checkpoint.read_card(Path(trained.model))
    assert card["data_hash"] == state["data_hash"]
    assert card["metrics"] == trained.metrics
    motion_errors = dict(logged(config, "validation/motion_error")[1])
    assert (card["epoch"], card["chosen_by"]) == (min(motion_errors, key=motion_errors.__getitem__), "motion_error")
    assert trained.epoch == card["epoch"]
    assert trained.metrics["validation/motion_error"] == pytest.approx(min(motion_errors.values()))

    one, losses = logged(config, "train/l1")
    assert [step for step, _ in losses] == list(range(1, EPOCHS + 1))
    assert losses[trained.epoch - 1][1] == pytest.approx(trained.metrics["train/l1"])
    assert all(value > 0 for _, value in logged(config, "train/perceptual")[1])
    assert one.data.params["model.generator.width"] == "16"
    assert one.data.tags["data_hash"] == state["data_hash"]
    assert one.info.status == "FINISHED"
    assert one.data.metrics["system/system_memory_usage_percentage"] > 0

    client = tracking.connect(tracking.default_uri(config.output))
    pictures = [f"pictures/epoch-{EPOCHS:05d}.{ending}" for ending in ("mp4", "png")]
    assert [file.path for file in client.list_artifacts(one.info.run_id, "pictures")] == pictures
    assert all(storage.exists(storage.join(config.run_folder, picture)) for picture in pictures)
    told = client.download_artifacts(one.info.run_id, "settings.yaml", config.output)
    assert settings_module.load(TrainDanceConfig, told) == config


def test_a_run_that_is_done_starts_nothing_when_it_is_started_again(straight, capfd):
    config, trained, state = straight
    assert run(config) == trained
    said = capfd.readouterr().err
    assert f"all {EPOCHS} epochs were done before" in said
    assert "starting" not in said
    assert_equal_weights(newest_state(config), state)


def test_a_killed_worker_is_replaced_and_goes_on_inside_the_epoch(ray_session, settings, straight, capfd):
    config = settings(epochs=EPOCHS, checkpoint_every=EPOCHS, checkpoint_minutes=1e-6)  # none between epochs
    killer = threading.Thread(target=kill_a_worker, args=(config, ray_session), daemon=True)
    killer.start()
    run(config)
    killer.join()
    said = capfd.readouterr().err
    assert "16 training clips and 4 validation clips" in said
    assert "resuming from the last checkpoint" in said
    assert "Traceback" not in said
    assert_equal_weights(newest_state(config), straight[-1])


def assert_same_model(one, other):
    weights = [checkpoint.load(Path(trained.model)).generator.state_dict() for trained in (one, other)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def kill_a_worker(config, address):
    """SIGKILL to one worker once there is a checkpoint."""
    from ray.util.state import list_actors

    wait_for_checkpoint(config)
    workers: list = list_actors(address, filters=[("class_name", "=", "RayTrainWorker"), ("state", "=", "ALIVE")])
    os.kill(workers[-1].pid, signal.SIGKILL)


def wait_for_checkpoint(config):
    wait_for(lambda: list(Path(config.run_folder).glob("checkpoint_*/training.pt")), "no checkpoint came")


def wait_for(there, otherwise, seconds=400):
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def test_a_job_that_was_killed_and_then_stopped_by_a_loss_goes_on_to_equal_a_straight_one_to_the_bit(
    ray_environment, settings, straight, tmp_path, capfd
):
    config = settings(epochs=EPOCHS)
    file = tmp_path / "train_dance.yaml"
    file.write_text(settings_module.to_yaml(config))
    command = [sys.executable, "-m", "jobs.train_dance", str(file)]
    with open(tmp_path / "log", "w") as log:  # a Ray of its own: it dies with the job
        job = subprocess.Popen(command, env=ray_environment, stderr=log, stdout=log, start_new_session=True)
        try:
            wait_for_checkpoint(config)
            wait_for(Path(config.run_folder, "checkpoints.json").exists, "no list of checkpoints came")
            assert job.poll() is None, Path(tmp_path, "log").read_text()
        finally:  # with its workers, as when the machine loses power: Ray's would write for a moment more
            family = [process := psutil.Process(job.pid), *process.children(recursive=True)]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):  # a worker may go with its parent
                    process.kill()
            psutil.wait_procs(family, timeout=30)
            job.wait()

    half = leave_half_written(Path(config.run_folder))
    kept = newest_state(config, but=half)["training"]["epoch"]
    with pytest.raises(DivergedError, match=r"times its level before, in epoch \d+ after \d+ updates.*are kept"):
        run(settings(epochs=EPOCHS, diverged_factor=1.0001))
    assert "the list of checkpoints" in capfd.readouterr().err
    assert 0 < kept <= newest_state(config, but=half)["training"]["epoch"] < EPOCHS
    trained = run(config)
    shutil.rmtree(half)
    said = capfd.readouterr().err
    clips_done = [int(done) for done in re.findall(r"\| (\d+)/192 ", said)]
    assert 0 < clips_done[0] < clips_done[-1] == 192
    assert_equal_weights(newest_state(config), straight[-1])
    assert trained.epoch == straight[1].epoch, "the best epoch is known over all stops"
    assert_same_model(trained, straight[1])
    told = [step for step, _ in logged(config, "train/l1")[1] if step > kept]
    assert told == list(range(kept + 1, EPOCHS + 1))

    with pytest.raises(ConfigError, match="batch_size was 4 and is 2"):
        run(settings(epochs=EPOCHS, batch_size=2))
    with pytest.raises(ConfigError, match=r"epochs=1: is less than 12"):
        run(settings(epochs=1))


def leave_half_written(folder):
    """What a kill leaves that comes while a checkpoint is copied, and while it is listed; the checkpoint's folder."""
    newest = max(folder.glob("checkpoint_*/training.pt"))
    half = folder / "checkpoint_2999-01-01_00-00-00.000000"
    half.mkdir()
    (half / "training.pt").write_bytes(newest.read_bytes()[:5000])
    listed = folder / "checkpoint_manager_snapshot.json"
    listed.write_text(listed.read_text()[:300])
    return half


def test_the_whole_run_can_live_on_s3_and_starts_from_a_model(
    ray_session, s3, settings, straight, make_clips, tiny_model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    hardly_learning = {**tiny_model, "optimizer": {"generator_rate": 1e-12}}
    storage.copy(straight[1].model, start := f"{s3}/start.safetensors")
    places = {"clips": make_clips(f"{s3}/clips"), "output": f"{s3}/run", "init_from": start}
    config = settings(**places, model=hardly_learning, epochs=1, workers=1, pictures_every=1)
    trained = run(config)
    with storage.reading(trained.model) as path:
        learned = checkpoint.load(path).generator.state_dict()
    for name, value in checkpoint.load(Path(straight[1].model)).generator.state_dict().items():
        assert torch.allclose(value, learned[name], atol=1e-6), name
    with pytest.raises(CheckpointError, match="was trained with rhythm True, and not with False"):
        run(settings(init_from=start, model={**tiny_model, "rhythm": False}))
    assert storage.exists(trained.model)
    assert storage.exists(f"{config.run_folder}/pictures/epoch-00001.mp4")
    assert newest_state(config)["training"]["epoch"] == 1
    assert Path(tmp_path, "mlflow.db").exists()


def test_the_head_that_draws_tokens_is_trained_by_two_workers_and_goes_on(ray_session, settings, capfd):
    """Tiny: the tokenizer learns for one epoch, the transformer for the second, and for a third one later."""
    tokens = {
        "tokenizer_epochs": 1,
        "steps": 2,
        "tokenizer": {"width": 16, "blocks": 1, "groups": 1},
        "transformer": {"width": 16, "blocks": 1, "attention_heads": 2, "mel_bands": 4},
    }
    model = {"head": "tokens", "tokens": tokens}
    trained = run(settings(model=model, perceptual=None, workers=2, pictures_every=2))
    assert {"validation/l1_posterior", "validation/code_loss", "train/code_loss"} <= trained.metrics.keys()
    assert trained.epoch == 2, "no epoch of the tokenizer alone is the best one"
    longer = run(settings(model=model, perceptual=None, workers=2, epochs=3))
    assert "resuming from" in capfd.readouterr().err
    dancer = checkpoint.load(Path(longer.model))
    assert dancer.config.head == "tokens"
    assert np.isfinite(dancer.dance(np.zeros(48_000, dtype=np.float32), seed=1)).all()
    config = settings(model=model, workers=2, epochs=3)
    state = newest_state(config)["training"]
    assert (state["epoch"], state["transformer_from"]) == (3, state["updates"] // 3)


def test_a_loss_that_is_no_number_stops_the_run_and_is_named_though_mlflow_is_away(
    ray_session, settings, tiny_model, capfd
):
    wild = {**tiny_model, "optimizer": {"generator_rate": 1e30}}
    with pytest.raises(DivergedError, match=r"(?s)became NaN or Inf in epoch \d.*learning rates"):
        run(settings(model=wild, epochs=5, workers=1, tracking_uri="http://127.0.0.1:9"))
    assert capfd.readouterr().err.count("MLflow at http://127.0.0.1:9 cannot be used") == 1


def test_a_training_that_does_not_fit_the_cluster_is_refused_at_once(ray_session, settings, capfd):
    with pytest.raises(ClusterError, match=r"has 8 CPUs.* 201 and 0 are needed"):
        run(settings(workers=2, cpus_per_worker=100, batch_size=1))
    assert "starting" not in capfd.readouterr().err


def test_a_table_without_validation_clips_is_refused_unless_the_last_epoch_is_wanted(settings, make_clips, tmp_path):
    old = make_clips(str(tmp_path / "old"), validation=0)
    with pytest.raises(TableError, match=r"holds no validation clips .* Run cut-clips again.* or set monitor=last"):
        run(settings(clips=old))
    with pytest.raises(ConfigError, match="2 workers needs 32 clips"):  # nothing is said of validation
        run(settings(clips=old, monitor="last", batch_size=16))


def test_too_few_clips_for_the_workers_are_refused_before_anything_starts(settings):
    with pytest.raises(ConfigError, match="2 workers needs 32 clips"):
        run(settings(batch_size=16))
