"""Loops and repeated phrases in dances whose repetition is known."""

import math

import numpy as np
import pytest

from dancegen.metrics.repetition import Phrase, loop_share, phrase_similarity
from dancegen.skeleton import COCO18

FPS, JOINTS, PHRASE_S = 10.0, len(COCO18), 16.0


def moves(seconds, seed=0):
    """A dance that does not repeat: each joint follows a smooth random path."""
    noise = np.random.default_rng(seed).standard_normal((round(seconds * FPS) + 9, JOINTS, 2))
    return np.apply_along_axis(np.convolve, 0, noise, np.ones(10) / 10, mode="valid")


@pytest.mark.parametrize(("loop_s", "share"), [(2.0, 1.0), (8.0, 1.0), (16.0, 0.0), (20.0, 0.0)])
def test_a_loop_is_found_if_it_is_shorter_than_a_phrase(loop_s, share):
    looped = np.concatenate([moves(loop_s)] * 10)[: round(60 * FPS)]
    found = loop_share(looped, FPS, PHRASE_S)
    assert found == pytest.approx(share, abs=0.15)  # the first pass is no loop


def test_a_dance_that_does_not_repeat_has_no_loops_and_one_that_repeats_for_a_while_has_some():
    assert loop_share(moves(60.0), FPS, PHRASE_S) == 0
    partly = np.concatenate([moves(30.0), *[moves(3.0, 1)] * 10])
    assert loop_share(partly, FPS, PHRASE_S) == pytest.approx(0.4, abs=0.1)


def test_a_dance_that_holds_still_is_a_loop_and_one_of_four_seconds_is_too_short_to_tell():
    assert loop_share(np.zeros((200, JOINTS, 2)) + moves(0.1), FPS, PHRASE_S) == 1
    assert math.isnan(loop_share(moves(4.0), FPS, PHRASE_S))


def test_travelling_size_and_a_missing_joint_do_not_hide_a_loop():
    looped = np.concatenate([moves(2.0)] * 15)
    looped[:, COCO18.index("left_ear")] = np.nan
    looped[50:70, COCO18.index("nose")] = np.nan
    travelling = 30 * looped + np.arange(len(looped))[:, None, None] * (3.0, 0.0)
    assert loop_share(travelling, FPS, PHRASE_S) > 0.9


def test_phrases_with_the_same_music_are_alike_if_they_are_danced_alike():
    verse, chorus = moves(8.0, 1), moves(8.0, 2)
    phrases = [Phrase(8.0 * at, 8.0 * (at + 1), label) for at, label in enumerate("ABAB")]
    planned = phrase_similarity(np.concatenate([verse, chorus, verse, chorus]), FPS, phrases)
    assert planned.repeated == pytest.approx(1, abs=0.02)
    assert planned.other == pytest.approx(0, abs=0.2)
    unplanned = phrase_similarity(moves(32.0, 3), FPS, phrases)
    assert unplanned.repeated == pytest.approx(0, abs=0.2)


def test_without_repeated_phrases_there_is_no_similarity():
    found = phrase_similarity(moves(16.0), FPS, [Phrase(0.0, 8.0, "A"), Phrase(8.0, 16.0, "B")])
    assert math.isnan(found.repeated)
    assert math.isfinite(found.other)
