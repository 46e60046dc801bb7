import math

import numpy as np
import pytest
import torch

from dancegen.renderer import losses


def outputs(*scores, features=(), grad=False):
    """Outputs of a discriminator: per scale four activations, and a map of the given score."""
    values = features or [0.0] * len(scores)
    return [
        [*(torch.full((1, 2, 4, 4), value, requires_grad=grad) for _ in range(4)), torch.full((1, 1, 3, 3), score)]
        for score, value in zip(scores, values, strict=True)
    ]


def test_the_generator_wants_scores_of_one_at_every_scale():
    assert float(losses.generator_adversarial(outputs(1.0, 1.0))) == 0
    assert float(losses.generator_adversarial(outputs(0.0, 3.0))) == 1 + 4


def test_the_discriminator_wants_one_for_real_and_zero_for_generated():
    assert float(losses.discriminator_adversarial(outputs(0.0, 0.0), outputs(1.0, 1.0))) == 0
    assert float(losses.discriminator_adversarial(outputs(1.0, 2.0), outputs(1.0, 3.0))) == 0.5 + 0.5 * (4 + 4)


def test_feature_matching_has_the_published_weights_and_ignores_the_scores():
    generated, real = outputs(0.0, 5.0, features=[1.0, 3.0]), outputs(9.0, 7.0, features=[0.0, 0.0])
    assert float(losses.feature_matching(generated, real)) == pytest.approx(4 / 4 / 2 * 4 * (1 + 3))
    deeper = [[torch.ones(1)] * 7], [[torch.zeros(1)] * 7]
    assert float(losses.feature_matching(*deeper)) == pytest.approx(4.0)  # however many layers


def test_feature_matching_does_not_train_the_discriminator_on_real_pictures():
    generated, real = outputs(0.0, features=[1.0], grad=True), outputs(0.0, features=[2.0], grad=True)
    losses.feature_matching(generated, real).backward()
    assert float(generated[0][0].grad.abs().sum()) > 0
    assert real[0][0].grad is None


def test_colours_count_inside_the_matte_alone():
    real, colour = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    matte = torch.zeros(1, 1, 8, 8)
    matte[..., :4] = 1
    colour[..., 4:] = 1
    assert float(losses.colour_l1(colour, real, matte)) == 0
    colour[..., :4] = 0.5
    assert float(losses.colour_l1(colour, real, matte)) == pytest.approx(0.5)
    assert float(losses.colour_l1(colour, real, 0 * matte)) == 0


def test_a_loss_inside_a_mask_is_the_same_in_one_batch_or_in_two():
    generator = torch.Generator().manual_seed(0)
    colour, real, matte = (torch.rand(4, channels, 8, 8, generator=generator) for channels in (3, 3, 1))
    whole = losses.colour_l1(colour, real, matte)
    halves = [losses.colour_l1(colour[part], real[part], matte[part]) for part in (slice(0, 2), slice(2, 4))]
    assert float(whole) == pytest.approx(float(sum(halves)) / 2)


def test_a_matte_is_compared_with_its_target_and_its_entropy_is_largest_at_a_half():
    half = torch.full((1, 1, 4, 4), 0.5, requires_grad=True)
    target = torch.ones(1, 1, 4, 4)
    assert float(losses.matte_cross_entropy(half, target, torch.ones(1))) == pytest.approx(math.log(2))
    assert float(losses.matte_cross_entropy(half, target, torch.zeros(1))) == 0
    assert float(losses.matte_cross_entropy(target, target, torch.ones(1))) < 1e-4
    assert float(losses.matte_entropy(half)) == pytest.approx(math.log(2))
    for sure in (0.0, 1.0):
        assert float(losses.matte_entropy(torch.full((1, 1, 4, 4), sure))) < 1e-4
    losses.matte_entropy(torch.tensor([0.0, 1.0, 0.3]).view(1, 1, 1, 3).requires_grad_()).backward()


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -2), (4, 5)])
def test_a_shift_is_undone_by_its_flow(right, down):
    previous = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    current = previous.roll((down, right), dims=(2, 3))
    flow = torch.tensor([-right, -down]).view(1, 2, 1, 1).expand(2, 2, 8, 12).to(torch.float16)
    inside = (slice(None), slice(None), slice(6, 26), slice(6, 42))
    torch.testing.assert_close(losses.warp(previous, flow)[inside], current[inside], rtol=0, atol=1e-5)
    valid = torch.zeros(2, 8, 12, dtype=torch.uint8)
    valid[:, 2:6, 2:10] = 1
    assert float(losses.warp_l1(current, previous, flow, valid)) < 1e-5
    assert float(losses.warp_l1(current, previous, 0 * flow, valid)) > 0.1
    assert float(losses.warp_l1(current, previous, 0 * flow, 0 * valid)) == 0


def test_warping_is_what_opencv_does_with_the_same_map():
    import cv2

    random = np.random.default_rng(0)
    picture = cv2.GaussianBlur(random.random((20, 24)).astype(np.float32), (0, 0), 2)
    flow = cv2.GaussianBlur(random.normal(0, 8, (20, 24, 2)).astype(np.float32), (0, 0), 3)
    x, y = np.meshgrid(np.arange(24, dtype=np.float32), np.arange(20, dtype=np.float32))
    expected = cv2.remap(picture, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    found = losses.warp(torch.from_numpy(picture)[None, None], torch.from_numpy(flow).permute(2, 0, 1)[None])
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=2e-3)  # OpenCV rounds positions to 1/32 pixel


def test_the_warp_loss_trains_both_frames():
    current, previous = (torch.rand(1, 3, 16, 16).requires_grad_() for _ in range(2))
    losses.warp_l1(current, previous, torch.zeros(1, 2, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool)).backward()
    assert float(current.grad.abs().sum()) > 0
    assert float(previous.grad.abs().sum()) > 0
