"""One update of the renderer of a person: pix2pixHD with a matte, memory of one picture and a two-frame discriminator.

It does not use Ray, ranks or paths. Randomness in an update depends only on (seed, rank, number of the update).

Axes used in shapes:
    B windows    L frames of a window    C channels of the condition    H height    W width, in pixels
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dancegen.errors import CheckpointError
from dancegen.precision import Precision, autocast
from dancegen.renderer import losses
from dancegen.renderer.classifiers.base import ImageFeatures
from dancegen.renderer.condition import condition_channels, draw_condition
from dancegen.renderer.image_features import perceptual_distance
from dancegen.renderer.networks.discriminator import MultiscaleDiscriminator, build_discriminator
from dancegen.renderer.networks.face import crop, crop_side, face_corners
from dancegen.renderer.networks.layers import PICTURE_CHANNELS
from dancegen.renderer.networks.person_generator import Generated, PersonGenerator
from dancegen.renderer.settings import RendererConfig
from dancegen.steps.train_renderer.augment import corrupted, jittered, sure, without_limbs
from dancegen.steps.train_renderer.frames import FrameBatch
from dancegen.training.randomness import seeded

NETWORK_SETTINGS = ("generator", "condition", "previous_frame", "matte", "face", "discriminator")
ROLLOUTS = ((0.4, 1), (0.8, 2), (1.0, 4))  # up to this share of the run, frames that a window generates in a row
EMA_WARM_UP = 10  # updates after which the average is over more than the newest weights
ENHANCED_HALF = "model."  # names of the global half of a local enhancer


def rollout(progress: float) -> int:
    """Frames that are generated in a row, each from the one before, at this share of the run.

    A generator that is trained on real previous pictures only drifts within seconds on its own ones.
    """
    return next(frames for share, frames in ROLLOUTS if progress < share or share == 1)


@dataclass(frozen=True)
class Step:
    """The last two frames of a batch: what the networks get, and what they made."""

    condition: Float[Tensor, "B C H W"]
    condition_before: Float[Tensor, "B C H W"]
    joints: Float[Tensor, "B 18 3"]
    real: Float[Tensor, "B 3 H W"]
    real_before: Float[Tensor, "B 3 H W"]
    before: Float[Tensor, "B 3 H W"]
    """The previous picture: the generator's own, or the real one in windows of two frames."""
    made: Generated


@dataclass(frozen=True)
class Judgement:
    """What the discriminators make of the generated pictures and the real ones."""

    picture: Float[Tensor, "B 3 H W"]
    """The generated pictures, cut off from the generator: gradients of its losses end here."""
    outputs: dict[str, losses.Outputs]
    """By discriminator: activations of a batch whose first half is generated and whose second half is real."""


class RendererTraining:
    """The networks, their optimizers and the EMA of the generator."""

    def __init__(
        self,
        config: RendererConfig,
        seed: int,
        total_updates: int,
        wrap: Callable[[nn.Module], nn.Module] = lambda network: network,
        rank: int = 0,
        features: ImageFeatures | None = None,
        precision: Precision = "auto",
        compiled: bool = False,
    ) -> None:
        """`wrap` moves each network to its device and wraps it in DDP. `features` are those of the perceptual loss."""
        self.config, self.seed, self.rank, self.total = config, seed, rank, total_updates
        self.precision: Precision = precision
        self.epoch = self.updates = 0
        with seeded(seed % 2**32, 0, 0):
            self.generator = PersonGenerator(config)
            self.discriminator = build_discriminator(config)
            self.face_discriminator = build_face_discriminator(config)
        self._wrapped = {name: wrap(network) for name, network in self._networks().items()}
        self.ema = copy.deepcopy(self.generator).eval().requires_grad_(False)  # after wrap: on the device
        self._networks_of_average = {**self._networks(), "ema": self.ema}
        self.features = features
        if compiled:
            self.generator.compile()
            self.discriminator.compile()
        rates = config.optimizer
        self.optimizers = {"generator": self._generator_optimizer()}
        for name in ("discriminator", "face_discriminator"):
            if network := self._networks().get(name):
                groups = [{"params": [*network.parameters()]}]
                self.optimizers[name] = _adam(groups, rates.discriminator_rate, rates.betas)

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return min(1.0, self.updates / max(self.total, 1))

    def step(self, batch: FrameBatch) -> dict[str, Tensor]:
        """One update of all networks. Returns the losses, detached, by name.

        Only the last frame of the windows has losses; the frames before it are generated without gradients. All losses
        are those of the networks before the update, as published, so that the discriminators are evaluated once.
        """
        self._set_rates()
        with seeded(self.seed % 2**32, self.rank + 1, self.updates):
            step = self._generate(batch)
        judgement = self._judge(step)
        parts = self._update_generator(step, judgement, batch)
        parts |= self._update_discriminators(judgement)
        self._average()
        self.updates += 1
        return {name: value.detach() for name, value in parts.items()}

    def share_statistics(self) -> None:
        """Nothing: instance normalisation keeps no running statistics."""

    def saved_weights(self) -> dict[str, Tensor]:
        """Weights of the average of the generator."""
        return self.ema.state_dict()

    def start_from(self, generator: PersonGenerator) -> None:
        """Start with the weights of another person. Raises CheckpointError when its networks differ."""
        for name in ("generator", "condition", "previous_frame", "matte", "face"):
            theirs, ours = getattr(generator.config, name), getattr(self.config, name)
            if theirs != ours:
                problem = f"was trained with model.{name}={theirs!r}, not {ours!r}."
                raise CheckpointError("init_from", problem, "Train with its settings, or from scratch.")
        for network in (self.generator, self.ema):
            network.load_state_dict(generator.state_dict())

    def state(self) -> dict[str, Any]:
        """The state that `load` resumes from: plain containers and tensors, for weights_only loading."""
        return {
            "config": self.config.model_dump(mode="json"),
            "seed": self.seed,
            "epoch": self.epoch,
            "updates": self.updates,
            "networks": {name: network.state_dict() for name, network in self._networks_of_average.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Resume from a state. Raises CheckpointError if it is not a state, or is of other networks."""
        try:
            before = RendererConfig.model_validate(state["config"])
            other = [name for name in NETWORK_SETTINGS if getattr(before, name) != getattr(self.config, name)]
            if other:
                raise CheckpointError("training state", f"has a different {', '.join(other)}.", "Start a new run.")
            for name, network in self._networks_of_average.items():
                network.load_state_dict(state["networks"][name])
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
            self.seed, self.epoch, self.updates = state["seed"], state["epoch"], state["updates"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError("training state", f"cannot be used ({error}).", "Start a new run.") from error

    def _networks(self) -> dict[str, nn.Module]:
        networks: dict[str, nn.Module] = {"generator": self.generator, "discriminator": self.discriminator}
        if self.face_discriminator is not None:
            networks["face_discriminator"] = self.face_discriminator
        return networks

    def _generate(self, batch: FrameBatch) -> Step:
        """The last frame of each window from the generator's own frames before it."""
        height, width = batch.pictures.shape[-2:]
        joints = jittered(batch.joints, self.config.pose_jitter, width / height)
        joints = without_limbs(sure(joints), self.config.limb_drop)
        conditions = draw_condition(joints.flatten(0, 1), height, width, self.config)
        conditions = conditions.unflatten(0, joints.shape[:2])
        before, fed = batch.pictures[:, 0], corrupted(batch.pictures[:, 0])
        with torch.no_grad(), autocast(self.precision, conditions):
            for number in range(1, joints.shape[1] - 1):
                before = self.generator(conditions[:, number], fed, batch.plate, joints[:, number]).picture.float()
                fed = before
        with autocast(self.precision, conditions):
            made = self._wrapped["generator"](conditions[:, -1], fed, batch.plate, joints[:, -1])
        real_before, real = batch.pictures[:, -2], batch.pictures[:, -1]
        return Step(conditions[:, -1], conditions[:, -2], joints[:, -1], real, real_before, before, made)

    def _judge(self, step: Step) -> Judgement:
        """The discriminators on generated and real pictures in one batch: no normalisation mixes pictures."""
        picture = step.made.picture.detach().float().requires_grad_()
        with autocast(self.precision, picture):
            outputs = {"discriminator": self._wrapped["discriminator"](*self._judged(step, picture))}
            if self.face_discriminator is not None:
                outputs["face_discriminator"] = self._wrapped["face_discriminator"](*self._faces(step, picture))
        return Judgement(picture, outputs)

    def _update_generator(self, step: Step, judgement: Judgement, batch: FrameBatch) -> dict[str, Tensor]:
        weights, made = self.config.losses, step.made
        judged, parts = self._adversarial(judgement), {}
        if self.features is not None and weights.perceptual:
            parts["perceptual"] = perceptual_distance(self.features, made.picture.float(), step.real)
        if weights.colour:
            parts["colour"] = losses.colour_l1(made.colour.float(), step.real, batch.matte)
        if made.matte is not None:
            parts["matte"] = losses.matte_cross_entropy(made.matte, batch.matte, batch.matte_known)
            parts["matte_entropy"] = losses.matte_entropy(made.matte)
        if weights.warp and self.config.previous_frame:
            parts["warp"] = losses.warp_l1(made.picture.float(), step.before, batch.flow, batch.flow_valid)
        total = self._weighted(parts)
        if judged:
            (gradient,) = torch.autograd.grad(self._weighted(judged), judgement.picture, retain_graph=True)
            total = total + (made.picture.float() * gradient).sum()
        self._descend("generator", total)
        return {**judged, **parts, "l1": (made.picture.detach().float() - step.real).abs().mean()}

    def _update_discriminators(self, judgement: Judgement) -> dict[str, Tensor]:
        parts = {}
        for name, outputs in judgement.outputs.items():
            parts[name] = losses.discriminator_adversarial(_half(outputs, 0), _half(outputs, 1))
            self._descend(name, parts[name])
        return parts

    def _adversarial(self, judgement: Judgement) -> dict[str, Tensor]:
        """The losses of the generated picture in the discriminators."""
        weights, parts = self.config.losses, {}
        if weights.adversarial or weights.feature_matching:
            outputs = judgement.outputs["discriminator"]
            parts["adversarial"] = losses.generator_adversarial(_half(outputs, 0))
            parts["feature_matching"] = losses.feature_matching(_half(outputs, 0), _half(outputs, 1))
        if self.face_discriminator is not None:
            parts["face"] = losses.generator_adversarial(_half(judgement.outputs["face_discriminator"], 0))
        return parts

    def _judged(self, step: Step, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Input of the discriminator: conditions; generated and real pictures; of two frames where it judges two."""
        pictures = torch.cat([picture, step.real])
        if not self.config.discriminator.two_frame:
            return step.condition, pictures
        conditions = torch.cat([step.condition_before, step.condition], dim=1)
        return conditions, torch.cat([torch.cat([step.before, step.real_before]), pictures], dim=1)

    def _faces(self, step: Step, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The same for the discriminator of faces."""
        height, width = picture.shape[2:]
        side = crop_side(height, width)
        corners, _ = face_corners(step.joints, height, width)
        crops = [crop(maps, corners, side) for maps in (step.condition, picture, step.real)]
        return crops[0], torch.cat(crops[1:])

    def _weight(self, name: str) -> float:
        """The weight of a loss at this update; that of the matte falls as the adversarial loss takes over."""
        weights = self.config.losses
        if name != "matte":
            return getattr(weights, name)
        done = min(1.0, self.progress / weights.matte_decay_share)
        return weights.matte + done * (weights.matte_final - weights.matte)

    def _weighted(self, parts: dict[str, Tensor]) -> Tensor:
        """The sum of the losses with their weights; 0 without any."""
        return sum((self._weight(name) * value for name, value in parts.items()), start=torch.zeros(()))

    def _descend(self, name: str, loss: Tensor) -> None:
        """One step of an optimizer. Other networks and pictures get no gradients."""
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=[*self._networks()[name].parameters()])
        optimizer.step()

    def _generator_optimizer(self) -> torch.optim.Adam:
        """The global half of a local enhancer is a group of its own, which waits for `enhancer_only_share`."""
        enhanced = self.config.generator.kind == "local_enhancer"
        halves: dict[bool, list[nn.Parameter]] = {False: [], True: []}
        for name, parameter in self.generator.named_parameters():
            halves[enhanced and name.startswith(f"generator.{ENHANCED_HALF}")].append(parameter)
        groups = [{"params": parameters, "waits": waits} for waits, parameters in halves.items() if parameters]
        return _adam(groups, self.config.optimizer.generator_rate, self.config.optimizer.betas)

    def _set_rates(self) -> None:
        rates = self.config.optimizer
        factor = rate_factor(rates.schedule, self.progress)
        for name, optimizer in self.optimizers.items():
            rate = rates.generator_rate if name == "generator" else rates.discriminator_rate
            for group in optimizer.param_groups:
                waiting = group.get("waits", False) and self.progress < rates.enhancer_only_share
                group["lr"] = 0.0 if waiting else rate * factor

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.config.optimizer.ema, (1 + self.updates) / (EMA_WARM_UP + self.updates))
        for mean, now in zip(self.ema.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)


def rate_factor(schedule: str, progress: float) -> float:
    """Factor of the learning rates at this share of the run."""
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    return min(1.0, 2 * (1 - progress))


def build_face_discriminator(config: RendererConfig) -> MultiscaleDiscriminator | None:
    """An untrained discriminator of face crops; None without the face part."""
    if not config.face:
        return None
    return MultiscaleDiscriminator(condition_channels(config) + PICTURE_CHANNELS, config.discriminator.width, scales=1)


def _adam(groups: list[dict[str, Any]], rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
    return torch.optim.Adam(groups, lr=rate, betas=betas, fused=True)


def _half(outputs: losses.Outputs, which: int) -> list[list[Tensor]]:
    """The activations of the first or the second half of the batch."""
    return [[layer.chunk(2)[which] for layer in scale] for scale in outputs]
