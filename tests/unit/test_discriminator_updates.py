"""One pass of a network gives the gradients of two plain ones: its own, and the generator's at the joints."""

import pytest
import torch

from dancegen.gan import losses
from dancegen.gan.dance_model import build_global_discriminator, build_local_discriminator
from dancegen.gan.settings import (
    SECOND_STAGE,
    AudioEncoderConfig,
    DanceModelConfig,
    GlobalDiscriminatorConfig,
    LocalDiscriminatorConfig,
    LossConfig,
)
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.steps.train_dance.discriminators import GlobalUpdate, LocalUpdate
from dancegen.steps.train_dance.generator_output import GeneratorOutput
from dancegen.steps.train_dance.joint_losses import perceptual
from dancegen.training.batch import Batch, neighbours

CLIPS, FRAMES = 5, 20
WEIGHTS = dict(zip(SECOND_STAGE, (0.3, 0.7, 2.0, 0.5), strict=True))


def small(dropout, **changes):
    audio = AudioEncoderConfig(channels=(4, 4, 8, 8), code=8, hidden=8, layers=2, size=16)
    return DanceModelConfig(
        local_discriminator=LocalDiscriminatorConfig(channels=8, joint_features=8, hidden=16, dropout=dropout),
        global_discriminator=GlobalDiscriminatorConfig(
            audio=audio, channels=8, joint_features=16, hidden=16, dropout=dropout
        ),
        **changes,
    )


PUBLISHED = LossConfig(mismatched_music=0.0)
presets = pytest.mark.parametrize(
    "config", [small(0.0), small(0.5, norm="batch", rhythm=False, losses=PUBLISHED)], ids=["ours", "published"]
)


def generated():
    """Dances in 64 bits beside real ones; joints are missing, and one dance reconstructs nothing."""
    random = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(CLIPS, FRAMES, *shape, generator=random, dtype=torch.float64)

    batch = Batch(0.1 * normal(1600), normal(len(RHYTHM_CHANNELS)), 0.2 * normal(18, 2), (normal(18) > -1).double())
    counted = torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    return GeneratorOutput(batch, 0.7 * batch.pose + 0.1 * normal(18, 2), normal(4), None, counted)


def seen(made, joints):
    return losses.mask_missing(joints, made.batch.mask)


def own_gradients(network):
    return {name: value.grad for name, value in network.named_parameters() if value.grad is not None}


def close(one, other):
    return one.norm() > 0 and (one - other).norm() < 1e-9 * one.norm()


def assert_close(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert close(value, other[name]) or value.norm() < 1e-12 > other[name].norm(), name


@presets
@pytest.mark.parametrize("offset", [0.0, 10.0, -30.0, -300.0])
def test_d_local_and_the_generator_get_the_gradients_of_a_pass_each_however_sure_d_local_is(config, offset):
    made, network = generated(), build_local_discriminator(config).double()
    torch.nn.init.constant_(network.head[-1].bias, offset)

    def scores(joints):
        torch.manual_seed(3)  # of dropout
        dances = torch.cat([network.windows(made.real), network.windows(seen(made, joints))])
        return network(dances, network.windows(made.batch.rhythm).repeat(2, 1, 1, 1)).chunk(2)

    torch.manual_seed(3)
    parts, heard = LocalUpdate(network, network, "float32")(made, WEIGHTS, torch.Tensor.backward)
    found = own_gradients(network)
    network.zero_grad()
    reals, fakes = scores(made.fake)
    loss = 0.5 * (losses.real(reals) + losses.generated(fakes))
    loss.backward()
    assert_close(own_gradients(network), found)
    joints = made.leaf()
    adversarial = losses.real(scores(joints)[1])
    (gradient,) = torch.autograd.grad(0.3 * adversarial, joints)
    assert close(gradient, heard.gradient)
    assert torch.allclose(parts["local_discriminator"], loss)
    assert torch.allclose(heard.losses["adversarial_local"], adversarial)
    assert torch.allclose(heard.total, 0.3 * adversarial)


@presets
@pytest.mark.parametrize("silent", [(), ("adversarial_global",), ("feature_matching",)])
def test_d_global_and_the_generator_get_the_gradients_of_a_pass_each(config, silent):
    made, network, settings = generated(), build_global_discriminator(config).double(), config.losses
    between = torch.linspace(0.1, 0.9, CLIPS, dtype=torch.float64)
    weights = {name: 0.0 if name in silent else weight for name, weight in WEIGHTS.items()}

    def judged(joints):
        torch.manual_seed(3)  # of dropout
        return network(made.batch.audio, made.batch.rhythm, [made.real, seen(made, joints)])

    def score_of(music):
        return lambda pose: network.judge(network.pose_encoder(pose, made.batch.rhythm), music)

    torch.manual_seed(3)
    update = GlobalUpdate(network, network, "float32", settings)
    _, heard = update(made, between, weights, torch.Tensor.backward)
    found = own_gradients(network)
    network.zero_grad()
    judgement = judged(made.fake)
    loss = 0.5 * (losses.real(judgement.scores[0]) + losses.generated(judgement.scores[1]))
    wrong = network.judge(judgement.dances[0][-1], judgement.music[neighbours(CLIPS)])
    loss = loss + settings.mismatched_music * losses.generated(wrong)
    network.pose_encoder.eval()
    (
        loss
        + losses.gradient_penalty(
            score_of(judgement.music.detach()), made.real, seen(made, made.fake), between[:, None, None, None]
        )
    ).backward()
    network.pose_encoder.train()
    assert_close(own_gradients(network), found)
    joints = made.leaf()
    judgement = judged(joints)
    reals, fakes = ([*layers, network.joint(layers[-1], judgement.music)] for layers in judgement.dances)
    matching = losses.feature_distance(fakes, [layer.detach() for layer in reals], made.reconstruction_mask)
    terms = {"adversarial_global": losses.real(judgement.scores[1]), "feature_matching": matching}
    total = sum(weights[name] * terms[name] for name in terms)
    assert close(torch.autograd.grad(total, joints)[0], heard.gradient)
    assert torch.allclose(heard.total, total)
    assert heard.losses.keys() == terms.keys() - set(silent)


@pytest.mark.parametrize("scale", ["relative", "published"])
def test_clips_that_do_not_count_are_left_out_of_the_perceptual_loss_without_changing_it(scale):
    made, network = generated(), STGCN(STGCNConfig(widths=(4, 4, 4)), 2).double().eval().requires_grad_(False)
    found = perceptual(network.features, made, 0.5, scale)
    joints = made.leaf()
    distance = losses.relative_feature_distance if scale == "relative" else losses.feature_distance
    layers = (network.features(seen(made, joints)), network.features(made.real))
    loss = distance(*layers, made.reconstruction_mask, losses.PERCEPTUAL_LAYERS)
    assert torch.allclose(found.losses["perceptual"], loss)
    assert close(torch.autograd.grad(0.5 * loss, joints)[0], found.gradient)
