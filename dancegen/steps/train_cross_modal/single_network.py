"""Base of the single-process trainings of one network: optimizer, learning rate schedule, and resuming.

It does not use Ray, ranks or paths. Randomness in an update depends only on (seed, number of the update).
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from dancegen import former_names
from dancegen.config import Config
from dancegen.errors import CheckpointError
from dancegen.training.randomness import seeded

NetworkT = TypeVar("NetworkT", bound=nn.Module)


class SingleNetworkTraining(Generic[NetworkT]):
    """A network and its optimizer. Subclasses compute a loss under `randomness` and call `learn`."""

    def __init__(
        self,
        build: Callable[[], NetworkT],
        made_of: Config,
        learning_rate: float,
        updates: int,
        seed: int,
        device: torch.device | str,
    ) -> None:
        """`updates` are those of the whole training: the learning rate decays to nearly 0 over them."""
        self.made_of, self.learning_rate, self.total, self.seed = made_of, learning_rate, updates, seed
        self.updates = 0
        with self.randomness(0):
            self.network = build().to(device)
        self.device = torch.device(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=learning_rate, fused=True)

    def learn(self, loss: Tensor) -> None:
        """One update of the weights."""
        done = min(1.0, self.updates / max(self.total, 1))
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.updates += 1

    def state(self) -> dict[str, Any]:
        """The state that `load` resumes from: plain containers and tensors, for weights_only loading."""
        return {
            "made_of": self.made_of.model_dump(mode="json"),
            "updates": self.updates,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Resume from a state. Raises CheckpointError if it is not a state, or is of another network."""
        try:
            made_of = former_names.replace(type(self.made_of), state["made_of"])
            if made_of != self.made_of.model_dump(mode="json"):
                raise CheckpointError("training state", "has a different network.", "Train from scratch.")
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.updates = state["updates"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError("training state", f"cannot be used ({error}).", "Train from scratch.") from error

    def randomness(self, update: int, stream: int = 0) -> AbstractContextManager[None]:
        """Seed torch for one update and restore its random state afterwards."""
        return seeded(self.seed % 2**32, stream, update)
