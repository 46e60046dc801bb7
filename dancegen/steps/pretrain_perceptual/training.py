"""One update of a perceptual network or held-out extractor, and the state needed to resume.

From one embedding per dance, it classifies the category (if there are several) and the changes that were applied
(`pretexts`). It does not use Ray, ranks or paths. Randomness in an update depends only on (seed, stream, number of
the update).

Axes used in shapes:
    B clips    T frames    J joints    E embedding
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.errors import CheckpointError
from dancegen.perceptual.heldout import Heldout
from dancegen.perceptual.heldout_settings import HeldoutConfig
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.steps.pretrain_perceptual.clips import Dances
from dancegen.steps.pretrain_perceptual.pretexts import CLASSES, PretextBatch, make_pretext_batch
from dancegen.steps.pretrain_perceptual.settings import PretrainPerceptualConfig
from dancegen.training.classification import CATEGORY, loss_and_accuracy
from dancegen.training.randomness import VALIDATION_STREAM, seeded


class Student(nn.Module):
    """A network with a classification head per task. With one category there is no category head."""

    def __init__(self, network: STGCN | Heldout, size: int, categories: int) -> None:
        super().__init__()
        self.network = network
        self.heads = nn.ModuleDict({name: nn.Linear(size, len(classes)) for name, classes in CLASSES.items()})
        self.asks_category = categories > 1
        if not self.asks_category:
            (network.fcn if isinstance(network, STGCN) else network.category).requires_grad_(False)

    def forward(self, pose: Float[Tensor, "B T J 2"]) -> dict[str, Tensor]:
        """Logits (B, classes) by task."""
        embedding = self.network.embed(pose)
        said = {name: head(embedding) for name, head in self.heads.items()}
        return {CATEGORY: self.network.classify(embedding), **said} if self.asks_category else said


class PerceptualTraining:
    """The network, its heads and their optimizer."""

    def __init__(
        self,
        config: PretrainPerceptualConfig,
        categories: int,
        updates: int,
        wrap: Callable[[nn.Module], nn.Module] = lambda network: network,
        stream: int = 0,
    ) -> None:
        """`updates` are those of the whole run; `wrap` moves the network to its device and wraps it in DDP."""
        self.config, self.seed, self.stream, self.total = config, config.seed, stream, updates
        self.epoch = self.updates = 0
        with seeded(self.seed, 0, 0):  # the same on every worker
            self.student = build_student(config.network, categories)
        self._student = wrap(self.student)
        self.device = next(self.student.parameters()).device
        learned = [parameter for parameter in self.student.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(learned, lr=config.learning_rate, fused=True)

    @property
    def network(self) -> STGCN | Heldout:
        """The network without its heads."""
        return self.student.network

    def step(self, dances: Dances) -> dict[str, Tensor]:
        """One update. Returns the loss and the accuracy of each task, detached, by name."""
        self.student.train()
        with seeded(self.seed, self.stream, self.updates):
            questions, category = self._asked(dances)
            said = self._student(questions.pose)
        found = loss_and_accuracy(said, {CATEGORY: category, **questions.labels})
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.optimizer.zero_grad(set_to_none=True)
        found["loss"].backward()
        self.optimizer.step()
        self.updates += 1
        return {name: value.detach() for name, value in found.items()}

    @torch.no_grad()
    def validate(self, dances: Dances, number: int) -> dict[str, Tensor]:
        """Loss and accuracy on validation clips, without an update; `number`, that of the batch, seeds its changes."""
        self.student.eval()
        with seeded(self.seed, VALIDATION_STREAM, number):
            questions, category = self._asked(dances)
        return loss_and_accuracy(self.student(questions.pose), {CATEGORY: category, **questions.labels})

    def state(self) -> dict[str, Any]:
        """The state that `load` resumes from: plain containers and tensors, for weights_only loading."""
        return {
            "network": self.config.network.model_dump(mode="json"),
            "epoch": self.epoch,
            "updates": self.updates,
            "student": self.student.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Resume from a state. Raises CheckpointError if it is not a state, or is of another network."""
        try:
            if state["network"] != self.config.network.model_dump(mode="json"):
                raise CheckpointError("training state", "has a different network.", "Start a new run.")
            self.student.load_state_dict(state["student"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.epoch, self.updates = state["epoch"], state["updates"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError("training state", f"cannot be used ({error}).", "Start a new run.") from error

    def _asked(self, dances: Dances) -> tuple[PretextBatch, Tensor]:
        questions = make_pretext_batch(dances, self.config.tasks, self.config.network.fps)
        return questions.to(self.device), dances.category.to(self.device)

    def _rate(self) -> float:
        """Cosine decay of the learning rate to nearly 0."""
        return self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * self.updates / max(self.total, 1)))


def build_student(config: STGCNConfig | HeldoutConfig, categories: int) -> Student:
    """An untrained network with its heads."""
    if isinstance(config, STGCNConfig):
        return Student(STGCN(config, categories), config.widths[-1], categories)
    return Student(Heldout(config, categories), config.size, categories)


def chance_accuracy(categories: int, largest_share: float) -> dict[str, float]:
    """Accuracy of a guess, by task; `largest_share` is that of the most frequent category."""
    guessed = {name: 1 / len(classes) for name, classes in CLASSES.items()}
    return {CATEGORY: largest_share, **guessed} if categories > 1 else guessed
