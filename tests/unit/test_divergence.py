import numpy as np
import torch

from dancegen.training.divergence import LEARNED_LOOKS, LEFT_LOOKS, LOOKS, DivergenceMonitor, nonfinite_network


def first_wrong(values, factor=1000.0):
    """The look at which a loss with these means is found wrong, and what is said of it."""
    monitor = DivergenceMonitor(factor)
    for look, value in enumerate(values):
        if wrong := monitor.check_losses({"fine": 1.0, "l1": value}):
            return look, wrong
    return None


def test_a_loss_that_is_no_number_is_named_at_once():
    for value in (float("nan"), float("inf")):
        look, (name, problem) = first_wrong([1.0, value])
        assert (look, name) == (1, "l1")
        assert "NaN or Inf" in problem


def test_a_loss_that_explodes_is_named_long_before_it_is_no_number():
    look, (name, problem) = first_wrong([0.5 * 2.0**step for step in range(100)])
    assert name == "l1"
    assert look < 40
    assert "times its level before" in problem


def test_a_jump_counts_by_the_loss_s_own_level():
    assert first_wrong([1e-3] * 10 + [2.0]) is not None
    assert first_wrong([1e3] * 10 + [2e5]) is None
    assert first_wrong([1e3] * 10 + [2e5], factor=100) is not None


def test_losses_of_networks_that_compete_may_swing_vanish_and_come_back():
    random = np.random.default_rng(0)
    swinging = np.exp(random.normal(0, 1.5, 2000))
    assert first_wrong(swinging) is None
    assert first_wrong([0.69] * 5 + [1e-6] * 500 + [2.0, 5.0, 30.0]) is None
    assert first_wrong([0.0] * 5 + [1.0, 2.0]) is None


def test_a_loss_that_grows_slowly_takes_its_level_along():
    assert first_wrong(np.geomspace(1.0, 1e9, 20 * LOOKS)) is None


def test_levels_carry_on_from_a_state():
    one, other = DivergenceMonitor(1000.0), DivergenceMonitor(1000.0)
    for _ in range(3):
        assert one.check_losses({"l1": 1e-3}) is None
    other.load(one.state())
    assert other.check_losses({"l1": 2.0}) is not None


def test_a_network_with_a_weight_that_is_no_number_is_named():
    good = {"weight": torch.ones(3), "count": torch.tensor(1)}
    assert nonfinite_network({"generator": good}) is None
    assert nonfinite_network({"generator": good, "local": {"weight": torch.tensor([1.0, float("nan")])}}) == "local"


def test_an_untrained_generator_may_be_far_from_any_pose_but_a_trained_one_may_not_leave_them():
    monitor = DivergenceMonitor(1000.0)
    errors = (0.9, 9.0, 5.0, 1.4, 0.6, 1.2, 1.1, 0.9, 2.0)
    assert all(monitor.check_losses({"pose_error": error}) is None for error in errors)
    found = [monitor.check_losses({"pose_error": 3.5}) for _ in range(LEFT_LOOKS)]
    assert found[:-1] == [None] * (LEFT_LOOKS - 1)
    name, problem = found[-1] or ("", "")
    assert name == "pose_error"
    assert "left the range of real ones" in problem


def test_a_pose_error_that_comes_back_by_itself_is_no_divergence():
    monitor = DivergenceMonitor(1000.0)
    spike = [4.0] * (LEFT_LOOKS - 1)
    errors = [0.6] * LEARNED_LOOKS + spike + [2.0] + spike + [0.7]
    assert all(monitor.check_losses({"pose_error": error}) is None for error in errors)


def test_an_error_on_held_out_clips_that_grows_several_times_over_is_found_and_overfitting_is_not():
    monitor = DivergenceMonitor(1000.0)
    assert all(monitor.check_held_out(error) is None for error in (1.2, 0.5, 0.4, 0.7, 1.9))
    assert "5.5 times its best value" in (monitor.check_held_out(2.2) or "")


def test_what_was_learned_and_the_best_held_out_error_carry_on_from_a_state():
    one, other = DivergenceMonitor(1000.0), DivergenceMonitor(1000.0)
    assert all(one.check_losses({"pose_error": 0.5}) is None for _ in range(LEARNED_LOOKS))
    assert one.check_held_out(0.4) is None
    assert all(one.check_losses({"pose_error": 4.0}) is None for _ in range(LEFT_LOOKS - 1))
    other.load(one.state())
    assert other.check_losses({"pose_error": 4.0}) is not None
    assert other.check_held_out(2.5) is not None


def test_the_state_of_a_run_from_before_there_was_a_pose_error_is_read():
    monitor = DivergenceMonitor(1000.0)
    monitor.load({"first": {"l1": 1.0}, "recent": {"l1": [1.0]}})
    assert monitor.check_losses({"l1": 1.0, "pose_error": 4.0}) is None


def test_how_near_a_loss_is_to_its_limit_is_known():
    monitor = DivergenceMonitor(factor=10.0)
    for value in (1.0, 1.0, 4.0):
        assert monitor.check_losses({"fine": 1.0, "l1": value}) is None
    assert monitor.nearness == 0.4
