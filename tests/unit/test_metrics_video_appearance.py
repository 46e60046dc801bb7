"""Appearance in features: of an untrained network where any will do, of the package's where its knowledge counts."""

from importlib import metadata

import cv2
import numpy as np
import pytest
import torch

from dancegen.metrics.video import appearance
from dancegen.renderer import image_features
from dancegen.renderer.classifiers.efficientnet_lite import EfficientNetLiteFeatures
from dancegen.renderer.image_features import load_features
from dancegen.renderer.perceptual_settings import PerceptualConfig

LITE, NONE = PerceptualConfig(), PerceptualConfig(kind="none")
VGG = PerceptualConfig(kind="vgg19", weights="/tmp/vgg19.pth", sha256="0" * 64)


@pytest.fixture(scope="module")
def untrained():
    torch.manual_seed(0)
    return EfficientNetLiteFeatures().requires_grad_(False).train()


@pytest.fixture(scope="module")
def shipped():
    try:
        metadata.distribution(image_features.PACKAGED[LITE.kind].package)
    except metadata.PackageNotFoundError:
        pytest.skip("the extra renderer is not installed")
    return load_features(LITE)


@pytest.fixture(scope="module")
def photos():
    """Crops of two photographs: (6, 128, 128, 3) of a palace, and as many of a flower."""
    from sklearn.datasets import load_sample_image

    crops = []
    for name in ("china.jpg", "flower.jpg"):
        photo = load_sample_image(name)
        crops.append(np.stack([photo[100:228, 60 + step : 188 + step] for step in range(0, 300, 50)]))
    return crops


def test_the_network_of_the_loss_is_no_independent_metric():
    assert appearance.is_independent(VGG, LITE)
    assert appearance.is_independent(LITE, VGG)
    assert appearance.is_independent(LITE, NONE)
    assert not appearance.is_independent(LITE, LITE)
    assert not appearance.is_independent(NONE, LITE)


def test_a_blurred_frame_is_farther_than_one_with_weak_noise(shipped, photos):
    real = photos[0][:2]
    blurred = np.stack([cv2.GaussianBlur(each, (0, 0), 1.0) for each in real])
    noise = np.random.default_rng(0).normal(0, 6, real.shape)
    noisy = np.clip(real + noise, 0, 255).astype(np.uint8)
    far, near = (appearance.perceptual_distances(shipped, each, real) for each in (blurred, noisy))
    assert (appearance.perceptual_distances(shipped, real, real) == 0).all()
    assert (far > near).all()


def test_frames_are_like_themselves_and_like_their_own_scene(shipped, photos):
    palace, flower = (appearance.pooled(shipped, each) for each in photos)
    footage = np.concatenate([palace[::2], flower[::2]])
    assert palace.shape == (6, 320)
    assert appearance.likeness(palace[::2], footage) == pytest.approx(1)
    assert appearance.likeness(palace[1::2], footage) > appearance.likeness(palace[1::2], flower[::2])


def test_a_clip_is_its_mean_and_its_mean_change(untrained):
    frames = np.zeros((9, 2))
    frames[:, 0], frames[1:4:2, 1] = 3.0, 2.0
    found = appearance.clip_features(frames, length=4)
    assert found.tolist() == [[3, 1, 0, 2], [3, 0, 0, 0]]
    pictures = np.random.default_rng(0).integers(0, 255, (4, 40, 32, 3), dtype=np.uint8)
    assert appearance.clip_features(appearance.pooled(untrained, pictures), length=4).shape == (1, 640)


def test_clips_of_the_same_kind_are_nearer_than_those_of_another_and_the_interval_holds_the_value():
    random = np.random.default_rng(0)
    real, same, other = (random.normal(mean, 1, (60, 4)) for mean in (0, 0, 2))
    near, far = (appearance.frechet_clips(real, each, seed=0, resamples=50) for each in (same, other))
    assert near[0] < 1
    assert far[0] == pytest.approx(16, abs=4)
    for value, low, high in (near, far):
        assert 0 <= low <= value <= high
    with pytest.raises(ValueError, match="at least two"):
        appearance.frechet_clips(real[:1], real, 0, 1)
