import pytest

from dancegen.training.model_selection import BestModel


@pytest.mark.parametrize(
    ("by", "values", "epoch"), [("motion_error", [3, 1, 2], 2), ("beat_alignment", [0.1, 0.3, 0.2], 2)]
)
def test_the_best_is_the_lowest_or_the_highest_as_the_number_means_it(by, values, epoch):
    best = BestModel(by)
    for number, value in enumerate(values, 1):
        metrics = {f"validation/{by}": float(value)}
        if best.improved_by(metrics):
            best = BestModel(by, number, metrics=metrics)
    assert best.epoch == epoch


def test_a_model_that_was_not_measured_or_is_broken_is_never_the_best():
    for metrics in ({}, {"validation/motion_error": float("inf")}, {"validation/motion_error": float("nan")}):
        assert not BestModel("motion_error").improved_by(metrics)
    assert not BestModel("motion_error", 1, metrics={"validation/motion_error": 1.0}).improved_by(
        {"validation/motion_error": 1.0}
    )
