"""Updates that round to bfloat16 where that is sound."""

import pytest
import torch

from dancegen.gan.settings import (
    AudioEncoderConfig,
    DanceModelConfig,
    GeneratorConfig,
    GlobalDiscriminatorConfig,
    LocalDiscriminatorConfig,
)
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.precision import autocast, computes_in_bfloat16
from dancegen.steps.train_dance.training import Batch, DanceTraining

AUDIO = AudioEncoderConfig(channels=(4, 4, 8, 8), code=8, hidden=8, layers=1, size=16)
CONFIG = DanceModelConfig(
    generator=GeneratorConfig(audio=AUDIO, width=64, blocks=2),
    local_discriminator=LocalDiscriminatorConfig(channels=8, joint_features=8, hidden=16),
    global_discriminator=GlobalDiscriminatorConfig(audio=AUDIO, channels=8, joint_features=16, hidden=16),
)


def update(precision):
    torch.manual_seed(0)
    perceptual = STGCN(STGCNConfig(widths=(4, 4, 8)), classes=3).eval().requires_grad_(False)
    training = DanceTraining(CONFIG, seed=0, perceptual=perceptual, precision=precision)
    clips = Batch(
        audio=0.1 * torch.randn(8, 20, 1600),
        rhythm=torch.randn(8, 20, len(RHYTHM_CHANNELS)).clamp(-1, 1),
        pose=0.06 * torch.randn(8, 20, 18, 2).cumsum(dim=1),
        mask=torch.ones(8, 20, 18),
    )
    first = training.step(clips)
    return first, training


def test_an_update_that_rounds_says_and_learns_nearly_the_same():
    (exact, learned), (autocast, learned_rounding) = update("float32"), update("bfloat16")
    assert exact.keys() == autocast.keys()
    for name in exact.keys() - {"local_right", "global_right", "mismatched_right"}:
        assert autocast[name].item() == pytest.approx(exact[name].item(), rel=0.05, abs=0.02), name
    assert exact["l1"] != autocast["l1"] > 0  # it did round, and some clips were told
    assert autocast["gradient_penalty"].dtype == autocast["perceptual"].dtype == torch.float32
    for name, weight in learned_rounding.generator.state_dict().items():
        assert weight.dtype == learned.generator.state_dict()[name].dtype


def test_a_dance_is_not_rounded():
    _, training = update("bfloat16")
    with torch.autocast("cpu", torch.bfloat16):
        clips = 0.1 * torch.randn(1, 20, 1600), torch.zeros(1, 20, len(RHYTHM_CHANNELS))
        dance = training.generator(*clips, torch.zeros(1, 20, training.config.generator.noise_dim))
    assert dance.dtype == torch.float32
    assert not torch.equal(dance, dance.bfloat16().float())


def test_auto_rounds_just_where_the_device_computes_in_bfloat16():
    with autocast("auto", torch.zeros(1)):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if computes_in_bfloat16("cpu") else torch.float32)
    assert computes_in_bfloat16("cpu") == torch.cpu.get_capabilities().get("avx512_bf16", False)
    assert not computes_in_bfloat16("meta")
