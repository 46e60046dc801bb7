"""Pictures whose likeness is known."""

import math

import numpy as np
import pytest

from dancegen.metrics.video import SSIM_C1, flicker, psnr, ssim

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


def test_flicker_is_what_the_background_changes_and_the_dancer_does_not_count():
    still = np.ones((32, 40), dtype=bool)
    still[10:20, 10:20] = False
    pictures = np.stack([grey(100 + 5 * (number % 2)) for number in range(6)])
    assert flicker(pictures, still) == pytest.approx(5 / 255)
    dancing = np.stack([grey(100)] * 6)
    dancing[::2, 10:20, 10:20] = 255
    assert flicker(dancing, still) == 0
    assert flicker(dancing[:1], still) == 0
    with pytest.raises(ValueError, match="no pixel is background"):
        flicker(pictures, ~np.ones_like(still))
