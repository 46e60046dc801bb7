"""Pictures whose likeness is known."""

import math

import cv2
import numpy as np
import pytest

from dancegen.metrics.video.similarity import SSIM_C1, gmsd, matte_box, psnr, ssim

PICTURE = np.random.default_rng(0).integers(40, 200, (48, 64, 3)).astype(np.uint8)


def grey(value):
    return np.full((32, 40, 3), value, dtype=np.uint8)


def test_the_same_picture_is_as_alike_as_can_be():
    assert psnr(PICTURE, PICTURE) == math.inf
    assert ssim(PICTURE, PICTURE) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("step", [1, 10, 51])
def test_a_picture_that_is_brighter_has_the_ratio_of_the_formula(step):
    assert psnr(grey(100 + step), grey(100)) == pytest.approx(20 * math.log10(255 / step))


def test_flat_pictures_have_the_likeness_of_their_means():
    known = (2 * 100 * 150 + SSIM_C1) / (100**2 + 150**2 + SSIM_C1)
    assert ssim(grey(100), grey(150)) == pytest.approx(known)


def test_likeness_falls_with_noise_and_the_order_of_the_pictures_does_not_matter():
    noise = np.random.default_rng(1).normal(0, 1, PICTURE.shape)
    weak, strong = (np.clip(PICTURE + size * noise, 0, 255).astype(np.uint8) for size in (5, 40))
    assert 1 > ssim(weak, PICTURE) > ssim(strong, PICTURE) > 0
    assert ssim(weak, PICTURE) == pytest.approx(ssim(PICTURE, weak))
    assert psnr(weak, PICTURE) > psnr(strong, PICTURE)


def test_a_negative_is_unlike():
    assert ssim(255 - PICTURE, PICTURE) < 0


def test_a_picture_smaller_than_the_window_is_refused():
    with pytest.raises(ValueError, match="smaller than the window"):
        ssim(PICTURE[:9], PICTURE[:9])


def test_gradients_of_the_same_picture_agree_and_a_blur_is_farther_than_brightness():
    blurred = cv2.GaussianBlur(PICTURE, (0, 0), 2.0)
    assert gmsd(PICTURE, PICTURE) == 0
    assert gmsd(PICTURE + 20, PICTURE) == pytest.approx(0, abs=1e-12)  # flat changes have no gradient
    assert gmsd(blurred, PICTURE) > gmsd(cv2.GaussianBlur(PICTURE, (0, 0), 0.5), PICTURE) > 0


def test_the_deviation_of_gradients_is_what_its_formula_gives():
    ramp = np.broadcast_to((np.arange(40) * 4)[None, :, None], (32, 40, 3)).astype(np.uint8)
    half_flat = ramp.copy()
    half_flat[:, :20] = 70
    similarity = np.array([[170 / (16.0**2 + 170)] * 9 + [1.0] * 9])  # 8 grey levels a pixel at half size, 2 apart
    inner = np.std(similarity)
    assert gmsd(half_flat, ramp) == pytest.approx(inner, abs=0.06)  # the seam and the border differ


def test_the_box_holds_the_matte_and_has_room_for_a_window():
    matte = np.zeros((40, 60), dtype=np.uint8)
    assert matte_box(matte) is None
    matte[5:30, 20:50] = 255
    assert matte_box(matte) == (slice(5, 30), slice(20, 50))
    small = np.zeros((40, 60), dtype=np.uint8)
    small[39, 0] = 255
    assert matte_box(small) == (slice(24, 40), slice(0, 16))
