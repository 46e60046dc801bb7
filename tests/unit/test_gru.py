"""The audio encoders' GRU: torch's, in another order of operations."""

import pytest
import torch
from torch import nn

from dancegen.gan.gru import BidirectionalGRU

IN_BFLOAT16 = 0.02


def both(inputs=6, hidden=4, layers=2):
    torch.manual_seed(0)
    ours = BidirectionalGRU(inputs, hidden, layers).double()
    published = nn.GRU(inputs, hidden, layers, batch_first=True, bidirectional=True).double()
    published.load_state_dict(ours.state_dict())
    return ours, published


def taught(network, x, loss):
    """The features, and the gradients of the input and of all weights."""
    x = x.clone().requires_grad_()
    features = network(x)[0]
    return [features, *torch.autograd.grad(loss(features), [x, *network.parameters()])]


@pytest.mark.parametrize(("clips", "frames", "layers"), [(3, 7, 2), (1, 1, 1)])
def test_in_training_its_features_and_gradients_are_those_of_torch(clips, frames, layers):
    networks, x = both(layers=layers), torch.randn(clips, frames, 6, dtype=torch.float64)
    with torch.autocast("cpu", torch.bfloat16):  # which leaves 64 bits alone
        ours, published = (taught(network, x, lambda features: features.sin().sum()) for network in networks)
    assert all(torch.allclose(one, other, rtol=1e-9, atol=1e-12) for one, other in zip(ours, published, strict=True))


def test_it_dances_with_the_features_of_torch_to_the_bit():
    ours, published = (network.eval() for network in both())
    x = torch.randn(2, 9, 6, dtype=torch.float64)
    assert all(torch.equal(one, other) for one, other in zip(ours(x), published(x), strict=True))


def test_in_bfloat16_it_stays_near_torch_in_full_precision():
    ours, published = (network.float() for network in both())
    x = torch.randn(3, 12, 6)
    exact = taught(published, x, lambda features: features.square().mean())
    with torch.autocast("cpu", torch.bfloat16):
        rounded = taught(ours, x, lambda features: features.float().square().mean())
    for one, other in zip(exact, rounded, strict=True):
        assert (one - other).norm() < IN_BFLOAT16 * one.norm()
