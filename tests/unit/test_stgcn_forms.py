"""ST-GCN computes in an order of its own: the results are those of the order in which it is published."""

import pytest
import torch

from dancegen.perceptual.stgcn import GraphConvolution, partitioned_graph


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 8), (8, 4)])
def test_a_graph_convolution_is_a_convolution_of_each_part_summed_over_the_neighbours(inputs, outputs):
    torch.manual_seed(0)
    layer = GraphConvolution(inputs, outputs, parts=3).double()
    x = torch.randn(2, inputs, 7, 18, dtype=torch.double, requires_grad=True)
    graph = (torch.from_numpy(partitioned_graph()).double() * torch.rand(3, 18, 18)).requires_grad_()
    parts = layer.conv(x).unflatten(1, (3, outputs))
    plain = torch.einsum("bkctv,kvw->bctw", parts, graph)
    ours = layer(x, graph)
    assert torch.allclose(ours, plain, atol=1e-12)
    sources = [x, graph, *layer.parameters()]
    weight = torch.randn_like(plain)
    slopes = [torch.autograd.grad((form * weight).sum(), sources) for form in (ours, plain)]
    for one, other in zip(*slopes, strict=True):
        assert torch.allclose(one, other, atol=1e-10)
