"""Discrepancies of sets whose answer is known, and which groups an update sees."""

import math

import numpy as np
import pytest
import torch

from dancegen.steps.train_cross_modal.mmd_nca import VARIANCES, mmd, mmd2, mmd_nca
from dancegen.steps.train_cross_modal.network_settings import PoseMetricTrainingConfig
from dancegen.steps.train_cross_modal.pose_metric_training import draw_groups


def draws(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_the_same_set_is_at_no_discrepancy():
    x = draws(9, 4)
    assert float(mmd2(x, x)) == 0
    assert float(mmd2(x, x.flip(0))) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("distance", [0.5, 2.0, 30.0])
def test_two_points_are_as_far_apart_as_the_formula_says(distance):
    known = 2 * sum(1 - math.exp(-(distance**2) / (2 * variance)) for variance in VARIANCES)
    assert float(mmd2(torch.zeros(1, 3), torch.tensor([[0.0, distance, 0.0]]))) == pytest.approx(known, rel=1e-5)


def test_neither_side_comes_first_and_slopes_flow_to_both():
    x, y = draws(5, 3).requires_grad_(), (draws(7, 3, seed=1) + 1).requires_grad_()
    assert mmd2(x, y).item() == pytest.approx(mmd2(y, x).item())
    mmd2(x, y).backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0
    assert y.grad.abs().sum() > 0


def test_the_loss_is_the_formula_and_its_slope_is_finite_where_all_groups_are_the_same():
    groups = draws(5, 6, 3)
    near, *far = (math.sqrt(float(mmd2(groups[0], other))) for other in groups[1:])
    known = -math.log(math.exp(-near) / sum(math.exp(-apart) for apart in far))
    assert float(mmd_nca(groups)) == pytest.approx(known, abs=1e-3)
    same = torch.zeros(4, 3, 2).requires_grad_()
    mmd_nca(same).backward()
    assert torch.isfinite(same.grad).all()


def test_two_sets_that_are_nearly_the_same_are_still_pushed_apart():
    x = draws(6, 3) * 1e-3
    y = (x + 1e-3).requires_grad_()
    mmd(x, y).backward()
    assert y.grad.abs().sum() > 0.5


def test_the_loss_falls_when_the_classes_are_apart():
    mixed = draws(4, 8, 3)
    apart = mixed + torch.tensor([0.0, 0.0, 5.0, -5.0])[:, None, None]
    assert float(mmd_nca(apart)) < float(mmd_nca(mixed))
    with pytest.raises(ValueError, match="three groups"):
        mmd_nca(mixed[:2])


def test_two_groups_are_of_the_anchors_class_and_the_others_of_five_other_classes():
    classes = np.repeat(np.arange(8), 60)
    anchors = set()
    for update in range(40):
        groups = draw_groups(classes, PoseMetricTrainingConfig(), seed=0, update=update)
        assert groups.shape == (7, 25)
        assert all(len(set(classes[group])) == 1 for group in groups)
        anchor, positive, *negatives = (classes[group[0]] for group in groups)
        assert anchor == positive
        assert len({anchor, *negatives}) == 6
        assert len(set(groups[:2].ravel())) == 50
        anchors.add(anchor)
    assert anchors == set(range(8))


def test_with_fewer_classes_and_dances_some_come_again():
    groups = draw_groups(np.array([0, 0, 1]), PoseMetricTrainingConfig(), seed=0, update=0)
    assert groups.shape == (7, 25)
    again = draw_groups(np.array([0, 0, 1]), PoseMetricTrainingConfig(), seed=0, update=0)
    assert np.array_equal(groups, again)
    with pytest.raises(ValueError, match="two classes"):
        draw_groups(np.zeros(9, dtype=int), PoseMetricTrainingConfig(), seed=0, update=0)
