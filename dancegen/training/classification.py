"""Loss and accuracy of a network with several classification heads, each trained on some of the clips only."""

import torch
from torch import Tensor
from torch.nn import functional as F

CATEGORY = "category"
IGNORED = -1  # label of a clip that a head ignores


def loss_and_accuracy(logits: dict[str, Tensor], labels: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean of the heads' cross entropies as `loss`, and the accuracy of each head by its name.

    `logits` are (B, classes) and `labels` (B,), by head; clips labelled IGNORED count for neither.
    """
    losses, accuracy = [], {}
    for name, scores in logits.items():
        asked = labels[name] != IGNORED
        count = asked.sum().clamp(min=1)
        losses.append(F.cross_entropy(scores, labels[name], ignore_index=IGNORED, reduction="sum") / count)
        accuracy[name] = ((scores.argmax(dim=1) == labels[name]) & asked).sum() / count
    return {"loss": torch.stack(losses).mean(), **accuracy}
