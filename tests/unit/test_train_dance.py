"""What a training says when it is done."""

import pytest

from dancegen.gan.settings import DanceModelConfig, LossConfig
from dancegen.steps.train_dance.pipeline import second_stage_note
from dancegen.steps.train_dance.settings import TrainDanceConfig

NONE = dict.fromkeys(("adversarial_local", "adversarial_global", "feature_matching", "perceptual"), 0.0)


@pytest.mark.parametrize(
    ("best_epoch", "losses", "said"),
    [
        (20, {"adversarial_from_epoch": 20}, True),
        (21, {"adversarial_from_epoch": 20}, False),
        (1, {"adversarial_from_epoch": 0}, False),  # there was no first stage
        (20, {"adversarial_from_epoch": 30}, False),  # there was no second stage
        (20, {"adversarial_from_epoch": 20, **NONE}, False),  # nor here
    ],
)
def test_a_run_says_so_when_its_best_model_is_from_before_the_second_stage(best_epoch, losses, said):
    config = TrainDanceConfig(epochs=30, model=DanceModelConfig(losses=LossConfig(**losses)))
    note = second_stage_note(config, best_epoch)
    assert (note is not None) == said
    assert not note or "epochs 21 to 30), which did not improve motion_error" in note
