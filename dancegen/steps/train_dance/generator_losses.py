"""Losses of the generator that train it, and the noise encoder, directly: of the dances, and of their latent codes."""

from functools import partial

from torch import Tensor

from dancegen.gan import losses
from dancegen.gan.noise_encoder import NoiseEncoder
from dancegen.gan.settings import DanceModelConfig, LossConfig
from dancegen.steps.train_dance.generator_output import GeneratorOutput
from dancegen.training.frozen import frozen


def reconstruction(weights: LossConfig, generated: GeneratorOutput) -> dict[str, Tensor]:
    """Reconstruction losses of the joints, their frame-to-frame differences and planted feet, and motion energy.

    Only those with a weight.
    """
    target = generated.target
    l1 = partial(losses.l1, root_weight=weights.root_weight)
    terms = {"l1": l1, "velocity": losses.velocity, "foot_slide": losses.foot_slide}
    found = {
        name: loss(generated.fake, target.pose, target.mask) for name, loss in terms.items() if getattr(weights, name)
    }
    if weights.motion_energy:
        found["motion_energy"] = losses.motion_energy(generated.fake, generated.batch.pose, generated.batch.mask)
    return found


def about_noise(
    config: DanceModelConfig, noise_encoder: NoiseEncoder | None, generated: GeneratorOutput
) -> dict[str, Tensor]:
    """KL divergence of the real dances' posteriors, in nats, and recovery error of the generated dances' codes.

    Only those with a weight; none without a noise encoder.
    """
    if generated.code is None:
        return {}
    assert config.noise_encoder is not None
    assert noise_encoder is not None
    std, found = config.generator.noise_std, {}
    if config.losses.noise_kl:
        found["noise_kl"] = generated.code.divergence(std, config.noise_encoder.free_nats).mean()
    if config.losses.noise_recovery:
        found["noise_recovery"] = _recovery(noise_encoder, generated) / std
    return found


def _recovery(noise_encoder: NoiseEncoder, generated: GeneratorOutput) -> Tensor:
    with frozen(noise_encoder):
        seen = noise_encoder(losses.mask_missing(generated.fake, generated.batch.mask), generated.batch.rhythm).mean
    first, last = generated.noise[:, 0].detach(), generated.noise[:, -1].detach()
    constant = (first == last).all(dim=1, keepdim=True)  # a clip whose code changes has none to recover
    return ((seen - first).abs() * constant).mean()
