"""Clipping of gradients by the running mean of their norm."""

import pytest
import torch
from torch import nn

from dancegen.steps.train_dance.gradient_clip import GradientClip


def clipped_norm(clip, norm):
    """The norm of a gradient after clipping; it was `norm` before."""
    parameters = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(1))]
    for parameter in parameters[:2]:  # the third has none
        parameter.grad = torch.full_like(parameter, norm / 7**0.5)
    clip(parameters)
    return torch.cat([parameter.grad.flatten() for parameter in parameters[:2]]).norm().item()


def test_usual_gradients_pass_and_a_jump_is_cut_to_a_multiple_of_their_mean():
    clip = GradientClip(3.0)
    assert [clipped_norm(clip, norm) for norm in (10.0, 12.0, 25.0)] == pytest.approx([10.0, 12.0, 25.0])
    assert clipped_norm(clip, 1000.0) == pytest.approx(3 * 10, rel=0.05)


def test_the_mean_follows_gradients_that_stay_larger():
    clip = GradientClip(3.0)
    clipped_norm(clip, 1.0)
    norms = [clipped_norm(clip, 100.0) for _ in range(400)]
    assert norms[0] == pytest.approx(3.0)
    assert norms[-1] == pytest.approx(100.0)


def test_a_gradient_of_zeros_stays_zero():
    clip = GradientClip(3.0)
    assert [clipped_norm(clip, 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
