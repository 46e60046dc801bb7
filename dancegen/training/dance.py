"""One update of the generator and its two discriminators, and the state needed to carry on later.

No Ray, no ranks, no paths. What is random in an update follows from (seed, stream, number of the update)
alone, so a run that was stopped goes on to the bit, and each worker has randomness of its own.

Axes used in shapes:
    B clips    T frames    S samples a frame    J joints    R rhythm channels    Z noise
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.errors import CheckpointError
from dancegen.models import losses
from dancegen.models.dance_model import build_generator, build_global_discriminator, build_local_discriminator
from dancegen.models.global_discriminator import GlobalDiscriminator
from dancegen.models.pose_generator import Generator
from dancegen.settings.dance_model import DanceModelConfig

EMA_WARM_UP = 10  # updates: at first the running average forgets faster
VALIDATION_STREAM = 1 << 30  # randomness of validation: no worker's, and the same after every epoch
NETWORK_SETTINGS = ("norm", "rhythm", "generator", "local_discriminator", "global_discriminator")


@dataclass(frozen=True)
class Batch:
    """Clips, normalised as the model's settings say. No value is NaN: a missing joint has confidence 0 in `mask`."""

    audio: Float[Tensor, "B T S"]
    rhythm: Float[Tensor, "B T R"]
    pose: Float[Tensor, "B T J 2"]
    mask: Float[Tensor, "B T J"]

    def to(self, device: torch.device | str) -> "Batch":
        """The same on a device."""
        return Batch(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))


class DanceTraining:
    """The networks, their optimizers and the running average of the generator."""

    def __init__(
        self,
        config: DanceModelConfig,
        seed: int,
        wrap: Callable[[nn.Module], nn.Module] = lambda network: network,
        stream: int = 0,
    ) -> None:
        """`wrap` places and spreads each network (DDP); `stream` tells workers' randomness apart."""
        self.config, self.seed, self.stream = config, seed, stream
        self.epoch = self.updates = 0
        with self._randomness(0):
            self.generator = build_generator(config)
            self.local = build_local_discriminator(config)
            self.globe = build_global_discriminator(config)
        self._generator, self._local, self._globe = (wrap(net) for net in (self.generator, self.local, self.globe))
        self.ema = copy.deepcopy(self.generator).eval().requires_grad_(False)  # after wrap: on the device
        rates = config.optimizer
        self.optimizers = {
            "generator": self._adam(self.generator, rates.generator_rate),
            "local": self._adam(self.local, rates.local_rate),
            "global": self._adam(self.globe, rates.global_rate),
        }

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update of all three on a batch. Returns the parts of the losses, detached, by name.

        The dance is generated once: the discriminators learn from it, then the generator from them.
        """
        with self._randomness(self.updates):
            for network in (self.generator, self.local, self.globe):
                network.train()
            batch = self._view(batch)
            fake = self._generator(batch.audio, batch.rhythm, self._noise(self.generator, batch))
            parts: dict[str, Tensor] = {}
            if self._weight("adversarial_local"):
                parts |= self._local_update(batch, fake.detach())
            if self._weight("adversarial_global"):
                parts |= self._global_update(batch, fake.detach())
            parts |= self._generator_update(batch, fake)
            self._average()
        self.updates += 1
        return {name: value.detach() for name, value in parts.items()}

    @torch.no_grad()
    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """How the averaged generator does on clips it need not have seen.

        `l1`; `speed_ratio` and `jerk_ratio`, 1 when it moves as much and as smoothly as the real dance
        (0 is frozen); `diversity`, the distance of two dances to the same music, in units of the distance
        between the dances of different clips.
        """
        with self._randomness(0, VALIDATION_STREAM):
            batch = self._view(batch)
            noises = [self._noise(self.ema, batch) for _ in range(2)]
            one, other = (self.ema(batch.audio, batch.rhythm, noise) for noise in noises)
        present = batch.mask.mean().clamp(min=1e-6)
        real, one, other = (losses.seen(pose, batch.mask) for pose in (batch.pose, one, other))
        found = {
            "l1": losses.l1(one, real, batch.mask) / present,
            "speed_ratio": _change(one, batch.mask, 1) / _change(real, batch.mask, 1).clamp(min=1e-6),
            "jerk_ratio": _change(one, batch.mask, 3) / _change(real, batch.mask, 3).clamp(min=1e-6),
        }
        if len(one) > 1:  # a clip alone has no other to be compared with
            found["diversity"] = (one - other).abs().mean() / (one - one.roll(1, 0)).abs().mean().clamp(min=1e-6)
        return found

    def state(self) -> dict[str, Any]:
        """All that `load` needs to carry on: plain containers and tensors, for weights_only loading."""
        return {
            "config": self.config.model_dump(mode="json"),
            "seed": self.seed,
            "epoch": self.epoch,
            "updates": self.updates,
            "networks": {name: network.state_dict() for name, network in self._networks().items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Carry on from a state. Learning rates and loss weights are those of today's settings.

        Raises CheckpointError when the state is not one, or is of other networks.
        """
        try:
            before = DanceModelConfig.model_validate(state["config"])
            other = [name for name in NETWORK_SETTINGS if getattr(before, name) != getattr(self.config, name)]
            if other:
                raise CheckpointError("training state", f"has another {', '.join(other)}.", "Start a new run.")
            for name, network in self._networks().items():
                network.load_state_dict(state["networks"][name])
            for name, optimizer in self.optimizers.items():
                rate = optimizer.param_groups[0]["lr"]
                optimizer.load_state_dict(state["optimizers"][name])
                optimizer.param_groups[0]["lr"] = rate
            self.seed, self.epoch, self.updates = state["seed"], state["epoch"], state["updates"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError("training state", f"cannot be used ({error}).", "Start a new run.") from error

    def _local_update(self, batch: Batch, fake: Tensor) -> dict[str, Tensor]:
        dances = torch.cat([losses.seen(pose, batch.mask) for pose in (batch.pose, fake)])
        said_of_real, said_of_fake = self._local(dances, batch.rhythm.repeat(2, 1, 1)).chunk(2)
        loss = 0.5 * (losses.real(said_of_real) + losses.generated(said_of_fake))
        self._descend("local", loss)
        return {"local_discriminator": loss, "local_right": _right(said_of_real, said_of_fake)}

    def _global_update(self, batch: Batch, fake: Tensor) -> dict[str, Tensor]:
        """One backward for everything: a second one would break DDP."""
        weights = self.config.losses
        real, fake = (losses.seen(pose, batch.mask) for pose in (batch.pose, fake))
        judgement = self._globe(batch.audio, batch.rhythm, (real, fake))
        said_of_real, said_of_fake = judgement.scores
        parts = {"global_right": _right(said_of_real, said_of_fake)}
        loss = 0.5 * (losses.real(said_of_real) + losses.generated(said_of_fake))
        if weights.mismatched_music and len(real) > 1:
            mismatched = losses.generated(self.globe.judge(judgement.dances[0], judgement.music.roll(1, dims=0)))
            parts["mismatched_music"] = mismatched
            loss = loss + weights.mismatched_music * mismatched
        if weights.gradient_penalty:
            judge = self._still_judge(self.globe, judgement.music.detach(), batch.rhythm)
            penalty = losses.gradient_penalty(judge, real, fake)
            self.globe.pose_encoder.train()
            parts["gradient_penalty"] = penalty
            loss = loss + weights.gradient_penalty * penalty
        self._descend("global", loss)
        return {"global_discriminator": loss, **parts}

    @staticmethod
    def _still_judge(globe: GlobalDiscriminator, music: Tensor, rhythm: Tensor) -> Callable[[Tensor], Tensor]:
        """D_global as a function of the dance alone: no dropout, and the music held fixed."""
        globe.pose_encoder.eval()
        return lambda pose: globe.judge(globe.pose_encoder(pose, rhythm), music)

    def _generator_update(self, batch: Batch, fake: Tensor) -> dict[str, Tensor]:
        critics = [*self.local.parameters(), *self.globe.parameters()]
        for parameter in critics:
            parameter.requires_grad_(False)
        parts, total = {}, fake.new_zeros(())
        for name, term in GENERATOR_TERMS.items():
            if weight := self._weight(name):
                parts[name] = term(self, batch, fake)
                total = total + weight * parts[name]
        self._descend("generator", total)
        for parameter in critics:
            parameter.requires_grad_(True)
        return {"generator": total, **parts}

    def adversarial_local(self, batch: Batch, fake: Tensor) -> Float[Tensor, ""]:
        """What the generator lacks to be taken for real, window by window."""
        return losses.real(self.local(losses.seen(fake, batch.mask), batch.rhythm))

    def adversarial_global(self, batch: Batch, fake: Tensor) -> Float[Tensor, ""]:
        """What the generator lacks to be taken for real, with its music."""
        with torch.no_grad():
            music = self.globe.music(batch.audio)
        dance = self.globe.pose_encoder(losses.seen(fake, batch.mask), batch.rhythm)
        return losses.real(self.globe.judge(dance, music))

    def _weight(self, term: str) -> float:
        """Weight of a generator's loss in this epoch."""
        waits = term.startswith("adversarial") and self.epoch < self.config.losses.adversarial_from_epoch
        return 0.0 if waits else getattr(self.config.losses, term)

    def _descend(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[name].step()

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.config.ema, (1 + self.updates) / (EMA_WARM_UP + self.updates))
        mean, now = self.ema.state_dict(), self.generator.state_dict()
        for name, value in mean.items():
            if value.is_floating_point():
                value.lerp_(now[name], 1 - keep)
            else:
                value.copy_(now[name])

    def _view(self, batch: Batch) -> Batch:
        """The batch as the settings want it seen: without masks, every joint counts fully."""
        return batch if self.config.masked else replace(batch, mask=torch.ones_like(batch.mask))

    def _noise(self, generator: Generator, batch: Batch) -> Float[Tensor, "B T Z"]:
        clips, frames = batch.audio.shape[:2]
        return generator.noise(clips, frames, None, batch.audio.device)

    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "local": self.local, "global": self.globe, "ema": self.ema}

    def _adam(self, network: nn.Module, rate: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=rate, betas=self.config.optimizer.betas, fused=True)

    @contextmanager
    def _randomness(self, update: int, stream: int | None = None) -> Iterator[None]:
        """Torch's randomness for one update; what it was before comes back afterwards."""
        words = [self.seed, self.stream if stream is None else stream, update]
        with torch.random.fork_rng():
            torch.manual_seed(int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]))
            yield


# The generator's losses by the name of their weight in LossConfig. A new one is a line here and a weight there.
GENERATOR_TERMS: dict[str, Callable[[DanceTraining, Batch, Tensor], Tensor]] = {
    "l1": lambda training, batch, fake: losses.l1(fake, batch.pose, batch.mask),
    "velocity": lambda training, batch, fake: losses.velocity(fake, batch.pose, batch.mask),
    "adversarial_local": DanceTraining.adversarial_local,
    "adversarial_global": DanceTraining.adversarial_global,
}


def _right(said_of_real: Tensor, said_of_fake: Tensor) -> Float[Tensor, ""]:
    """Share of dances, or windows, that a discriminator told right."""
    return 0.5 * ((said_of_real > 0).float().mean() + (said_of_fake < 0).float().mean())


def _change(pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"], order: int) -> Float[Tensor, ""]:
    """Mean size of the joints' differences of some order over time, where no joint in them is missing."""
    whole = (mask > 0).unfold(1, order + 1, 1).all(dim=-1) if pose.shape[1] > order else mask[:, :0] > 0
    size = pose.diff(n=order, dim=1).norm(dim=-1) * whole
    return size.sum() / whole.sum().clamp(min=1)
