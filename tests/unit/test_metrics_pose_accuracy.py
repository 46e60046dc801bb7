import numpy as np
import pytest

from dancegen.metrics import pose_accuracy as accuracy
from dancegen.skeleton import COCO18

ASPECT = 2.0
NECK, WRIST = COCO18.indices("neck", "right_wrist")
HIPS = COCO18.indices("right_hip", "left_hip")


@pytest.fixture
def true():
    """Ten frames of a body whose torso is 0.2 of the height, in a box of 0.4 by 0.5 heights."""
    body = np.zeros((10, 18, 3))
    body[..., :2] = (0.5, 0.4)
    body[:, HIPS, 1] = 0.6
    body[:, COCO18.index("left_wrist"), :2] = (0.4, 0.2)
    body[:, COCO18.index("left_ankle"), :2] = (0.6, 0.7)
    body[..., 2] = 1.0
    return body


def moved(true, torsos, joint=WRIST, frames=slice(None)):
    """One joint, so many torsos to the right."""
    found = true.copy()
    found[frames, joint, 0] += torsos * 0.2 / ASPECT
    return found


def hidden(true, joint=WRIST, frames=slice(None)):
    found = true.copy()
    found[frames, joint] = (np.nan, np.nan, 0)
    return found


def test_what_is_found_where_it_is_is_right(true):
    assert accuracy.pck(true, true, ASPECT) == 1
    assert accuracy.oks(true, true, ASPECT) == 1
    assert accuracy.missing_share(true, true) == 0


@pytest.mark.parametrize(("torsos", "right"), [(0.19, True), (-0.19, True), (0.21, False)])
def test_a_joint_is_correct_within_a_fifth_of_the_torso(true, torsos, right):
    assert accuracy.pck(moved(true, torsos), true, ASPECT) == pytest.approx(1.0 if right else 17 / 18)
    assert accuracy.pck(moved(true, torsos), true, ASPECT, within=0.5) == 1


def test_the_torso_is_the_true_one_and_its_median(true):
    bowed = true.copy()
    bowed[:4, NECK, 1] = 0.55
    assert accuracy.distances(moved(bowed, 0.3), bowed, ASPECT)[:, WRIST] == pytest.approx(0.3)


def test_a_missing_joint_is_wrong_and_told_apart(true):
    found = hidden(true, frames=slice(5))
    assert accuracy.pck(found, true, ASPECT) == pytest.approx(1 - 5 / 180)
    assert accuracy.missing_share(found, true) == pytest.approx(5 / 180)
    assert accuracy.oks(found, true, ASPECT) == pytest.approx(1 - 5 / 180)


def test_a_joint_whose_true_place_is_not_known_does_not_count(true):
    unknown = hidden(true)
    for found in (moved(true, 3.0), hidden(true), true):
        assert accuracy.pck(found, unknown, ASPECT) == 1
        assert accuracy.oks(found, unknown, ASPECT) == 1
        assert accuracy.missing_share(found, unknown) == 0


def test_oks_is_what_its_formula_gives(true):
    off = accuracy.oks(moved(true, 0.5), true, ASPECT)
    area = 0.53 * 0.4 * 0.5
    expected = (17 + np.exp(-((0.5 * 0.2) ** 2) / (2 * area * (2 * 0.062) ** 2))) / 18
    assert off == pytest.approx(expected)


def test_oks_of_frames_without_anybody_is_that_of_the_others(true):
    unknown = hidden(true, joint=slice(None), frames=slice(5, 10))
    assert accuracy.oks(true, unknown, ASPECT) == 1
    assert np.isnan(accuracy.oks(true, hidden(true, joint=slice(None)), ASPECT))


def test_size_place_and_shape_of_the_picture_do_not_count(true):
    found = moved(true, 0.3)
    smaller = [one * np.array([0.5 * ASPECT, 0.5, 1]) + np.array([0.1, 0.2, 0]) for one in (found, true)]
    for metric in (accuracy.pck, accuracy.oks):
        assert metric(*smaller, 1.0) == pytest.approx(metric(found, true, ASPECT))


def test_the_error_of_a_fill_is_over_what_was_hidden_and_filled(true):
    hole = np.zeros((10, 18), dtype=bool)
    hole[:8, WRIST] = True
    found = moved(true, 0.3, frames=slice(6))
    found[6:8, WRIST] = (np.nan, np.nan, 0)
    found = moved(found, 2.0, joint=NECK)  # was not hidden
    fill = accuracy.fill_error(found, true, hole, ASPECT)
    assert fill.error == pytest.approx(0.3)
    assert fill.share == pytest.approx(6 / 8)


def test_a_fill_of_nothing_is_not_a_number(true):
    nothing = accuracy.fill_error(true, true, np.zeros((10, 18), dtype=bool), ASPECT)
    assert np.isnan(nothing.error)
    assert np.isnan(nothing.share)
    unfilled = accuracy.fill_error(hidden(true), true, np.ones((10, 18), dtype=bool) & (np.arange(18) == WRIST), ASPECT)
    assert np.isnan(unfilled.error)
    assert unfilled.share == 0


def test_each_true_beat_is_measured_to_the_nearest_found_one():
    times = accuracy.beat_times(np.array([0.52, 1.1, 1.9, 7.0]), np.array([0.5, 1.0, 1.75]), fps=10.0)
    assert times.error_s == pytest.approx((0.02 + 0.1 + 0.15) / 3)
    assert times.within_frame == pytest.approx(2 / 3)


def test_beats_that_are_not_found_are_infinitely_far_and_no_beats_are_not_a_number():
    none = accuracy.beat_times(np.zeros(0), np.array([1.0]), fps=10.0)
    assert none.error_s == np.inf
    assert none.within_frame == 0
    assert np.isnan(accuracy.beat_times(np.array([1.0]), np.zeros(0), fps=10.0).error_s)
