"""What Optuna is told about trainings, and how many of them run."""

import ray.tune
from optuna.trial import TrialState

from dancegen import config as settings
from dancegen.steps.search.proposals import EqualEpochs, Proposals
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.search.trial import TrialSlots

SPACE = {"losses.l1": (1.0, 100.0)}


def proposed(*names: str) -> EqualEpochs:
    optuna = EqualEpochs(epochs=4, seed=0)
    space = {name: ray.tune.loguniform(low, high) for name, (low, high) in SPACE.items()}
    optuna.set_search_properties("objective", "min", space)
    for name in names:
        assert 1 <= optuna.suggest(name)["losses.l1"] <= 100
    return optuna


def test_a_training_that_was_stopped_counts_for_the_epoch_that_it_reached():
    optuna = proposed("done", "stopped", "failed", "silent")
    for epoch in (1, 2, 3):
        optuna.on_trial_result("done", {"epoch": epoch, "objective": 9.0 - epoch, "training_iteration": 1})
    optuna.on_trial_complete("done", {"epoch": 4, "objective": 5.0})
    optuna.on_trial_result("stopped", {"epoch": 1, "objective": 1.0})
    optuna.on_trial_result("stopped", {"epoch": 1, "objective": 1.0})  # told again after a loss of workers
    optuna.on_trial_complete("stopped", {"epoch": 2, "objective": 0.5})
    optuna.on_trial_complete("failed", error=True)
    optuna.on_trial_complete("silent")

    found = optuna._ot_study.trials
    assert [trial.state for trial in found] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
        TrialState.PRUNED,
    ]
    assert found[0].value == 5.0
    assert found[1].intermediate_values == {1: 1.0, 2: 0.5}


def test_a_search_that_goes_on_replaces_what_failed_and_takes_its_new_numbers():
    config = settings.validate(SearchConfig, {"num_samples": 8, "max_concurrent_trials": 3, "space": SPACE})
    proposals = Proposals(config)
    proposals.optuna.failed = 2
    proposals.set_state({"counter": 4, "total_samples": 4, "finished": True, "experiment": None})
    assert proposals.total_samples == 10
    assert not proposals.is_finished()
    assert proposals.searcher.max_concurrent == 3


def test_a_training_waits_until_another_has_left_its_place():
    turns = TrialSlots(1)
    assert turns.take("a")
    assert turns.take("a")  # when it was started again
    assert not turns.take("b")
    turns.leave("a")
    assert turns.take("b")
