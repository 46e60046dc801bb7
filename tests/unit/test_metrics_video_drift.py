"""Videos that lose sharpness or move in colour at a known rate, and intervals over segments."""

import cv2
import numpy as np
import pytest

from dancegen.metrics.video.drift import late_ratio, mean_colour, sharpness, slope
from dancegen.metrics.video.intervals import mean_interval

PICTURE = np.random.default_rng(0).integers(40, 200, (48, 64, 3)).astype(np.uint8)
MATTE = np.zeros((48, 64), dtype=np.uint8)
MATTE[10:40, 20:50] = 255


def test_a_blur_lowers_the_sharpness_of_the_person_and_the_background_does_not_count():
    blurred = cv2.GaussianBlur(PICTURE, (0, 0), 2.0)
    background = PICTURE.copy()
    background[:, :15] = 0
    pictures, mattes = np.stack([PICTURE, blurred, background]), np.stack([MATTE] * 3)
    sharp, soft, other = sharpness(pictures, mattes)
    assert soft < 0.1 * sharp
    assert other == sharp
    assert np.isnan(sharpness(pictures[:1], np.zeros_like(mattes[:1]))[0])


def test_the_mean_colour_is_that_of_the_person():
    picture = np.zeros((48, 64, 3), dtype=np.uint8)
    picture[MATTE > 0] = (255, 51, 0)
    colours = mean_colour(np.stack([picture] * 2), np.stack([MATTE, 0 * MATTE]))
    assert colours[0] == pytest.approx((1.0, 0.2, 0.0))
    assert np.isnan(colours[1]).all()


def test_a_slope_is_per_second_and_unknown_values_do_not_bend_it():
    values = 3 + 0.5 * np.arange(60) / 30
    values[[3, 40]] = np.nan
    assert slope(values, 30) == pytest.approx(0.5)
    assert np.isnan(slope(values[:1], 30))


def test_the_late_ratio_is_late_seconds_over_early_ones():
    values = np.full(60 * 10, 7.0)
    values[10:50], values[550:600] = 2.0, 1.0
    assert late_ratio(values, 10) == pytest.approx(0.5)
    assert np.isnan(late_ratio(values[:590], 10))
    assert late_ratio(values, 10, (1, 5), (54, 55)) == pytest.approx(3.5)


def test_a_mean_over_segments_is_weighted_by_their_frames_and_its_interval_holds_it():
    sums, counts = np.array([10.0, 0.0, 90.0]), np.array([10.0, 0.0, 30.0])
    value, low, high = mean_interval(sums, counts, seed=0, resamples=500)
    assert value == pytest.approx(2.5)
    assert (low, high) == (pytest.approx(1.0), pytest.approx(3.0))
    assert mean_interval(sums, counts, 0, 500) == (value, low, high)
    assert np.isnan(mean_interval(sums[1:2], counts[1:2], 0, 10)).all()


def test_an_interval_covers_the_true_mean_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        values = random.normal(5, 1, 30)
        _, low, high = mean_interval(values, np.ones(30), trial, 300)
        held += low <= 5 <= high
    assert 0.88 < held / 200 < 0.99
