"""Perceptual networks against plain evaluations of their tables, and the perceptual distance."""

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dancegen import config as settings
from dancegen import storage
from dancegen.errors import CheckpointError, ConfigError
from dancegen.renderer import image_features
from dancegen.renderer.classifiers.efficientnet_lite import EfficientNetLiteFeatures, SameConv2d
from dancegen.renderer.classifiers.vgg19 import VGG19Features
from dancegen.renderer.image_features import balanced_weights, depth_distances, load_features, perceptual_distance
from dancegen.renderer.perceptual_settings import PerceptualConfig

CONVOLUTIONS_OF_VGG19 = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)  # torchvision's numbers up to relu5_1


@pytest.fixture(scope="module")
def pictures():
    """A real photograph and its blur, (1, 3, 224, 224) in [-1, 1]."""
    from sklearn.datasets import load_sample_image

    photo = load_sample_image("china.jpg")  # 640 x 427
    photo = cv2.resize(photo[:, 106:533], (224, 224), interpolation=cv2.INTER_CUBIC)
    return tensor(photo), tensor(cv2.GaussianBlur(photo, (0, 0), 2.0))


@pytest.fixture(scope="module", params=["efficientnet_lite0", "efficientnet_lite2"])
def kind(request):
    """A network whose weights are in an installed package."""
    from importlib import metadata

    try:
        metadata.distribution(image_features.PACKAGED[request.param].package)
    except metadata.PackageNotFoundError:
        pytest.skip("the extra renderer is not installed")
    return request.param


@pytest.fixture(scope="module")
def shipped(kind):
    """The network with the weights of its package."""
    return load_features(PerceptualConfig(kind=kind))


def tensor(photo):
    return torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 127.5 - 1


def untrained(network):
    """Random weights whose activations neither vanish nor explode."""
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return network.requires_grad_(False).train()


def test_vgg19_is_its_table_evaluated_plainly():
    torch.manual_seed(0)
    network, picture = untrained(VGG19Features()), torch.rand(1, 3, 37, 50) * 2 - 1
    state = {key: value for key, value in network.state_dict().items() if key.endswith("weight")}
    assert [int(key.split(".")[1]) for key in state] == list(CONVOLUTIONS_OF_VGG19)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    hidden = ((picture[0].permute(1, 2, 0) * 0.5 + 0.5 - mean) / std).permute(2, 0, 1)[None]
    expected = []
    for number in CONVOLUTIONS_OF_VGG19:
        if number in (5, 10, 19, 28):
            hidden = F.max_pool2d(hidden, 2)
        weight, bias = (network.state_dict()[f"features.{number}.{name}"] for name in ("weight", "bias"))
        hidden = F.relu(F.conv2d(hidden, weight, bias, padding=1))
        if number in (0, 5, 10, 19, 28):
            expected.append(hidden)
    found = network(picture)
    assert [one.shape[1] for one in found] == [64, 128, 256, 512, 512]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_vgg19_loads_the_file_of_torchvision_and_ignores_its_classifier(tmp_path):
    network = untrained(VGG19Features())
    path = tmp_path / "vgg19-dcbb9e9d.pth"
    torch.save(network.state_dict() | {"classifier.0.weight": torch.zeros(2, 2)}, path)
    config = PerceptualConfig(kind="vgg19", weights=str(path), sha256=storage.content_hash(str(path)))
    picture = torch.rand(1, 3, 16, 16) * 2 - 1
    for ours, theirs in zip(load_features(config)(picture), network(picture), strict=True):
        assert torch.equal(ours, theirs)


def test_weights_of_another_file_or_another_network_are_refused(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"features.0.weight": torch.zeros(8, 3, 3, 3)}, path)
    given = {"kind": "vgg19", "weights": str(path)}
    with pytest.raises(ConfigError, match="has the SHA-256"):
        load_features(PerceptualConfig(**given, sha256="0" * 64))
    with pytest.raises(CheckpointError, match=r"has no weights features.0.weight of shape \(64, 3, 3, 3\)"):
        load_features(PerceptualConfig(**given, sha256=storage.content_hash(str(path))))
    path.write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="not a file of weights"):
        load_features(PerceptualConfig(**given, sha256=storage.content_hash(str(path))))


@pytest.mark.parametrize("overrides", [["kind=vgg19"], ["weights=net.pth"], ["sha256=" + "a" * 64]])
def test_settings_without_the_file_or_its_hash_are_refused(overrides):
    with pytest.raises(ConfigError, match="weights"):
        settings.load(PerceptualConfig, None, overrides)


def test_a_missing_package_is_named_with_the_way_to_install_it(monkeypatch):
    lacking = image_features.PACKAGED["efficientnet_lite0"]._replace(package="no-such-package-of-weights")
    monkeypatch.setitem(image_features.PACKAGED, "efficientnet_lite0", lacking)
    with pytest.raises(ConfigError, match=r"no-such-package-of-weights.*dancegen\[renderer\]"):
        load_features(PerceptualConfig())


def test_a_stride_of_two_pads_below_and_right_as_tensorflow_does():
    layer = SameConv2d(1, 1, 3, stride=2)
    torch.nn.init.ones_(layer.weight)
    even, odd = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 5, 5)
    assert layer(even)[0, 0].tolist() == [[9, 6], [6, 4]]
    assert layer(odd)[0, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]


def test_efficientnet_gives_five_depths_of_the_strides_rounded_up():
    found = untrained(EfficientNetLiteFeatures())(torch.zeros(2, 3, 50, 70))
    sizes = [(2, 16, 25, 35), (2, 24, 13, 18), (2, 40, 7, 9), (2, 112, 4, 5), (2, 320, 2, 3)]
    assert [tuple(one.shape) for one in found] == sizes


def test_efficientnet_with_its_weights_knows_a_palace(kind, shipped, pictures):
    path = image_features.package_file(kind)
    state = torch.load(path, weights_only=True)
    last = shipped(pictures[0])[-1]
    statistics = [state[f"_bn1.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
    pooled = F.relu6(F.batch_norm(F.conv2d(last, state["_conv_head.weight"]), *statistics, eps=1e-3)).mean(dim=(2, 3))
    assert int((pooled @ state["_fc.weight"].T + state["_fc.bias"]).argmax()) == 698  # ImageNet's class "palace"


def test_efficientnet_equals_the_code_published_with_its_weights(kind, shipped):
    published = pytest.importorskip("efficientnet_lite_pytorch", reason="the published code is not installed")
    theirs = published.EfficientNet.from_name(kind.replace("_", "-")).eval()
    theirs.load_state_dict(torch.load(image_features.package_file(kind), weights_only=True))
    torch.manual_seed(0)
    side = theirs._global_params.image_size  # its padding is computed once, for this size
    picture = torch.rand(1, 3, side, side) * 2 - 1
    expected = []
    for number in (0, 2, 4, 10, 15) if kind == "efficientnet_lite0" else (0, 3, 6, 14, 20):
        theirs._blocks[number].register_forward_hook(lambda module, given, found: expected.append(found))
    with torch.no_grad():
        theirs(((picture + 1) * 127.5 - 127) / 128)
    for ours, one in zip(shipped(picture), expected, strict=True):
        torch.testing.assert_close(ours, one, rtol=1e-4, atol=1e-4)


def test_weights_are_frozen_and_training_mode_does_not_reach_batch_norm(shipped):
    torch.nn.Sequential(shipped).train()
    assert not any(module.training for module in shipped.modules())
    assert not any(parameter.requires_grad for parameter in shipped.parameters())


def test_the_distance_of_equal_pictures_is_zero_and_a_blur_is_farther_than_weak_noise(shipped, pictures):
    real, blurred = pictures
    noise = 0.02 * torch.from_numpy(np.random.default_rng(0).standard_normal(real.shape)).float()
    assert float(perceptual_distance(shipped, real, real)) == 0
    weak, strong = (float(perceptual_distance(shipped, other, real)) for other in (real + noise, blurred))
    assert 0 < weak < strong
    assert 0.3 < strong < 3  # calibrated to 1 for such a blur


def test_the_distance_is_the_weighted_sum_over_the_depths(shipped, pictures):
    real, blurred = pictures
    terms = depth_distances(shipped, blurred, real)
    expected = sum(weight * float(term) for weight, term in zip(shipped.depth_weights, terms, strict=True))
    assert float(perceptual_distance(shipped, blurred, real)) == pytest.approx(expected, rel=1e-5)


def test_gradients_reach_the_generated_picture_alone(shipped, pictures):
    real, blurred = pictures
    real, blurred = real.clone().requires_grad_(), blurred.clone().requires_grad_()
    perceptual_distance(shipped, blurred, real).backward()
    assert blurred.grad is not None
    assert float(blurred.grad.abs().sum()) > 0
    assert real.grad is None


def test_without_a_network_the_distance_is_zero():
    picture = torch.zeros(1, 3, 8, 8)
    assert float(perceptual_distance(load_features(PerceptualConfig(kind="none")), picture, picture + 1)) == 0


def test_balanced_weights_give_every_depth_the_same_mean_and_a_sum_of_one():
    distances = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
    contributions = distances.mean(dim=0) * torch.tensor(balanced_weights(distances))
    assert contributions.tolist() == pytest.approx([0.5, 0.5])
