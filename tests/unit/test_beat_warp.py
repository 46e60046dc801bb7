"""Beat warping: the dance's moments of rest come on the beats of the music."""

import numpy as np
import pytest

from dancegen.metrics import beat
from dancegen.pose.beat_warp import SHORTEST_S, anchors, on_the_beat
from dancegen.pose.kinematic_beats import kinematic_beats
from dancegen.skeleton import COCO18

FPS, SECONDS, PERIOD_S = 20.0, 12.0, 0.5
BEATS_S = np.arange(0.0, SECONDS, PERIOD_S)
NEAR_S = 0.2


def dance(late_s: np.ndarray) -> np.ndarray:
    """A body that swings to and fro and rests `late_s` seconds after each beat."""
    rests = np.concatenate([[-PERIOD_S], BEATS_S + late_s, [SECONDS + PERIOD_S]])
    swing = np.cos(np.pi * np.interp(np.arange(round(SECONDS * FPS)) / FPS, rests, np.arange(len(rests))))
    return (swing[:, None, None] * np.ones((1, len(COCO18), 2)) * [1.0, 0.3]).astype(np.float32)


def uneven() -> np.ndarray:
    return np.random.default_rng(3).uniform(-0.17, 0.17, len(BEATS_S))


def hit_rate(pose: np.ndarray) -> float:
    return beat.scores(kinematic_beats(pose, FPS), BEATS_S)["beat_hit_rate"]


def test_rests_beside_the_beats_come_on_them():
    before = dance(uneven())
    after = on_the_beat(before, FPS, BEATS_S, NEAR_S)
    assert hit_rate(before) < 0.7
    assert hit_rate(after) > 0.95


def test_rests_that_are_farther_from_a_beat_stay():
    before = dance(np.full(len(BEATS_S), 0.15))
    assert np.array_equal(on_the_beat(before, FPS, BEATS_S, 0.1), before)


def test_a_dance_on_the_beat_hardly_changes():
    before = dance(np.zeros(len(BEATS_S)))
    moved = np.abs(on_the_beat(before, FPS, BEATS_S, NEAR_S) - before).max()
    assert moved < 0.5 * np.abs(np.diff(before, axis=0)).max()  # by less than half a pose


def test_nothing_jumps_and_no_pose_leaves_the_range_of_the_others():
    before = dance(uneven())
    after = on_the_beat(before, FPS, BEATS_S, NEAR_S)
    steps = [np.abs(np.diff(pose, axis=0)).max() for pose in (before, after)]
    assert steps[1] < 2.2 * steps[0]  # time runs at twice its speed at most
    assert np.abs(after).max() < 1.02 * np.abs(before).max()


def test_poses_outside_the_section_are_the_same_bytes():
    before = dance(uneven())
    first, last = 60, 140
    after = on_the_beat(before, FPS, BEATS_S, NEAR_S, first, last)
    assert np.array_equal(after[: first + 1], before[: first + 1])
    assert np.array_equal(after[last:], before[last:])
    assert not np.array_equal(after[first:last], before[first:last])


@pytest.mark.parametrize("beats_s", [np.zeros(0), np.array([3.0])], ids=["no beat", "one beat"])
def test_a_dance_that_rests_nowhere_is_left_alone(beats_s: np.ndarray):
    still = np.ones((50, len(COCO18), 2), dtype=np.float32)
    assert np.array_equal(on_the_beat(still, FPS, beats_s, NEAR_S), still)
    assert np.array_equal(on_the_beat(still[:1], FPS, beats_s, NEAR_S), still[:1])


def test_time_runs_at_half_to_twice_its_speed():
    rng = np.random.default_rng(0)
    rests = np.sort(rng.uniform(0, SECONDS, 60))
    beats, found = anchors(np.sort(rng.uniform(0, SECONDS, 60)), rests, (0.0, SECONDS), 0.3)
    assert len(beats) > 10
    assert np.diff(beats).min() >= SHORTEST_S
    speeds = np.diff(found) / np.diff(beats)
    assert speeds.min() >= 0.5
    assert speeds.max() <= 2.0
