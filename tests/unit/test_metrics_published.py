"""The published protocol gives the published figures."""

from pathlib import Path

import numpy as np
import pytest

from dancegen.metrics.published import published_alignment, published_beats, published_frechet
from dancegen.pose.kinematic_beats import NO_BEATS
from dancegen.steps.import_poses.formats.aistpp import load_arrays

RECORDING = (
    Path(__file__).parents[3] / "shared/media/motion/aistpp_keypoints2d__gJS_sFM_cAll_d02_mJS4_ch09.pkl"
)  # AIST++ (Li et al., ICCV 2021; annotations CC BY 4.0)


PERIOD_S = 0.507  # turning points are between two frames: of two equal speeds none is a minimum


def to_and_fro(seconds=20.0, fps=60.0):
    at = np.arange(round(seconds * fps)) / fps
    return np.cos(np.pi * at / PERIOD_S)[:, None, None] * np.array([[[0.3, 0.1], [-0.2, 0.4]]])


def test_a_real_dance_has_the_published_beats_and_score():
    if not RECORDING.exists():
        pytest.skip(f"{RECORDING} is not there")
    with RECORDING.open("rb") as file:
        pose = load_arrays(file, RECORDING.name)["keypoints2d"][0, ..., :2]
    beats = published_beats(pose, 60.0)
    assert len(beats) == 43
    assert published_alignment(beats, np.arange(0, len(pose) / 60, 0.5)) == pytest.approx(0.1762, abs=5e-5)


@pytest.mark.parametrize("fps", [10.0, 30.0, 60.0])
def test_a_dance_that_turns_on_the_beat_scores_well_at_any_rate_and_half_a_beat_off_it_does_not(fps):
    beats = published_beats(to_and_fro(fps=fps), fps)
    music = np.arange(PERIOD_S, 19.6, PERIOD_S)
    assert len(beats) == pytest.approx(len(music), abs=1)
    assert published_alignment(beats, music) > 0.9
    assert published_alignment(beats, music + 0.25) < 0.05


def test_four_frames_off_are_what_the_formula_gives():
    music = np.arange(1, 10) / 2
    assert published_alignment(music + 4 / 60, music) == pytest.approx(np.exp(-16 / 18))
    assert published_alignment(NO_BEATS, music) == 0
    assert np.isnan(published_alignment(music, NO_BEATS))


def test_a_missing_joint_changes_little_and_a_single_pose_has_no_beats():
    pose = to_and_fro()
    whole = published_beats(pose, 60.0)
    pose[100:130, 1] = np.nan
    assert len(published_beats(pose, 60.0)) == len(whole)
    assert not len(published_beats(pose[:1], 60.0))


def test_the_distance_is_that_of_the_samples_own_covariances():
    draws = np.random.default_rng(0).standard_normal((4, 2))
    one = np.concatenate([draws, -draws]) * [1.0, 3.0]
    assert published_frechet(one, one + np.array([3.0, 4.0])) == pytest.approx(25)
    spread = np.linalg.eigvalsh(np.cov(one, rowvar=False)) ** 0.5
    assert published_frechet(one, 2 * one) == pytest.approx((spread**2).sum())
    with pytest.raises(ValueError, match="at least two"):
        published_frechet(one[:1], one)
