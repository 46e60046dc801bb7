"""The quick convolution of small maps, and D_local that uses it, against plain ones."""

import pytest
import torch
from torch import nn

from dancegen.models.dance_model import build_local_discriminator
from dancegen.models.winograd import convolve
from dancegen.motion.beats import RHYTHM_CHANNELS
from dancegen.settings.dance_model import PAPER, DanceModelConfig


@pytest.mark.parametrize(("height", "width", "rows"), [(3, 8, 2), (3, 7, 3), (5, 10, 4), (1, 3, 1)])
def test_the_quick_convolution_and_its_slopes_are_those_of_the_plain_one(height, width, rows):
    torch.manual_seed(0)
    x = torch.randn(2, 3, height, width, dtype=torch.double, requires_grad=True)
    layer = nn.Conv2d(3, 4, 3, padding=1).double()
    plain = layer(x)[:, :, :rows]
    quick = convolve(x.permute(3, 0, 2, 1), layer, rows).permute(1, 3, 2, 0)
    assert torch.allclose(quick, plain, atol=1e-12)
    slope = torch.randn_like(plain)
    slopes = [torch.autograd.grad((form * slope).sum(), (x, *layer.parameters())) for form in (quick, plain)]
    for one, other in zip(*slopes, strict=True):
        assert torch.allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("config", [DanceModelConfig(), PAPER], ids=["default", "paper"])
def test_d_local_says_and_teaches_the_same_with_and_without_it(config):
    torch.manual_seed(0)
    network = build_local_discriminator(config)  # in training: dropout falls on the same features
    pose, rhythm = torch.rand(2, 14, 18, 2) - 0.5, torch.randn(2, 14, len(RHYTHM_CHANNELS))
    said, taught = [], []
    for dtype in (torch.float32, torch.float64):  # doubles go the plain way
        torch.manual_seed(1)
        dance = pose.to(dtype).requires_grad_()
        scores = network.to(dtype)(dance, rhythm.to(dtype))
        said.append(scores.double())
        slopes = torch.autograd.grad(scores.square().sum(), [dance, *network.parameters()])
        taught.append([slope.double() for slope in slopes])
    assert torch.allclose(*said, rtol=1e-4, atol=1e-4 * said[1].abs().max().item())
    for quick, plain in zip(*taught, strict=True):
        assert (quick - plain).norm() < 1e-4 * plain.norm() + 1e-9
