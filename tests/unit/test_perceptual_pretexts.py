import math

import pytest
import torch

from dancegen.skeleton import COCO18
from dancegen.steps.pretrain_perceptual.clips import Dances
from dancegen.steps.pretrain_perceptual.pretexts import CLASSES, make_pretext_batch
from dancegen.steps.pretrain_perceptual.settings import TasksConfig
from dancegen.training.classification import IGNORED

PLAIN = {"mirror": False, "joint_dropout": 0.0, "active_share": 1.0}
FPS = 10.0


def walking(clips=24, frames=50, speed=0.01):
    """Every joint goes to the right at one speed and starts elsewhere: what was done to it can be read off."""
    torch.manual_seed(5)
    pose = torch.rand(clips, 1, 18, 2) * 0.3 + torch.arange(frames)[:, None, None] * torch.tensor([speed, 0.0])
    return Dances(pose, torch.ones(clips, frames, 18), torch.zeros(clips, dtype=torch.long))


def asked(dances, seed=0, **settings):
    torch.manual_seed(seed)
    return make_pretext_batch(dances, TasksConfig(**{**PLAIN, **settings}), FPS)


def upright(questions, **labels):
    """The clips with these labels and no others than a real dance has."""
    wanted = dict.fromkeys(CLASSES, 0) | labels
    chosen = torch.ones(len(questions.pose), dtype=torch.bool)
    for name, label in wanted.items():
        chosen &= questions.labels[name].clamp(min=0) == label
    return questions.pose[chosen]


def many(**labels):
    found = [upright(asked(walking(), seed), **labels) for seed in range(40)]
    return torch.cat(found)


def steps(pose):
    """Mean way to the right from frame to frame, of each clip."""
    return pose[..., 0].diff(dim=1).mean(dim=(1, 2))


def test_labels_of_a_task_are_spread_evenly_over_its_share_of_the_batch():
    questions = asked(walking(clips=24), active_share=0.5)
    for name, classes in CLASSES.items():
        counts = torch.bincount(questions.labels[name][questions.labels[name] != IGNORED], minlength=len(classes))
        assert counts.tolist() == [12 // len(classes)] * len(classes)


def test_a_real_dance_is_left_as_it_was():
    pose = many()
    assert len(pose) > 3
    assert steps(pose) == pytest.approx(0.01, rel=0.06)  # its pace strays by 5 %
    assert pose[..., 0].diff(n=2, dim=1).abs().max() < 1e-5
    assert pose[..., 1].diff(dim=1).abs().max() < 1e-5


def test_time_runs_backward_and_faster_and_slower():
    assert steps(many(direction=1)) == pytest.approx(-0.01, rel=0.06)
    assert steps(many(pace=1)) == pytest.approx(0.01 / 1.4, rel=0.06)
    assert steps(many(pace=2)) == pytest.approx(0.01 * 1.4, rel=0.06)


def test_two_parts_are_swapped_once_and_in_the_middle_half():
    jumps = many(order=1)[..., 0].diff(dim=1).mean(dim=2)
    assert ((jumps < 0).sum(dim=1) == 1).all()
    where = (jumps < 0).float().argmax(dim=1) / jumps.shape[1]
    assert where.min() >= 0.2
    assert where.max() <= 0.8


def test_a_shaken_dance_is_rough_and_a_smoothed_one_is_not():
    shaken = many(surface=1).diff(n=2, dim=1).square().mean(dim=(1, 2, 3)).sqrt()
    assert (shaken > 0.004).all()
    assert (shaken < 0.03 * math.sqrt(6) * 1.3).all()
    inner = many(surface=2)[:, 8:-8, :, 0]  # a straight way stays straight, but for its ends
    assert inner.diff(n=2, dim=1).abs().max() < 1e-3


def test_legs_of_another_dancer_hang_on_the_own_hips():
    dances = walking()
    hips, ankles = COCO18.indices("left_hip"), COCO18.indices("left_ankle")
    own = (dances.pose[:, :, ankles] - dances.pose[:, :, hips])[:, 0, 0]
    taken = torch.cat([upright(asked(dances, seed), legs=1) for seed in range(40)])
    leg = (taken[:, :, ankles] - taken[:, :, hips])[:, 0, 0]
    assert (torch.cdist(leg, own).amin(dim=1) < 1e-5).all()
    assert ((taken[:, :, hips] - taken[:, :, COCO18.indices("neck")]).diff(dim=1).abs() < 1e-5).all()


def test_a_missing_joint_stays_missing_at_zero_and_touches_no_other():
    dances = walking()
    gone = Dances(dances.pose.clone(), dances.mask.clone(), dances.category)
    wrist = COCO18.index("right_wrist")
    gone.mask[:, :, wrist], gone.pose[:, :, wrist] = 0, 99.0
    one, other = asked(gone, seed=3), asked(dances, seed=3)
    assert (one.pose[:, :, wrist] == 0).all()
    others = [joint for joint in range(18) if joint != wrist]
    assert torch.equal(one.pose[:, :, others], other.pose[:, :, others])


def test_a_mirrored_dancer_has_left_and_right_exchanged():
    whole, seen = many(), asked(walking(), seed=1, mirror=True, active_share=0.1)
    assert (steps(whole) > 0).all()
    unchanged = seen.pose[torch.stack([label.clamp(min=0) == 0 for label in seen.labels.values()]).all(dim=0)]
    to_the_left = (steps(unchanged) < 0).float().mean()
    assert 0.2 < to_the_left < 0.8


def test_joints_go_missing_for_a_stretch():
    questions = asked(walking(), joint_dropout=0.5)
    gone = (questions.pose == 0).all(dim=-1)
    assert 0.05 < gone.float().mean() < 0.4
