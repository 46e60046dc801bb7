import math

import pytest
import torch

from dancegen.training.measure import Mean, merged, misfit, not_finite


def test_means_over_workers_weigh_every_clip_alike():
    one, other = Mean(), Mean()
    one.add({"l1": torch.tensor(1.0)}, weight=3)
    other.add({"l1": torch.tensor(5.0)}, weight=1)
    assert merged([one.sums(), other.sums()]) == {"l1": 2.0}


def test_a_worker_without_clips_does_not_count():
    one = Mean()
    one.add({"l1": torch.tensor(1.0)})
    assert merged([Mean().sums(), one.sums()]) == {"l1": 1.0}


def test_the_first_number_that_is_none_is_named():
    assert not_finite({"l1": 0.5, "velocity": math.nan, "generator": math.inf}) == "velocity"
    assert not_finite({"l1": 0.5}) is None


def test_standing_still_is_no_better_than_a_larger_distance():
    perfect = misfit({"l1": 0.0, "speed_ratio": 1.0, "jerk_ratio": 1.0})
    frozen = misfit({"l1": 0.2, "speed_ratio": 0.0, "jerk_ratio": 0.0})
    lively = misfit({"l1": 0.3, "speed_ratio": 0.9, "jerk_ratio": 1.2})
    assert perfect == 0 < lively < frozen < math.inf
    assert misfit({"l1": 0.0, "speed_ratio": 2.0, "jerk_ratio": 1.0}) == pytest.approx(math.log(2))
