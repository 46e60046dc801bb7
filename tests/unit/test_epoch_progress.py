import pytest

from dancegen.training.epoch_progress import LOOK_S, LOOK_UPDATES, EpochProgress, resumed
from dancegen.training.meters import merged


def looks(seconds_an_update, updates=1000):
    """After which updates there is a look, when each takes so long."""
    within, at = EpochProgress(workers=2), []
    for update in range(1, updates + 1):
        if update == within.next_sync:
            within.record(update, [], (update - within.updates) * seconds_an_update)
            at.append(update)
    return at


def test_looks_come_every_few_seconds_however_fast_the_machine_is():
    slow = looks(LOOK_S)
    assert slow == list(range(1, 1001))
    gaps = [after - before for before, after in zip(looks(LOOK_S / 7), looks(LOOK_S / 7)[1:], strict=False)]
    assert max(gaps[3:]) == min(gaps[3:]) in (6, 7)
    fast = looks(1e-6)
    assert fast[:4] == [1, 3, 7, 15]
    assert fast[-1] - fast[-2] == LOOK_UPDATES


def test_losses_of_all_looks_and_workers_make_one_mean_also_after_a_stop():
    within = EpochProgress(workers=2)
    within.record(1, [{"l1": (2.0, 1.0)}, {"l1": (4.0, 1.0)}], 0.1)
    again = resumed(within.state(), workers=2)
    assert again.updates == 1
    assert again.next_sync == 2
    again.record(2, [{"l1": (0.0, 1.0)}, {"l1": (0.0, 1.0)}], 0.1)
    assert merged([again.losses]) == {"l1": pytest.approx(1.5)}


def test_other_workers_go_on_at_about_the_same_clips():
    within = EpochProgress(workers=4, updates=9)
    assert resumed(within.state(), workers=2).updates == 18
    assert resumed(within.state(), workers=8).updates == 4
