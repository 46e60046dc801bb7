import os
import signal
import threading
import time
from pathlib import Path

import pytest
import torch

from dancegen import config as settings_module
from dancegen import tracking
from dancegen.checkpoints import person as people
from dancegen.steps.train_renderer.pipeline import run
from dancegen.steps.train_renderer.settings import TrainRendererConfig

pytestmark = pytest.mark.ray
EPOCHS = 6


@pytest.fixture(scope="module")
def settings(tmp_path_factory, make_frames, tiny_renderer):
    frames = make_frames(str(tmp_path_factory.mktemp("frames") / "frames"))

    def make(output, **changes):
        given = {"frames": frames, "output": str(output), "person": "ada", "consent": "Ada agrees.", "workers": 2}
        given |= {"model": tiny_renderer, "epochs": EPOCHS, "batch_size": 2, "pictures_every": 3}
        return settings_module.validate(TrainRendererConfig, given | changes)

    return make


@pytest.fixture(scope="module")
def straight(ray_session, settings, tmp_path_factory):
    """A run disturbed by nothing: its settings and how it ended."""
    config = settings(tmp_path_factory.mktemp("straight"))
    return config, run(config)


def test_two_workers_leave_a_person_their_losses_pictures_and_a_video(straight):
    config, trained = straight
    person = people.load(Path(trained.model))
    assert (person.name, person.consent, person.config) == ("ada", "Ada agrees.", config.model)
    assert person.card["chosen_by"] == "gmsd"
    client = tracking.connect(tracking.default_uri(config.output))
    (one,) = client.search_runs([client.get_experiment_by_name(config.experiment).experiment_id])
    for name in ("train/adversarial", "train/discriminator", "train/warp", "validation/gmsd", "validation/ssim"):
        steps = [point.step for point in client.get_metric_history(one.info.run_id, name)]
        assert steps == list(range(1, EPOCHS + 1)), name
    logged = {file.path for file in client.list_artifacts(one.info.run_id, "pictures")}
    assert {"pictures/epoch-00003.png", "pictures/epoch-00006.mp4"} <= logged
    assert run(config) == trained


def test_a_killed_worker_is_replaced_and_nothing_is_lost(ray_session, settings, straight, tmp_path, with_database):
    config = settings(with_database(tmp_path))
    killer = threading.Thread(target=kill_a_worker, args=(config, ray_session), daemon=True)
    killer.start()
    again = run(config)
    killer.join()
    ours, theirs = (people.load(Path(ended.model)).generator.state_dict() for ended in (again, straight[1]))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert again.epoch == straight[1].epoch


def kill_a_worker(config, address):
    """SIGKILL to one worker once there is a checkpoint."""
    from ray.util.state import list_actors

    deadline = time.monotonic() + 400
    while not list(Path(config.run_folder).glob("checkpoint_*/training.pt")):
        assert time.monotonic() < deadline, "no checkpoint came"
        time.sleep(0.05)
    workers: list = list_actors(address, filters=[("class_name", "=", "RayTrainWorker"), ("state", "=", "ALIVE")])
    os.kill(workers[-1].pid, signal.SIGKILL)
