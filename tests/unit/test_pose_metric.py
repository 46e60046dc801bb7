import numpy as np
import pytest
import torch

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.structure import compose
from dancegen.errors import CheckpointError
from dancegen.pose.normalize import body
from dancegen.steps.train_cross_modal.network_settings import PoseMetricConfig
from dancegen.steps.train_cross_modal.pose_metric import PoseMetric
from dancegen.steps.train_cross_modal.pose_metric_training import PoseMetricTraining, draw_groups
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig

FRAMES = 40
CATEGORIES = ("kpop", "ballet", "popping")
SMALL = {"hidden": 16, "attention": 8, "attention_heads": 2}


def settings(updates=150, **changes):
    training = {"updates": updates, "groups": 4, "group_size": 16, "learning_rate": 1e-3}
    return TrainCrossModalConfig.model_validate({"pose_metric": SMALL, "pose_metric_training": training} | changes)


def corpus(seeds):
    """Windows of dances of three categories: poses, masks, whose category and whose song each is."""
    poses, categories, songs = [], [], []
    for number, category in enumerate(CATEGORIES):
        for seed in seeds:
            dance = choreograph(compose(category, seed, 30.0), Dancer.from_seed(10 * seed + number), 10.0, seed)
            for start in range(0, len(dance) - FRAMES + 1, FRAMES):
                joints = np.concatenate([dance[start : start + FRAMES], np.ones((FRAMES, 18, 1))], axis=-1)
                poses.append(body(joints, 1.0)[0])
                categories.append(number)
                songs.append(f"{category} {seed}")
    pose = torch.from_numpy(np.stack(poses))
    return pose, torch.ones(pose.shape[:3]), np.array(categories), np.array(songs)


def nearest_share(points, categories, songs):
    """How often the nearest dance of another song is of the same category."""
    apart = torch.cdist(points, points).numpy()
    apart[songs[:, None] == songs] = np.inf
    return np.mean(categories[apart.argmin(axis=1)] == categories)


def test_held_out_dances_of_one_category_are_near_one_another_after_a_short_training():
    pose, mask, categories, _ = corpus(range(6))
    training = PoseMetricTraining(settings())
    for update in range(150):
        groups = torch.from_numpy(draw_groups(categories, training.config, 0, update))
        found = training.step(pose[groups], mask[groups])
    assert float(found["within"]) < float(found["between"])
    pose, mask, categories, songs = corpus(range(20, 24))
    with torch.no_grad():
        share = nearest_share(training.network.eval()(pose, mask), categories, songs)
    assert share > 0.6, f"{share:.2f}, and chance is 1/3"


def test_a_dance_is_a_vector_of_length_1_whatever_is_missing():
    network = PoseMetric(PoseMetricConfig()).eval()
    pose = torch.randn(4, 12, 18, 2)
    mask = torch.rand(4, 12, 18).round()
    mask[1] = 0
    pose[2, 3] = torch.nan
    pose[3] = torch.inf
    points = network(pose, mask)
    assert points.shape == (4, 128)
    assert torch.allclose(points.norm(dim=1), torch.ones(4))


def test_where_a_missing_joint_is_said_to_be_does_not_matter():
    network = PoseMetric(PoseMetricConfig()).eval()
    pose, mask = torch.randn(2, 12, 18, 2), torch.rand(2, 12, 18).round()
    moved = torch.where((mask > 0)[..., None], pose, torch.nan)
    assert torch.equal(network(pose, mask), network(moved, mask))
    assert not torch.equal(network(pose, mask), network(pose, torch.ones_like(mask)))


def test_a_stopped_training_goes_on_to_the_bit():
    pose, mask = torch.randn(4, 8, 10, 18, 2), torch.ones(4, 8, 10, 18)
    straight, stopped, resumed = (PoseMetricTraining(settings(updates=4)) for _ in range(3))
    for _ in range(4):
        straight.step(pose, mask)
    for _ in range(2):
        stopped.step(pose, mask)
    resumed.load(stopped.state())
    for _ in range(2):
        resumed.step(pose, mask)
    for name, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_a_state_of_another_network_is_refused():
    other = PoseMetricTraining(settings(pose_metric={"hidden": 8}))
    with pytest.raises(CheckpointError, match="different network"):
        other.load(PoseMetricTraining(settings()).state())
