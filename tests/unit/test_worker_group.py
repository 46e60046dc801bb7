"""A training in one process, without Ray Train."""

import re
from pathlib import Path

import pytest
import torch

from dancegen import config as settings
from dancegen.checkpoints import checkpoint
from dancegen.checkpoints import person as people
from dancegen.engine.training.worker_group import STATE, Alone
from dancegen.errors import DivergedError
from dancegen.steps.pretrain_perceptual import worker as perceptual_worker
from dancegen.steps.pretrain_perceptual.clips import summarize_dataset
from dancegen.steps.pretrain_perceptual.settings import PretrainPerceptualConfig
from dancegen.steps.train_dance import worker as train_worker
from dancegen.steps.train_dance.settings import TrainDanceConfig
from dancegen.steps.train_renderer import worker as renderer_worker
from dancegen.steps.train_renderer.settings import TrainRendererConfig


class Killed(Exception):
    """In place of a signal, which would end the test."""


@pytest.fixture
def train(make_clips, tiny_model, tmp_path):
    clips = make_clips(str(tmp_path / "clips"))

    def run(name, killed_in_epoch=None, rate=1e-3):
        model = {**tiny_model, "losses": {"perceptual": 0.0}, "optimizer": {"generator_rate": rate}}
        given = {"clips": clips, "output": str(tmp_path / name), "model": model, "epochs": 2, "batch_size": 8}
        config = settings.validate(TrainDanceConfig, {**given, "workers": 1, "checkpoint_every": 1})
        epochs = []

        def tell(metrics):
            epochs.append(metrics["epoch"])
            if metrics["epoch"] == killed_in_epoch:
                raise Killed

        end = train_worker.train(config, "hash", ("kpop",), None, Alone(config.run_folder, False, tell))
        return epochs, end, Path(config.run_folder, STATE)

    return run


def test_a_training_that_was_killed_goes_on_to_the_same_weights(train):
    epochs, end, saved = train("whole")
    assert epochs == [1, 2]
    with pytest.raises(Killed):
        train("killed", killed_in_epoch=2)
    later, end_later, saved_later = train("killed")
    assert later == [2]  # epoch 2 was told, but its checkpoint was not written yet
    assert end_later["epoch"] == end["epoch"]
    one, other = (torch.load(path, weights_only=True)["training"]["networks"] for path in (saved, saved_later))
    assert all(
        torch.equal(value, other[network][name]) for network, values in one.items() for name, value in values.items()
    )


def test_a_person_whose_training_was_killed_is_the_same(make_frames, tiny_renderer, tmp_path):
    frames = make_frames(f"{tmp_path}/frames")

    def train(name, killed_in_epoch=None):
        given = {"frames": frames, "output": f"{tmp_path}/{name}", "person": "ada", "consent": "Ada agrees."}
        given |= {"model": tiny_renderer, "epochs": 3, "batch_size": 4, "workers": 1, "checkpoint_every": 1}
        config = settings.validate(TrainRendererConfig, given)

        def tell(metrics):
            if metrics["epoch"] == killed_in_epoch:
                raise Killed

        end = renderer_worker.Worker(config, "hash", None, Alone(config.run_folder, False, tell)).run()
        return end["epoch"], people.load(Path(config.output, renderer_worker.MODEL)).generator.state_dict()

    straight = train("whole")
    with pytest.raises(Killed):
        train("killed", killed_in_epoch=3)
    resumed = train("killed")
    assert resumed[0] == straight[0]
    assert all(torch.equal(value, resumed[1][name]) for name, value in straight[1].items())


def test_a_perceptual_network_whose_training_was_killed_is_the_same(make_clips, tmp_path):
    clips = make_clips(f"{tmp_path}/clips", train=40)

    def train(name, killed_in_epoch=None):
        given = {"clips": clips, "output": f"{tmp_path}/{name}", "epochs": 3, "batch_size": 4, "workers": 1}
        given |= {"heldout_song_share": 0.4, "checkpoint_every": 1, "stgcn": {"widths": [4, 4, 8]}}
        config = settings.validate(PretrainPerceptualConfig, given)

        def tell(metrics):
            if metrics["epoch"] == killed_in_epoch:
                raise Killed

        group = Alone(f"{config.output}/run", False, tell)
        end = perceptual_worker.Worker(config, summarize_dataset(config), None, group).run()
        network = checkpoint.load_perceptual(Path(perceptual_worker.result_uri(config)))
        return {name: value for name, value in end["metrics"].items() if name != "train/clips_per_s"}, network

    straight = train("whole")
    with pytest.raises(Killed):
        train("killed", killed_in_epoch=3)
    resumed = train("killed")
    assert resumed[0] == straight[0]
    weights = resumed[1].state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in straight[1].state_dict().items())


def test_a_training_whose_losses_are_no_numbers_ends_with_the_error(train):
    _, end, _ = train("wild", rate=1e30)
    assert isinstance(end["error"], DivergedError)
    assert re.search(r"became NaN or Inf in epoch \d.*learning rates", str(end["error"]), re.DOTALL)
