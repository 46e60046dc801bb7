import math

import torch

from dancegen.training.meters import Mean, merged, not_finite


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
