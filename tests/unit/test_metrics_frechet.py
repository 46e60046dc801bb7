"""Frechet distances and diversity of sets whose answer is known."""

import numpy as np
import pytest

from dancegen.metrics.diversity import mean_distance
from dancegen.metrics.frechet import covariance, frechet, gaussian_distance, standardized


def draws(count, width, seed=0, scale=1.0):
    return np.random.default_rng(seed).standard_normal((count, width)) * scale


def test_two_normal_distributions_are_as_far_apart_as_the_formula_says():
    one, other = np.diag([1.0, 4.0, 9.0]), np.diag([4.0, 4.0, 1.0])
    turn, _ = np.linalg.qr(draws(3, 3))
    known = 3**2 + (1 - 2) ** 2 + (2 - 2) ** 2 + (3 - 1) ** 2  # of means, and of each pair of deviations
    found = gaussian_distance(np.zeros(3), turn @ one @ turn.T, turn @ [3.0, 0, 0], turn @ other @ turn.T)
    assert found == pytest.approx(known)


def test_covariances_that_do_not_share_axes_have_the_distance_of_the_closed_form_in_two_dimensions():
    one, other = np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([[1.0, -0.4], [-0.4, 3.0]])
    product = one @ other
    root_trace = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    found = gaussian_distance(np.zeros(2), one, np.zeros(2), other)
    assert found == pytest.approx(np.trace(one) + np.trace(other) - 2 * root_trace)


def test_large_samples_are_as_far_apart_as_what_they_are_drawn_from():
    found = frechet(draws(40_000, 4), draws(40_000, 4, seed=1, scale=3.0) + 1.0)
    assert found == pytest.approx(4 * 1.0**2 + 4 * (3 - 1) ** 2, rel=0.03)


@pytest.mark.parametrize("count", [2, 5, 300])
def test_the_same_set_is_at_no_distance_even_when_it_is_smaller_than_its_features(count):
    features = draws(count, 54)
    assert frechet(features, features[::-1]) == pytest.approx(0, abs=1e-9)
    assert frechet(features, features + 1.0) == pytest.approx(54)


def test_order_does_not_count_and_neither_side_comes_first():
    a, b = draws(30, 10), draws(20, 10, seed=1, scale=2.0)
    distance = frechet(a, b)
    assert distance > 1
    assert frechet(np.random.default_rng(0).permutation(a), b) == pytest.approx(distance)
    assert frechet(b, a) == pytest.approx(distance)


def test_shrinking_goes_when_samples_are_many_and_makes_few_of_them_usable():
    truth = np.diag(np.arange(1.0, 11.0))
    few, many = (draws(count, 10) * np.sqrt(np.diag(truth)) for count in (8, 20_000))
    assert np.linalg.eigvalsh(np.cov(few.T)).min() < 1e-9 < 0.1 < np.linalg.eigvalsh(covariance(few)).min()
    assert np.trace(covariance(few)) == pytest.approx(np.trace(np.cov(few.T, bias=True)))
    assert np.linalg.norm(covariance(few) - truth) < np.linalg.norm(np.cov(few.T) - truth)
    assert np.allclose(covariance(many), np.cov(many.T, bias=True), atol=0.01)


def test_a_lone_dance_has_no_distribution():
    with pytest.raises(ValueError, match="two"):
        frechet(draws(1, 3), draws(5, 3))
    with pytest.raises(ValueError, match="two"):
        mean_distance(draws(1, 3))


def test_what_is_missing_or_never_varies_is_at_the_mean():
    real = draws(50, 3) * (1.0, 5.0, 0.0) + (7.0, 0.0, 2.0)
    other = np.array([[np.nan, 1.0, 2.0], [7.0, np.nan, 3.0]])
    scaled = standardized(other, real)
    assert scaled[0, 0] == 0
    assert scaled[1, 1] == 0
    assert scaled[0, 2] == 0
    assert scaled[1, 2] == 1
    assert np.allclose(standardized(real, real)[:, :2].std(axis=0), 1)


def test_diversity_is_the_mean_over_all_pairs():
    assert mean_distance(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 4.0]])) == pytest.approx((5 + 4 + 3) / 3)
