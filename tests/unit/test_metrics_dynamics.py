"""Dances whose energy changes in a known way."""

import math

import numpy as np
import pytest

from dancegen.metrics.dynamics import loudness_correlation, retained_speed
from dancegen.skeleton import COCO18

FPS, RATE, SECONDS = 10.0, 1000.0, 60.0
JOINTS = len(COCO18)
DIRECTIONS = np.random.default_rng(0).standard_normal((JOINTS, 2))


def dance(energy):
    """Joints go to and fro, as fast as `energy` says at each pose."""
    sign = np.where(np.arange(len(energy)) % 2, 1.0, -1.0)
    return np.cumsum(energy * sign)[:, None, None] * DIRECTIONS


def seconds(rate):
    return np.arange(round(SECONDS * rate)) / rate


def sound(level):
    return (10 ** (level / 20) * np.sin(2 * np.pi * 110 * seconds(RATE))).astype(np.float32)


def test_a_steady_dance_keeps_its_speed_and_one_that_dies_away_does_not():
    assert retained_speed(dance(np.ones(600))) == pytest.approx(1)
    assert retained_speed(dance(np.exp(-seconds(FPS) / 20))) == pytest.approx(np.exp(-48 / 20), rel=0.02)
    assert math.isnan(retained_speed(np.zeros((600, JOINTS, 2))))


def test_a_missing_joint_does_not_change_the_speed():
    pose = dance(np.linspace(1, 2, 600))
    whole = retained_speed(pose)
    pose[300:, 3] = np.nan
    assert retained_speed(pose) == pytest.approx(whole, rel=0.1)


def test_a_dance_that_follows_the_loudness_correlates_and_one_against_it_does_the_opposite():
    swell = np.sin(2 * np.pi * seconds(FPS) / 30)
    loud = sound(-20 + 10 * np.sin(2 * np.pi * seconds(RATE) / 30))
    assert loudness_correlation(dance(2 + swell), FPS, loud, RATE) > 0.95
    assert loudness_correlation(dance(2 - swell), FPS, loud, RATE) < -0.95


def test_music_of_constant_loudness_and_short_music_give_no_correlation():
    assert math.isnan(loudness_correlation(dance(np.ones(600)), FPS, sound(np.full(60_000, -20.0)), RATE))
    assert math.isnan(loudness_correlation(dance(np.ones(100)), FPS, sound(np.full(60_000, -20.0)), RATE))
