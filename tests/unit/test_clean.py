import numpy as np
import pytest

from dancegen.motion.clean import FILLED_CONFIDENCE, fill_gaps, reject_leaps
from dancegen.skeleton import COCO18

ASPECT = 16 / 9


@pytest.fixture
def joints():
    """Two seconds at 10 fps of a body that slides to the right; its torso is 0.2 of the height."""
    body = np.zeros((20, 18, 3), dtype=np.float32)
    body[..., 0] = np.linspace(0.3, 0.5, 20)[:, None]
    body[..., 1] = 0.4
    body[:, COCO18.indices("right_hip", "left_hip"), 1] = 0.6
    body[..., 2] = 0.9
    return body


def hide(joints, frames, joint="right_wrist"):
    joints[frames, COCO18.index(joint)] = (np.nan, np.nan, 0)
    return joints


def test_a_short_gap_is_filled_on_the_straight_line_and_trusted_little(joints):
    wrist = COCO18.index("right_wrist")
    filled = fill_gaps(hide(joints.copy(), slice(5, 8)), fps=10, max_gap_s=0.3)
    assert np.allclose(filled[5:8, wrist, :2], joints[5:8, wrist, :2], atol=1e-6)
    assert np.allclose(filled[5:8, wrist, 2], FILLED_CONFIDENCE)
    assert np.array_equal(np.delete(filled, wrist, axis=1), np.delete(joints, wrist, axis=1))


@pytest.mark.parametrize("frames", [slice(5, 9), slice(0, 2), slice(18, 20), slice(0, 20)])
def test_a_long_gap_and_one_at_an_end_stay_missing(joints, frames):
    hidden = hide(joints, frames)
    assert np.array_equal(fill_gaps(hidden, fps=10, max_gap_s=0.3), hidden, equal_nan=True)


def test_the_length_of_a_gap_counts_in_seconds(joints):
    hidden = hide(joints, slice(5, 11))
    assert np.isnan(fill_gaps(hidden, fps=10, max_gap_s=0.3)).any()
    assert not np.isnan(fill_gaps(hidden, fps=20, max_gap_s=0.3)).any()


def test_a_joint_elsewhere_for_one_frame_is_dropped_and_nothing_else(joints):
    wrist = COCO18.index("right_wrist")
    joints[7, wrist, :2] = (0.9, 0.9)
    cleaned = reject_leaps(joints, fps=10, aspect=ASPECT)
    assert np.isnan(cleaned[7, wrist, :2]).all()
    assert cleaned[7, wrist, 2] == 0
    assert (cleaned[..., 2] == 0).sum() == 1


def test_a_fast_move_that_stays_is_no_leap(joints):
    joints[7:, COCO18.index("right_wrist"), :2] += 0.4
    assert np.array_equal(reject_leaps(joints, fps=10, aspect=ASPECT), joints)


def test_a_body_never_seen_passes_unharmed():
    nobody = np.full((5, 18, 3), np.nan, dtype=np.float32)
    assert (reject_leaps(nobody, fps=10, aspect=1)[..., 2] == 0).all()
    assert (fill_gaps(nobody, fps=10, max_gap_s=1)[..., 2] == 0).all()
