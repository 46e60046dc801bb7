"""One update of the generator and its two discriminators, and the state needed to resume.

It does not use Ray or paths. Randomness in an update depends only on (seed, number of the update), so a resumed run is
bit-identical to an uninterrupted one, and any number of workers get the samples of one worker.

Axes used in shapes:
    B clips    T frames    S samples per frame    J joints    R rhythm channels    Z noise    K given frames
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from dancegen.checkpoints.header import with_former_defaults
from dancegen.errors import CheckpointError
from dancegen.gan import losses
from dancegen.gan.dance_model import (
    DanceModel,
    build_generator,
    build_global_discriminator,
    build_local_discriminator,
    build_noise_encoder,
)
from dancegen.gan.settings import SECOND_STAGE, DanceModelConfig
from dancegen.perceptual.stgcn import STGCN
from dancegen.precision import Precision, autocast
from dancegen.steps.train_dance.discriminators import GlobalUpdate, LocalUpdate
from dancegen.steps.train_dance.fine_tuning import first_weights
from dancegen.steps.train_dance.generator_losses import about_noise, reconstruction
from dancegen.steps.train_dance.generator_output import GeneratorOutput
from dancegen.steps.train_dance.gradient_clip import GradientClip
from dancegen.steps.train_dance.joint_losses import JointLosses, perceptual, weighted
from dancegen.steps.train_dance.noise import SEEDED_SHARE, StepNoise, draw, equalize, noise_of_each
from dancegen.training.batch import Batch, neighbours
from dancegen.training.randomness import seeded
from dancegen.training.statistics import share_statistics

__all__ = ["Batch", "DanceTraining"]

EMA_WARM_UP = 10  # updates: at first the EMA decays faster
NETWORK_SETTINGS = (
    "head",
    "norm",
    "rhythm",
    "generator",
    "noise_encoder",
    "local_discriminator",
    "global_discriminator",
)
TRAINED = ("generator", "noise_encoder", "local_discriminator", "global_discriminator")
FORMER_NAMES = {"local": "local_discriminator", "globe": "global_discriminator"}  # in states of earlier releases


class DanceTraining:
    """The networks, their optimizers and the EMA of the generator."""

    def __init__(
        self,
        config: DanceModelConfig,
        seed: int,
        wrap: Callable[[nn.Module], nn.Module] = lambda network: network,
        rank: int = 0,
        workers: int = 1,
        perceptual: STGCN | None = None,
        precision: Precision = "auto",
        compiled: bool = False,
        styles: Sequence[str] = (),
    ) -> None:
        """`wrap` moves each network to its device and wraps it in DDP. `perceptual`, frozen, is required by its loss.

        `compiled` applies torch.compile to the networks that need no second derivative. `styles` are the names of the
        clips' styles, if the settings have an embedding of them.
        """
        assert perceptual or not config.losses.perceptual, "the perceptual loss has a weight, but no network is given"
        self.config, self.seed, self.rank, self.workers = config, seed, rank, workers
        self.styles = tuple(styles) if config.generator.style_dim else ()
        self.precision: Precision = precision
        self.epoch = self.updates = 0
        self.second_stage_from: int | None = None  # the update in which it began
        with seeded(seed, 0):
            self.generator = build_generator(config, styles=len(self.styles))
            self.local_discriminator = build_local_discriminator(config)
            self.global_discriminator = build_global_discriminator(config)
            self.noise_encoder = build_noise_encoder(config)
        self._wrapped = {name: wrap(network) for name, network in self._networks().items() if name in TRAINED}
        self.ema = copy.deepcopy(self.generator).eval().requires_grad_(False)  # after wrap: on the device
        if compiled:
            for network in (self.generator, self.local_discriminator):
                network.compile()
        self.perceptual = perceptual.features if perceptual else None
        if compiled and self.perceptual:
            self.perceptual = torch.compile(self.perceptual)
        rates = config.optimizer
        self.optimizers = {
            "generator": self._adam(rates.generator_rate, self.generator, self.noise_encoder),
            "local": self._adam(rates.local_rate, self.local_discriminator),
            "global": self._adam(rates.global_rate, self.global_discriminator),
        }
        self.clip = GradientClip(rates.gradient_clip) if rates.gradient_clip else None

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update of all networks on a batch. Returns the parts of the losses, detached, by name.

        The dance is generated once, and each discriminator judges it once: for its own update and the generator's.
        """
        draws = self._draws(self.updates, batch)
        if self.in_second_stage and self.second_stage_from is None:
            self.second_stage_from = self.updates
        with seeded(self.seed, self.rank + 1, self.updates):  # of dropout
            for name in self._wrapped:
                getattr(self, name).train()
            batch = self._view(replace(batch, audio=self._heard(batch.audio, draws)))
            with autocast(self.precision, batch.pose):
                generated = self._generate(batch, draws)
            parts, judged = self._judge(generated, draws)
            parts |= self._generator_update(generated, judged)
            parts["pose_error"] = losses.pose_error(generated.fake.detach(), batch.pose, generated.target.mask)
            self._average()
        self.updates += 1
        return {name: value.detach() for name, value in parts.items()}

    @torch.no_grad()
    def validate(self, batch: Batch, one: Float[Tensor, "B T J 2"]) -> dict[str, Tensor]:
        """Validation metrics that require the networks; `validation` computes those of the dances alone.

        `one` is the output of `dances` for the clips. `l1` and `pose_error` are those of `one`; `l1_posterior` is the
        L1 of the reconstruction of the real dance from its own latent code; `music_style_right` is the share of clips
        whose style is the one found in the music (those of `other_styles` cannot be); `diversity` is the distance of
        two dances to the same music, in units of the distance between the dances of different clips.
        """
        other, batch = self.dances(batch, seed=1), self._view(batch)
        present = batch.mask.mean().clamp(min=1e-6)
        found = {
            "l1": losses.l1(one, batch.pose, batch.mask) / present,
            "pose_error": losses.pose_error(one, batch.pose, batch.mask),
        }
        if self.noise_encoder is not None:
            found["l1_posterior"] = losses.l1(self._reconstruction(batch), batch.pose, batch.mask) / present
        if self.styles and batch.style is not None:
            logits = self.ema.music_style_logits(self.ema.audio_encoder(batch.audio).mean(dim=1))
            found["music_style_right"] = (logits.argmax(dim=1) + 1 == batch.style).float().mean()
        if len(one) > 1:  # requires another clip to compare with
            one, other = losses.mask_missing(one, batch.mask), losses.mask_missing(other, batch.mask)
            found["diversity"] = (one - other).abs().mean() / (one - one.roll(1, 0)).abs().mean().clamp(min=1e-6)
        return found

    @torch.no_grad()
    def dances(self, batch: Batch, seed: int = 0) -> Float[Tensor, "B T J 2"]:
        """The EMA generator's dances to the clips' music. The noise depends on the clip and the seed."""
        clips, frames = batch.audio.shape[:2]
        ids = range(clips) if batch.ids is None else batch.ids.tolist()
        noise = noise_of_each(seed, ids, self.ema, frames)
        return self.ema(batch.audio, batch.rhythm, noise.to(batch.audio), style=batch.style)

    def saved_weights(self) -> dict[str, Tensor]:
        """Weights of the model that is saved: the average (EMA) of the generator."""
        return self.ema.state_dict()

    def state(self) -> dict[str, Any]:
        """The state that `load` resumes from: plain containers and tensors, for weights_only loading."""
        return {
            "config": self.config.model_dump(mode="json"),
            "styles": list(self.styles),
            "seed": self.seed,
            "epoch": self.epoch,
            "updates": self.updates,
            "second_stage_from": self.second_stage_from,
            "gradient_norm": self.clip.mean if self.clip else None,
            "networks": {name: network.state_dict() for name, network in self._networks().items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Resume from a state. Learning rates and loss weights are those of the current settings.

        Raises CheckpointError if it is not a state, or is of other networks.
        """
        try:
            before = DanceModelConfig.model_validate(with_former_defaults(state["config"]))
            other = [name for name in NETWORK_SETTINGS if getattr(before, name) != getattr(self.config, name)]
            if tuple(state.get("styles", ())) != self.styles:
                other.append("list of styles")
            if other:
                raise CheckpointError("training state", f"has a different {', '.join(other)}.", "Start a new run.")
            networks = {FORMER_NAMES.get(name, name): weights for name, weights in state["networks"].items()}
            for name, network in self._networks().items():
                network.load_state_dict(networks[name])
            for name, optimizer in self.optimizers.items():
                rate = optimizer.param_groups[0]["lr"]
                optimizer.load_state_dict(state["optimizers"][name])
                optimizer.param_groups[0]["lr"] = rate
            self.seed, self.epoch, self.updates = state["seed"], state["epoch"], state["updates"]
            # A state saved before the ramp existed is past it.
            self.second_stage_from = state.get("second_stage_from", 0 if self.in_second_stage else None)
            if self.clip:
                self.clip.mean = state.get("gradient_norm")
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError("training state", f"cannot be used ({error}).", "Start a new run.") from error

    def share_statistics(self) -> None:
        """Average batch norm's running statistics over all workers, so that all have the same networks."""
        share_statistics(*self._networks().values())

    def start_from(self, model: DanceModel) -> None:
        """Start with a model's generator; everything else is newly initialised, and so are styles that it lacks."""
        weights = first_weights(model, self.ema.state_dict(), self.styles)
        for network in (self.generator, self.ema):
            network.load_state_dict(weights)

    def _generate(self, batch: Batch, draws: StepNoise) -> GeneratorOutput:
        """Generate a dance for each clip: most with a code from the real dance's posterior, some from the prior."""
        noise, code, reconstruction_mask = draws.noise, None, torch.ones_like(draws.free)
        if self.config.noise_encoder is not None:
            code = self._wrapped["noise_encoder"](losses.mask_missing(batch.pose, batch.mask), batch.rhythm)
            reconstruction_mask = (draws.free >= self.config.noise_encoder.free_share).to(noise)
            noise = torch.where(reconstruction_mask[:, None, None] > 0, code.sample(draws.code)[:, None], noise)
        start, style = self._start(batch, draws), self._style(batch, draws)
        fake = self._wrapped["generator"](batch.audio, batch.rhythm, noise, start, style)
        return GeneratorOutput(batch, fake, noise, code, reconstruction_mask)

    def _reconstruction(self, batch: Batch) -> Float[Tensor, "B T J 2"]:
        """Reconstructions of the real dances: the EMA generator with the mean of their posterior."""
        assert self.noise_encoder is not None
        code = self.noise_encoder.eval()(losses.mask_missing(batch.pose, batch.mask), batch.rhythm)
        noise = code.mean[:, None].expand(-1, batch.pose.shape[1], -1)
        return self.ema(batch.audio, batch.rhythm, noise, style=batch.style)

    def _style(self, batch: Batch, draws: StepNoise) -> Int[Tensor, " B"] | None:
        """The styles that the generator is told; 0, no style, for those that are hidden from it."""
        if not self.styles or batch.style is None:
            return None
        return batch.style * (draws.style >= self.config.style_dropout)

    def _start(self, batch: Batch, draws: StepNoise) -> Float[Tensor, "B K J 3"] | None:
        """The first frames of the real dance for the seeded clips; zeros for the others."""
        frames = self.config.generator.seed_frames
        if not frames:
            return None
        given = (batch.mask[:, :frames] > 0) & (draws.seeded < SEEDED_SHARE)[:, None, None]
        pose = torch.cat([batch.pose[:, :frames], torch.ones_like(batch.pose[:, :frames, :, :1])], dim=-1)
        return pose * given[..., None]

    def _judge(self, generated: GeneratorOutput, draws: StepNoise) -> tuple[dict[str, Tensor], list[JointLosses]]:
        """Update the discriminators: the parts of their losses, and the generator's losses of the second stage."""
        weights = {name: self._weight(name) for name in SECOND_STAGE}
        parts: dict[str, Tensor] = {}
        judged = []
        if weights["adversarial_local"]:
            update = LocalUpdate(self.local_discriminator, self._wrapped["local_discriminator"], self.precision)
            found, heard = update(generated, weights, partial(self._descend, "local"))
            parts, judged = parts | found, [*judged, heard]
        if weights["adversarial_global"] or weights["feature_matching"]:
            update = GlobalUpdate(
                self.global_discriminator, self._wrapped["global_discriminator"], self.precision, self.config.losses
            )
            found, heard = update(generated, draws.between, weights, partial(self._descend, "global"))
            parts, judged = parts | found, [*judged, heard]
        if weights["perceptual"]:
            assert self.perceptual is not None
            with autocast(self.precision, generated.fake):
                scale = self.config.losses.perceptual_scale
                judged.append(perceptual(self.perceptual, generated, weights["perceptual"], scale))
        return parts, judged

    def _generator_update(self, generated: GeneratorOutput, judged: list[JointLosses]) -> dict[str, Tensor]:
        """One backward pass through the generator. The second stage's losses enter by their gradients at the joints."""
        weights = self.config.losses
        with autocast(self.precision, generated.fake):
            parts = reconstruction(weights, generated) | about_noise(self.config, self.noise_encoder, generated)
            loss = weighted({name: getattr(weights, name) for name in parts}, parts)
        total, pull = loss.detach(), torch.zeros_like(generated.fake)
        for each in judged:
            parts |= each.losses
            total, pull = total + each.total, pull + each.limited(weights)
        loss = loss + (generated.fake * pull).sum()
        if self.styles and generated.batch.style is not None:
            parts["music_style"] = self._music_style(generated)
            loss = loss + parts["music_style"]
        self._descend("generator", loss)
        return {"generator": total, **parts}

    def _music_style(self, generated: GeneratorOutput) -> Tensor:
        """Cross-entropy of the styles found in the music. It trains the layer that finds them, and no music features.

        The features are those of the averaged generator, as in the saved model. Unfamiliar music does not count.
        """
        style = generated.batch.style
        assert style is not None
        with torch.no_grad():
            music = self.ema.audio_encoder(generated.batch.audio).mean(dim=1)
        logits = self.generator.music_style_logits(music)
        weights = generated.reconstruction_mask * (style > 0)
        return (functional.cross_entropy(logits, (style - 1).clamp(min=0), reduction="none") * weights).mean()

    def _weight(self, term: str) -> float:
        """Weight of a generator's loss in this update."""
        weights = self.config.losses
        weight = getattr(weights, term)
        if term not in SECOND_STAGE or not weight:
            return weight
        if self.second_stage_from is None:
            return 0.0
        return weight * min(1.0, (self.updates - self.second_stage_from + 1) / max(weights.ramp_updates, 1))

    @property
    def in_second_stage(self) -> bool:
        """Whether the discriminators are trained and the second stage's losses count in this epoch."""
        return self.epoch >= self.config.losses.adversarial_from_epoch

    def _descend(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        if self.clip and name == "generator":
            self.clip(self.optimizers[name].param_groups[0]["params"])
        self.optimizers[name].step()

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.config.ema_decay, (1 + self.updates) / (EMA_WARM_UP + self.updates))
        mean, now = self.ema.state_dict(), self.generator.state_dict()
        for name, value in mean.items():
            if value.is_floating_point():
                value.lerp_(now[name], 1 - keep)
            else:
                value.copy_(now[name])

    def _view(self, batch: Batch) -> Batch:
        """The batch according to the settings: without `masked`, every joint has full weight."""
        return batch if self.config.masked else replace(batch, mask=torch.ones_like(batch.mask))

    def _heard(self, audio: Float[Tensor, "B T S"], draws: StepNoise) -> Float[Tensor, "B T S"]:
        """Augmented audio for training: equalised, with its loudness preserved.

        A clip with a code from the prior is mixed with another clip's audio and equalised more strongly, like a song of
        an unseen kind: only the discriminators score its dance, which need not be the mean of all possible dances.
        """
        settings = self.config.noise_encoder
        if settings is None and not self.config.eq_augment_db:
            return audio
        deviation_db = torch.full_like(draws.free, self.config.eq_augment_db)
        if settings is not None:
            free = draws.free < settings.free_share
            audio = torch.where(free[:, None, None], audio + audio[neighbours(len(audio), 2)], audio)
            deviation_db = deviation_db.where(~free, settings.free_eq_db)
        return equalize(audio, draws.tone * deviation_db[:, None])

    def _draws(self, update: int, batch: Batch) -> StepNoise:
        clips, frames = batch.audio.shape[:2]
        everyone = draw(self.seed, update, self.generator, clips * self.workers, frames)
        return everyone.part(self.rank, clips, like=batch.audio)

    def _networks(self) -> dict[str, nn.Module]:
        return {name: getattr(self, name) for name in (*TRAINED, "ema") if getattr(self, name, None) is not None}

    def _adam(self, rate: float, *networks: nn.Module | None) -> torch.optim.Optimizer:
        parameters = [parameter for network in networks if network is not None for parameter in network.parameters()]
        return torch.optim.Adam(parameters, lr=rate, betas=self.config.optimizer.betas, fused=True)
