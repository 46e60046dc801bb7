"""An update in which the discriminators' own update and the generator's losses have a pass each: the former one.

The generator is judged by the updated discriminators: its dances pass them again, and the real ones for feature
matching. All clips pass the perceptual network, and GRUs are torch's. Else it is the update of `DanceTraining`.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from dancegen.gan import losses
from dancegen.gan.gru import BidirectionalGRU
from dancegen.gan.local_discriminator import LocalDiscriminator
from dancegen.gan.settings import SECOND_STAGE
from dancegen.precision import autocast
from dancegen.steps.train_dance.discriminators import GlobalUpdate
from dancegen.steps.train_dance.generator_output import GeneratorOutput
from dancegen.steps.train_dance.joint_losses import JointLosses, weighted
from dancegen.steps.train_dance.noise import StepNoise
from dancegen.steps.train_dance.training import DanceTraining
from dancegen.training.frozen import frozen


class TwoPassTraining(DanceTraining):
    """The training with the former update."""

    def with_torch_gru(self) -> "TwoPassTraining":
        """The same with torch's GRU in both audio encoders."""
        for network in (self.generator, self.global_discriminator, self.ema):
            for module in network.modules():
                if isinstance(module, BidirectionalGRU):
                    module.__class__ = nn.GRU
        return self

    def _judge(self, generated: GeneratorOutput, draws: StepNoise) -> tuple[dict[str, Tensor], list[JointLosses]]:
        weights = {name: self._weight(name) for name in SECOND_STAGE}
        local, globe = {"adversarial_local"}, {"adversarial_global", "feature_matching"}
        parts: dict[str, Tensor] = {}
        if weights["adversarial_local"]:
            parts |= self._update_local(generated)
        if any(weights[name] for name in globe):
            parts |= self._update_global(generated, draws)
        judged = []
        with frozen(self.local_discriminator, self.global_discriminator), autocast(self.precision, generated.fake):
            for names, terms in (
                (local, self._from_local),
                (globe, self._from_global),
                ({"perceptual"}, self._features),
            ):
                if any(weights[name] for name in names):
                    joints = generated.leaf()
                    found = terms(replace(generated, fake=joints))
                    total = weighted({name: weights[name] for name in found}, found)
                    (gradient,) = torch.autograd.grad(total, joints)
                    found = {name: value.detach() for name, value in found.items()}
                    judged.append(JointLosses(found, total.detach(), gradient))
        return parts, judged

    def _update_local(self, generated: GeneratorOutput) -> dict[str, Tensor]:
        fake = losses.mask_missing(generated.fake.detach(), generated.batch.mask)
        with autocast(self.precision, fake):
            rhythm = generated.batch.rhythm.repeat(2, 1, 1)
            scores = judge(self.local_discriminator, torch.cat([generated.real, fake]), rhythm)
            real_scores, fake_scores = scores.chunk(2)
            loss = 0.5 * (losses.real(real_scores) + losses.generated(fake_scores))
        self._descend("local", loss)
        return {"local_discriminator": loss}

    def _update_global(self, generated: GeneratorOutput, draws: StepNoise) -> dict[str, Tensor]:
        network, batch = self.global_discriminator, generated.batch
        update = GlobalUpdate(network, network, self.precision, self.config.losses)
        fake = losses.mask_missing(generated.fake.detach(), batch.mask)
        with autocast(self.precision, fake):
            judgement = network(batch.audio, batch.rhythm, (generated.real, fake))
            loss, parts = update._scored(judgement)
        if self.config.losses.gradient_penalty:
            parts["gradient_penalty"] = update._penalty(judgement, generated, draws.between)
            loss = loss + self.config.losses.gradient_penalty * parts["gradient_penalty"]
        self._descend("global", loss)
        return {"global_discriminator": loss, **parts}

    def _from_local(self, generated: GeneratorOutput) -> dict[str, Tensor]:
        fake = losses.mask_missing(generated.fake, generated.batch.mask)
        return {"adversarial_local": losses.real(judge(self.local_discriminator, fake, generated.batch.rhythm))}

    def _from_global(self, generated: GeneratorOutput) -> dict[str, Tensor]:
        network, batch = self.global_discriminator, generated.batch
        fakes = network.pose_encoder.layers(losses.mask_missing(generated.fake, batch.mask), batch.rhythm)
        with torch.no_grad():
            music = network.music(batch.audio)
            reals = network.pose_encoder.layers(generated.real, batch.rhythm)
            reals = [*reals, network.joint(reals[-1], music)]
        adversarial = losses.real(network.judge(fakes[-1], music))
        fakes = [*fakes, network.joint(fakes[-1], music)]
        matching = losses.feature_distance(fakes, reals, generated.reconstruction_mask)
        return {"adversarial_global": adversarial, "feature_matching": matching}

    def _features(self, generated: GeneratorOutput) -> dict[str, Tensor]:
        features = self.perceptual
        assert features is not None
        with torch.no_grad():
            reals = features(generated.real)
        fakes = features(losses.mask_missing(generated.fake, generated.batch.mask))
        relative = self.config.losses.perceptual_scale == "relative"
        distance = losses.relative_feature_distance if relative else losses.feature_distance
        return {"perceptual": distance(fakes, reals, generated.reconstruction_mask, losses.PERCEPTUAL_LAYERS)}


def judge(network: LocalDiscriminator, pose: Tensor, rhythm: Tensor) -> Tensor:
    """D_local's scores of all windows of whole dances."""
    return network(network.windows(pose), network.windows(rhythm))
