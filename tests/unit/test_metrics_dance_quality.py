"""The gate on dances whose fault is known: the corpus's own pass it, and each fault is found in its line."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.structure import compose
from dancegen.metrics.dance_quality import Dances, Line, measure, table
from dancegen.metrics.real_dances import Range
from dancegen.metrics.repetition import PhraseSimilarity

FPS, PHRASE_S = 10.0, 16.0
SONGS = [compose(category, 700, 20.0) for category in ("house", "krump", "hiphop")]


@cache
def choreography(song, other):
    return choreograph(SONGS[song], replace(Dancer.from_seed(song), seed=other), FPS, 0).astype(np.float64)


def dances(change=lambda pose: pose, others=(11, 12), late=0.0):
    """Two dances to each song, each with the same change; `late` in beats."""
    found = [(SONGS[at], change(choreography(at, other))) for at in range(len(SONGS)) for other in others]
    return Dances(
        songs=[song.song for song, _ in found],
        measures=[measure(pose, FPS, PHRASE_S) for _, pose in found],
        music=[song.beats - late * song.beat_s for song, _ in found],
        embeddings={"perceptual": np.array([[pose[::20].std(), pose[0, 0, 0]] for _, pose in found])},
        retained=[1.0],
        loudness=[0.5],
        phrases=[PhraseSimilarity(0.9, 0.1)],
    )


CORPUS = dances()


def failed(model):
    return {line.name for line in table(model, CORPUS, same_songs=True) if not line.passed}


def has(names, *parts):
    return all(any(part in name for name in names) for part in parts)


def test_the_corpus_itself_reaches_every_bar():
    assert failed(CORPUS) == set()


def test_a_calm_dance_fails_in_every_joint_and_freezes():
    found = failed(dances(lambda pose: pose.mean(axis=0) + 0.2 * (pose - pose.mean(axis=0))))
    assert has(found, "wrists", "elbows", "hips", "knees", "ankles", "the corpus's", "freeze share", "jerk")


def test_a_dance_half_a_beat_off_is_found_by_its_hits_and_by_the_control():
    assert failed(dances(late=0.5)) == {"beat hit rate (within 70 ms)", "the same, half a beat later"}


def test_a_trembling_dance_is_found_by_its_jerk():
    random = np.random.default_rng(0)
    assert has(failed(dances(lambda pose: pose + random.normal(0, 0.06, pose.shape))), "jerk")


def test_feet_that_slide_are_found_and_those_that_stand_still_are_no_excuse():
    low = choreography(0, 11)[..., 1].max()

    def sliding(pose):
        pose = pose.copy()
        pose[:, [10, 13], 1] = low  # ankles on the floor throughout
        return pose

    assert has(failed(dances(sliding)), "on the floor")


def test_a_body_that_comes_apart_is_found():
    def apart(pose):
        pose = pose.copy()
        pose[::15, 0, 1] -= 0.5  # the head leaves the neck
        return pose

    assert has(failed(dances(apart)), "stretched")


def test_styles_that_all_look_alike_are_found():
    told, alike = (replace(CORPUS, style_accuracy=accuracy, styles=3) for accuracy in (0.9, 0.4))
    lines = table(alike, told, same_songs=True)
    assert [line.name for line in lines if not line.passed] == ["styles recognised (chance 0.33)"]


def test_a_loop_is_found():
    assert has(failed(dances(lambda pose: np.concatenate([pose[40:70]] * 8))), "in loops")


def test_one_dance_for_all_seeds_is_found():
    found = failed(dances(others=(11, 11)))
    assert has(found, "multimodality, k2", "multimodality, perceptual")


def test_a_dance_that_dies_away_one_without_a_plan_and_one_that_does_not_hear_are_found():
    assert failed(replace(CORPUS, retained=[0.7])) == {"speed retained over a long song"}
    assert failed(replace(CORPUS, phrases=[PhraseSimilarity(0.3, 0.2)])) == {"repeated less other phrases"}
    assert failed(replace(CORPUS, loudness=[0.1])) == {"speed against loudness (correlation)"}


def test_what_cannot_be_measured_does_not_pass():
    line = Line("speed", np.nan, bar=Range(0.0, 1.0))
    assert not line.passed
    assert Line("shown only", np.nan).passed


def test_another_frame_rate_gives_the_same_measures():
    song, dancer = SONGS[0], Dancer.from_seed(0)
    slow, fast = (measure(choreograph(song, dancer, fps, 0), fps, PHRASE_S) for fps in (10.0, 30.0))
    for joint, speed in slow.speeds.items():
        assert fast.speeds[joint] == pytest.approx(speed, rel=0.01)
    for name in ("jerk", "foot_skate", "slide_share", "loop_share"):
        assert getattr(fast, name) == pytest.approx(getattr(slow, name), rel=0.02), name
