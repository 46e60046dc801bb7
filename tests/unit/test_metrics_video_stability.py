"""Videos whose flicker and warp error are known."""

import cv2
import numpy as np
import pytest

from dancegen.metrics.video.stability import background, backward_flow, flicker, masked_change, ring, warp_error


def grey(value):
    return np.full((32, 40, 3), value, dtype=np.uint8)


def texture(seed=0, size=(96, 128)):
    noise = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


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


def test_a_constant_video_has_no_flicker_in_any_mask():
    pictures, mattes = np.stack([texture()] * 4), np.zeros((4, 96, 128), dtype=np.uint8)
    mattes[:, 30:60, 40:80] = 255
    assert masked_change(pictures, background(mattes)) == 0
    assert masked_change(pictures, ring(mattes)) == 0
    assert masked_change(pictures[:1], background(mattes[:1])) == 0
    assert np.isnan(masked_change(pictures, ring(0 * mattes)))


def test_the_ring_is_outside_the_person_of_both_frames_and_the_background_further_out_is_not_in_it():
    mattes = np.zeros((2, 96, 128), dtype=np.uint8)
    mattes[0, 40:50, 40:50], mattes[1, 40:50, 45:55] = 255, 255
    (found,) = ring(mattes)
    assert not found[40:50, 40:55].any()
    assert found[45, 30:40].all()
    assert not found[45, :30].any()
    assert found[45, 55:65].all()
    assert not found[45, 65:].any()


def test_flicker_beside_the_person_is_in_the_ring_alone():
    mattes = np.zeros((4, 96, 128), dtype=np.uint8)
    mattes[:, 40:50, 40:50] = 255
    pictures = np.full((4, 96, 128, 3), 100, dtype=np.uint8)
    pictures[::2, 40:50, 50:55] = 110
    assert masked_change(pictures, ring(mattes)) > 5 * masked_change(pictures, background(mattes)) > 0


def test_the_flow_of_a_shift_leads_back_and_the_content_that_left_is_not_valid():
    big = texture(size=(96, 160))
    previous, picture = big[:, 16:144], big[:, 12:140]  # the content moves 4 pixels to the right
    flow, valid = backward_flow(previous, picture)
    assert np.median(flow[..., 0]) == pytest.approx(-4, abs=0.1)
    assert np.median(flow[..., 1]) == pytest.approx(0, abs=0.1)
    assert valid[8:-8, 16:-16].mean() > 0.95
    assert not valid[:, :3].any()


def test_a_moving_picture_has_no_warp_error_and_one_that_changes_on_its_way_has():
    big = texture(size=(96, 160))
    moving = np.stack([big[:, 16 - 2 * number : 144 - 2 * number] for number in range(4)])
    flickering = moving.copy()
    flickering[::2] = np.clip(flickering[::2].astype(int) - 25, 0, 255)
    still, changed = warp_error(moving, moving), warp_error(flickering, moving)
    assert still < 0.01
    assert changed == pytest.approx(25 / 255, rel=0.2)
    assert np.isnan(warp_error(moving[:1], moving[:1]))


def test_a_video_that_stands_where_the_real_one_moves_has_a_warp_error():
    big = texture(size=(96, 160))
    moving = np.stack([big[:, 24 - 6 * number : 152 - 6 * number] for number in range(4)])
    frozen = np.stack([moving[0]] * 4)
    assert warp_error(frozen, moving) > 3 * warp_error(moving, moving)
