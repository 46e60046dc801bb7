import numpy as np
import pytest
import torch

from dancegen.perceptual.stgcn import STGCN, partitioned_graph
from dancegen.perceptual.stgcn_settings import PAPER_STGCN, STGCNConfig
from dancegen.skeleton import COCO18

SMALL = STGCNConfig(widths=(4, 8, 16))
JOINTS = range(len(COCO18))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return STGCN(SMALL, classes=3).eval()


def dances(clips=3, frames=24):
    return torch.randn(clips, frames, 18, 2, generator=torch.Generator().manual_seed(1))


def test_each_joint_takes_a_mean_over_itself_and_its_neighbours():
    whole = partitioned_graph().sum(axis=0)
    assert np.allclose(whole.sum(axis=0), 1)
    wrist, elbow, knee = COCO18.indices("left_wrist", "left_elbow", "left_knee")
    assert whole[elbow, wrist] == pytest.approx(0.5)
    assert whole[knee, wrist] == 0


def test_the_parts_are_the_joint_itself_what_is_farther_from_the_neck_and_what_is_nearer():
    same, farther, nearer = partitioned_graph()
    shoulder, elbow, wrist = COCO18.indices("right_shoulder", "right_elbow", "right_wrist")
    assert same[elbow, elbow] > 0
    assert farther[wrist, elbow] > 0
    assert nearer[shoulder, elbow] > 0
    assert nearer[wrist, elbow] == farther[shoulder, elbow] == 0


def test_there_are_ten_maps_of_three_widths_and_the_frames_are_halved_twice(network):
    maps = network.features(dances())
    assert [tuple(part.shape[1:]) for part in maps] == [(4, 24, 18)] * 4 + [(8, 12, 18)] * 3 + [(16, 6, 18)] * 3
    assert network.embed(dances()).shape == (3, 16)
    assert network(dances()).shape == (3, 3)


def test_a_graph_convolution_is_what_its_definition_says(network):
    layer = network.st_gcn_networks[1].gcn
    x = torch.randn(2, 4, 5, 18, generator=torch.Generator().manual_seed(2))
    weight, bias = layer.conv.weight.view(3, 4, 4), layer.conv.bias.view(3, 4)
    wanted = torch.zeros(2, 4, 5, 18)
    for part in range(3):
        for target in JOINTS:
            for source in JOINTS:
                taken = torch.einsum("oc,bct->bot", weight[part], x[..., source]) + bias[part, :, None]
                wanted[..., target] += network.A[part, source, target] * taken
    assert torch.allclose(layer(x, network.A), wanted, atol=1e-5)


def test_a_joint_moves_features_of_its_neighbours_first(network):
    pose, moved = dances(1), dances(1)
    moved[:, 12, COCO18.index("left_wrist")] += 1
    pairs = list(zip(network.features(pose), network.features(moved), strict=True))
    first, third = ((one - other).abs().amax(dim=(0, 1, 2)) > 1e-7 for one, other in (pairs[0], pairs[2]))
    reached = [{COCO18.joints[joint] for joint in JOINTS if there[joint]} for there in (first, third)]
    assert reached[0] == {"left_wrist", "left_elbow"}
    assert reached[1] == {"left_wrist", "left_elbow", "left_shoulder", "neck", "left_hip"}


def test_permuting_the_clips_permutes_the_embeddings(network):
    pose = dances()
    assert torch.allclose(network.embed(pose.flip(0)), network.embed(pose).flip(0), atol=1e-6)


def test_the_published_network_has_the_published_names_and_shapes():
    weights = STGCN(PAPER_STGCN, classes=16).state_dict()
    assert weights["A"].shape == (3, 18, 18)
    assert weights["st_gcn_networks.0.gcn.conv.weight"].shape == (192, 2, 1, 1)
    assert weights["st_gcn_networks.9.tcn.2.weight"].shape == (256, 256, 9, 1)
    assert weights["fcn.weight"].shape == (16, 256, 1, 1)
    residuals = {name.split(".")[1] for name in weights if "residual" in name}
    assert residuals == {"4", "7"}
    assert {name for name in weights if name.startswith("edge_importance")} == {
        f"edge_importance.{n}" for n in range(10)
    }
