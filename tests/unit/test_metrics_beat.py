"""Dances whose kinematic beats are known, on their music's beats and off them."""

import numpy as np
import pytest

from dancegen.metrics import beat
from dancegen.music.rhythm import beats_of_phase
from dancegen.pose.kinematic_beats import NO_BEATS, kinematic_beats
from dancegen.skeleton import COCO18

JOINTS = len(COCO18)
PERIOD_S = 0.6  # 100 bpm: beats are on frames of 60 fps
START_S = 0.2


def dance(fps=10.0, seconds=20.0, late_s=0.0, seed=0):
    """Every joint goes to and fro, each its own way, and is slowest on the beat."""
    random = np.random.default_rng(seed)
    at = np.arange(round(seconds * fps)) / fps
    place = np.cos(np.pi * (at - START_S - late_s) / PERIOD_S)
    return place[:, None, None] * random.uniform(-0.2, 0.2, (1, JOINTS, 2)) + random.uniform(-1, 1, (1, JOINTS, 2))


def music(seconds=20.0):
    return np.arange(START_S, seconds + PERIOD_S, PERIOD_S)


@pytest.mark.parametrize("fps", [10.0, 25.0, 60.0])
def test_a_dance_that_turns_on_the_beat_is_aligned_and_half_a_beat_later_it_is_not(fps):
    found = kinematic_beats(dance(fps), fps)
    assert np.abs(np.diff(found) - PERIOD_S).max() < 0.05
    on, off = beat.scores(found, music()), beat.scores(found, beat.half_a_beat_later(music()))
    for name in ("beat_alignment", "beat_alignment_music"):
        assert on[name] > 0.9
        assert off[name] < 0.05
    assert on["beat_hit_rate"] == 1
    assert off["beat_hit_rate"] == 0
    assert on["beat_coverage"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("late_s", [0.05, 0.1, 0.2])
def test_a_dance_that_is_late_scores_what_the_formula_gives(late_s):
    found = kinematic_beats(dance(60.0, late_s=late_s), 60.0)
    assert beat.scores(found, music())["beat_alignment"] == pytest.approx(np.exp(-((late_s / 0.05) ** 2) / 2), abs=0.03)


def test_size_place_and_order_of_joints_do_not_count():
    pose = dance()
    found = kinematic_beats(pose, 10.0)
    for other in (7 * pose, pose + 3, pose[:, ::-1]):
        assert np.allclose(kinematic_beats(other, 10.0), found)


def test_missing_joints_make_no_beats():
    pose = dance()
    found = kinematic_beats(pose, 10.0)
    pose[33:43, COCO18.index("right_wrist")] = np.nan
    pose[:, COCO18.index("left_ear")] = np.nan
    pose[120:, COCO18.index("nose")] = np.nan
    holed = kinematic_beats(pose, 10.0)
    assert len(holed) == len(found)
    assert np.abs(holed - found).max() < 0.04


def test_a_dance_that_stands_still_or_is_not_seen_has_no_beats_and_scores_nothing():
    for still in (np.full((50, JOINTS, 2), 0.3), np.full((50, JOINTS, 2), np.nan), np.zeros((1, JOINTS, 2))):
        found = kinematic_beats(still, 10.0)
        assert not len(found)
        assert set(beat.scores(found, music()).values()) == {0.0}


def test_a_body_that_comes_to_rest_has_its_beat_there_and_none_while_it_rests():
    at = np.arange(0, 6, 1 / 60)
    way = np.interp(at, [1.0, 1.5, 4.0, 4.5], [0.0, 1.0, 1.0, 0.0])
    found = kinematic_beats(np.repeat(way[:, None, None], JOINTS, axis=1) * [1.0, 0.5], 60.0)
    assert len(found) == 1
    assert found[0] == pytest.approx(1.5, abs=0.2)


def test_trembling_has_more_beats_than_the_music_and_scores_no_better_than_chance():
    pose = dance() * 0.02 + np.random.default_rng(0).normal(0, 0.05, (200, JOINTS, 2))
    found = kinematic_beats(pose, 10.0)
    chance = 0.05 * np.sqrt(2 * np.pi) / PERIOD_S
    assert beat.scores(found, music())["beat_coverage"] > 1.5
    assert beat.scores(found, music())["beat_alignment"] == pytest.approx(chance, abs=0.15)


def test_few_beats_on_time_are_good_on_the_side_of_motion_and_poor_on_that_of_music():
    found = beat.scores(music()[::4], music())
    assert found["beat_alignment"] == pytest.approx(1)
    assert found["beat_alignment_music"] == pytest.approx(0.25, abs=0.03)
    assert found["beat_coverage"] == pytest.approx(0.25, abs=0.03)


def test_music_without_beats_scores_nothing_and_counts_no_beat_of_the_dance():
    assert set(beat.terms(music(), NO_BEATS).values()) == {(0.0, 0)}


@pytest.mark.parametrize("bpm", [70.0, 97.3, 150.0])
def test_beats_come_back_from_their_phase_with_one_before_and_one_after(bpm):
    true = np.arange(-5, 40) * 60 / bpm + 0.13
    at = np.arange(50) / 10
    phase = 2 * np.pi * np.interp(at, true, np.arange(len(true)))
    found = beats_of_phase(np.sin(phase).astype(np.float32), np.cos(phase).astype(np.float32), 10.0)
    assert found[0] <= 0 < found[1]
    assert found[-2] <= 4.9 < found[-1]
    near = np.abs(found[:, None] - true).min(axis=1)
    assert near.max() < 1e-3
    assert len(found) == ((true > found[0] - 0.01) & (true < found[-1] + 0.01)).sum()


def test_no_phase_gives_no_beats_and_any_phase_gives_some_that_are_in_order():
    assert not len(beats_of_phase(np.zeros(50), np.zeros(50), 10.0))
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 50))
    assert np.isfinite(beats_of_phase(*noise, 10.0)).all()
