"""A training in one process, without Ray Train."""

from pathlib import Path

import pytest
import torch

from dancegen import config as settings
from dancegen.engine.training.worker_group import STATE, Alone
from dancegen.steps.train_dance import worker as train_worker
from dancegen.steps.train_dance.settings import TrainDanceConfig


class Killed(Exception):
    """In place of a signal, which would end the test."""


@pytest.fixture
def train(make_clips, tiny_model, tmp_path):
    clips = make_clips(str(tmp_path / "clips"))

    def run(name, killed_in_epoch=None):
        model = {**tiny_model, "losses": {"perceptual": 0.0}}
        given = {"clips": clips, "output": str(tmp_path / name), "model": model, "epochs": 2, "batch_size": 8}
        config = settings.validate(TrainDanceConfig, {**given, "workers": 1, "checkpoint_every": 1})
        epochs = []

        def tell(metrics):
            epochs.append(metrics["epoch"])
            if metrics["epoch"] == killed_in_epoch:
                raise Killed

        end = train_worker.train(config, "hash", None, Alone(config.run_folder, False, tell))
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
