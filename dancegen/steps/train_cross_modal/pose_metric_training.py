"""One update of the pose metric psi, and the state needed to resume.

Axes used in shapes:
    N dances of the dictionary    G groups    K dances of a group    T frames    J joints
"""

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from dancegen.steps.train_cross_modal.mmd_nca import mmd2, mmd_nca
from dancegen.steps.train_cross_modal.network_settings import PoseMetricTrainingConfig
from dancegen.steps.train_cross_modal.pose_metric import PoseMetric
from dancegen.steps.train_cross_modal.settings import TrainCrossModalConfig
from dancegen.steps.train_cross_modal.single_network import SingleNetworkTraining


class PoseMetricTraining(SingleNetworkTraining[PoseMetric]):
    """psi and its optimizer."""

    def __init__(self, config: TrainCrossModalConfig, device: torch.device | str = "cpu") -> None:
        self.config = config.pose_metric_training
        super().__init__(
            lambda: PoseMetric(config.pose_metric),
            config.pose_metric,
            self.config.learning_rate,
            self.config.updates,
            config.seed,
            device,
        )

    def step(self, pose: Float[Tensor, "G K T J 2"], mask: Float[Tensor, "G K T J"]) -> dict[str, Tensor]:
        """One update on an anchor, a group of its class, and groups of others.

        Returns, detached, the loss and the squared discrepancies of the anchor and the positive group (`within`) and
        of the anchor and the nearest negative group (`between`).
        """
        self.network.train()
        flat_pose, flat_mask = pose.flatten(0, 1).to(self.device), mask.flatten(0, 1).to(self.device)
        with self.randomness(self.updates):
            kept = torch.rand(len(flat_mask), 1, flat_mask.shape[2]) >= self.config.joint_dropout
        groups = self.network(flat_pose, flat_mask * kept.to(flat_mask)).unflatten(0, pose.shape[:2])
        loss = mmd_nca(groups)
        self.learn(loss)
        with torch.no_grad():
            within, *between = (mmd2(groups[0], other) for other in groups[1:])
        return {"loss": loss.detach(), "within": within, "between": torch.stack(between).min()}


def draw_groups(
    classes: Int[np.ndarray, " N"], config: PoseMetricTrainingConfig, seed: int, update: int
) -> Int64[np.ndarray, "G K"]:
    """Indices of the dances in each group of an update: the anchor, the positive group, then the negatives.

    The anchor's class is sampled uniformly. Negative groups are of different other classes if there are enough;
    otherwise classes are sampled with replacement. Dances are sampled without replacement if their class has enough of
    them. Raises ValueError if all dances are of one class.
    """
    random = np.random.default_rng([seed % 2**32, update])
    there = np.unique(classes)
    if len(there) < 2:
        raise ValueError("dances of at least two classes are needed")
    anchor = random.choice(there)
    others, negatives = there[there != anchor], config.groups - 2
    chosen = random.choice(others, negatives, replace=len(others) < negatives)
    near = _members(classes, anchor, 2 * config.group_size, random).reshape(2, -1)
    return np.concatenate([near, *(_members(classes, one, config.group_size, random)[None] for one in chosen)])


def _members(
    classes: Int[np.ndarray, " N"], wanted: int, count: int, random: np.random.Generator
) -> Int64[np.ndarray, " K"]:
    members = np.flatnonzero(classes == wanted)
    return random.choice(members, count, replace=len(members) < count).astype(np.int64)
