"""The held-out extractor: a recurrent network that embeds a dance. It is used for evaluation and never as a loss.

Its architecture differs from ST-GCN throughout: its input is the body as one vector per frame, with the frame-to-frame
differences, and the network is bidirectional in time.

Axes used in shapes:
    B clips    T frames    J joints    E embedding
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.perceptual.heldout_settings import HeldoutConfig
from dancegen.skeleton import COCO18


class Heldout(nn.Module):
    """Maps joints and their frame-to-frame differences to one embedding per dance and to class logits."""

    def __init__(self, config: HeldoutConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.frame = nn.Sequential(nn.Linear(4 * len(COCO18), config.hidden), nn.LayerNorm(config.hidden), nn.ReLU())
        dropout = config.dropout if config.layers > 1 else 0.0
        self.rnn = nn.GRU(
            config.hidden, config.hidden, config.layers, batch_first=True, bidirectional=True, dropout=dropout
        )
        self.dance = nn.Linear(4 * config.hidden, config.size)
        self.category = nn.Linear(config.size, classes)

    def embed(self, pose: Float[Tensor, "B T J 2"]) -> Float[Tensor, "B E"]:
        """One vector per dance; a missing joint must be 0 in `pose`."""
        seen = (pose != 0).any(dim=-1, keepdim=True)
        steps = torch.zeros_like(pose)
        steps[:, 1:] = pose.diff(dim=1) * (seen[:, 1:] & seen[:, :-1])
        hidden, _ = self.rnn(self.frame(torch.cat([pose, self.config.motion_gain * steps], dim=-1).flatten(2)))
        return self.dance(torch.cat([hidden.mean(dim=1), hidden.amax(dim=1)], dim=-1)).tanh()

    def classify(self, embedding: Float[Tensor, "B E"]) -> Float[Tensor, "B classes"]:
        """A logit for each class, from the vector of each dance."""
        return self.category(embedding)

    def forward(self, pose: Float[Tensor, "B T J 2"]) -> Float[Tensor, "B classes"]:
        """A logit for each class."""
        return self.classify(self.embed(pose))
