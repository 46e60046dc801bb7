"""Tracking, on several corpus dancers in one picture whose truth is known: who is who is asked of every frame."""

import numpy as np
import pytest

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.noise import corrupt
from dancegen.corpus.structure import compose
from dancegen.pose.track import HELD_S, track
from dancegen.skeleton import COCO18

FPS, ASPECT, SECONDS = 10.0, 16 / 9, 30
FRAMES = int(FPS * SECONDS)
TORSO = 0.17  # of the picture's height: a body is 0.7 high
SMALL = 0.11  # of dancers who travel, and have room beside each other
TIMES = np.arange(FRAMES) / FPS

each_category = pytest.mark.parametrize("category", ["kpop", "ballet", "hiphop"])


def dancer(x, seed=0, category="kpop", song=0, torso=TORSO, found=False):
    """A dancer at x (of the picture's width, one or one a frame); as an estimator would have found it, if asked for."""
    pose = choreograph(compose(category, song, SECONDS + 3), Dancer.from_seed(seed), FPS, seed)[:FRAMES]
    joints = np.ones((FRAMES, len(COCO18), 3), dtype=np.float32)
    joints[..., 0] = pose[..., 0] * torso / ASPECT + np.reshape(x, (-1, 1))
    joints[..., 1] = pose[..., 1] * torso + 0.5
    return corrupt(joints, FPS, ASPECT, seed) if found else joints


def hide(joints, frames):
    joints[frames] = (np.nan, np.nan, 0)


def mixed(dancers, seed=0):
    """Everyone who is seen in each frame, in random order, and who that is."""
    rng = np.random.default_rng(seed)
    here = [rng.permutation(np.flatnonzero([(each[t, :, 2] > 0).any() for each in dancers])) for t in range(FRAMES)]
    people = [np.array([dancers[who][t] for who in whos]).reshape(-1, 18, 3) for t, whos in enumerate(here)]
    return people, here


def followed(dancers, cuts=(), seed=0):
    """The track number of each dancer in each frame, -1 where nobody is seen: (dancers, frames)."""
    people, here = mixed(dancers, seed)
    result = np.full((len(dancers), FRAMES), -1)
    for t, (ids, whos) in enumerate(zip(track(people, cuts, FPS, ASPECT), here, strict=True)):
        assert len(set(ids.tolist())) == len(whos)
        result[whos, t] = ids
    return result


def tracks_of(numbers):
    return set(numbers[numbers >= 0].tolist())


def identity_switches(numbers):
    """How often a track goes on as another dancer than before."""
    switches, owner = 0, {}
    for frame in numbers.T:
        for who, number in enumerate(frame.tolist()):
            switches += number >= 0 and owner.get(number, who) != who
            owner[number] = who
    return switches


@each_category
def test_dancers_side_by_side_keep_one_track_each(category):
    numbers = followed([dancer(x, seed, category, torso=SMALL) for seed, x in enumerate((0.2, 0.4, 0.6, 0.8))])
    assert [len(tracks_of(each)) for each in numbers] == [1, 1, 1, 1]
    assert identity_switches(numbers) == 0


@each_category
def test_what_an_estimator_does_wrong_exchanges_nobody_and_hardly_ends_a_track(category):
    places = enumerate((0.15, 0.4, 0.65, 0.9))
    numbers = followed([dancer(x, seed, category, torso=SMALL, found=True) for seed, x in places])
    assert identity_switches(numbers) == 0
    assert sum(len(tracks_of(each)) for each in numbers) <= 6


@each_category
def test_dancers_who_cross_are_not_exchanged(category):
    way = 0.3 * np.sin(2 * np.pi * TIMES / 10)  # they meet every 5 s, at 0.7 picture heights a second
    numbers = followed([dancer(0.5 + way, 1, category), dancer(0.5 - way, 2, category, torso=0.14)])
    assert identity_switches(numbers) == 0


def test_a_dancer_who_walks_behind_another_is_found_again_on_the_other_side():
    front, behind = dancer(0.5, 1), dancer(np.linspace(0.1, 0.9, FRAMES), 2, torso=0.14)
    middle = np.flatnonzero(np.abs(np.linspace(0.1, 0.9, FRAMES) - 0.5) < 0.016)
    hide(behind, middle)
    numbers = followed([front, behind])
    assert 10 <= len(middle) < HELD_S * FPS
    assert [len(tracks_of(each)) for each in numbers] == [1, 1]


def test_a_dancer_hidden_for_a_second_keeps_the_track():
    hidden = dancer(0.3, 1)
    hide(hidden, slice(100, 110))
    assert len(tracks_of(followed([hidden, dancer(0.7, 2)])[0])) == 1


def test_who_comes_back_later_than_a_track_is_held_is_somebody_new():
    away = dancer(0.3, 1)
    hide(away, slice(100, 150))
    numbers = followed([away, dancer(0.7, 2)])
    assert len(tracks_of(numbers[0])) == 2
    assert not tracks_of(numbers[0, :100]) & tracks_of(numbers[0, 150:])


def test_no_track_crosses_a_cut_even_where_dancers_swap_places():
    one, other = dancer(0.3, 1), dancer(0.7, 2)
    one[150:], other[150:] = other[150:].copy(), one[150:].copy()
    numbers = followed([one, other], cuts=[150])
    assert not tracks_of(numbers[:, :150]) & tracks_of(numbers[:, 150:])
    assert identity_switches(numbers) == 0


def test_places_swapped_by_dancers_of_other_sizes_begin_new_tracks_without_a_known_cut():
    one, other = dancer(0.2, 1), dancer(0.8, 2, torso=TORSO / 1.7)
    one[150:], other[150:] = dancer(0.8, 1)[150:], dancer(0.2, 2, torso=TORSO / 1.7)[150:]
    assert identity_switches(followed([one, other])) == 0


@pytest.mark.parametrize("apart", [0.2, 0.5])
def test_an_estimator_of_one_person_that_hops_breaks_the_track(apart):
    here, there = dancer(0.3, 1), dancer(0.3 + apart, 2)  # 0.2 of the width is half a body height
    hops = (TIMES // 3).astype(int) % 2 == 1
    here[hops], there[~hops] = (np.nan, np.nan, 0), (np.nan, np.nan, 0)
    numbers = followed([here, there])
    assert identity_switches(numbers) == 0
    assert len(tracks_of(numbers)) == SECONDS // 3


def test_a_track_that_slid_to_a_neighbour_and_was_lost_takes_the_place_of_nobody():
    x = np.full(FRAMES, 0.5)
    x[145:150] -= np.arange(1, 6) * 0.025  # as an estimator of several people slides from one to the next
    steady, sliding = dancer(0.3, 1), dancer(x, 1)
    numbers = followed([steady, sliding])
    assert len(tracks_of(numbers[0])) == 1
    assert identity_switches(numbers) == 0


def test_somebody_of_another_size_in_the_same_place_is_somebody_else():
    near, far = dancer(0.5, 1), dancer(0.5, 1, torso=TORSO / 2)
    hide(near, slice(150, None))
    hide(far, slice(0, 150))
    assert identity_switches(followed([near, far])) == 0


def test_a_body_that_is_found_twice_keeps_its_track():
    once = dancer(0.5, 1)
    twice = once + np.random.default_rng(0).normal(0, 0.001, once.shape).astype(np.float32) * (1, 1, 0)
    hide(twice, np.random.default_rng(1).random(FRAMES) < 0.5)
    assert len(tracks_of(followed([once, twice.astype(np.float32)]))) <= 4


def test_the_order_of_people_in_a_frame_does_not_matter():
    dancers = [dancer(x, seed, found=True) for seed, x in enumerate((0.3, 0.5, 0.7))]
    one, other = followed(dancers, seed=1), followed(dancers, seed=2)
    pairs = set(zip(one.ravel().tolist(), other.ravel().tolist(), strict=True))
    assert len(pairs) == len(set(one.ravel())) == len(set(other.ravel()))


def test_numbers_are_never_used_again():
    numbers = followed([dancer(0.3, 1), dancer(0.7, 2)], cuts=range(0, FRAMES, 7))
    assert len(tracks_of(numbers)) == 2 * len(range(0, FRAMES, 7))


def test_at_thirty_frames_a_second_it_is_the_same():
    pose = choreograph(compose("kpop", 0, SECONDS), Dancer.from_seed(1), 30.0, 0)
    joints = np.ones((*pose.shape[:2], 3), dtype=np.float32)
    joints[..., :2] = pose * TORSO / (ASPECT, 1.0) + 0.5
    assert {int(ids[0]) for ids in track(list(joints[:, None]), [], 30.0, ASPECT)} == {0}


def test_nobody_and_empty_bodies_and_single_frames_are_fine():
    nobody = np.zeros((0, 18, 3), dtype=np.float32)
    unseen = np.full((2, 18, 3), np.nan, dtype=np.float32)
    unseen[..., 2] = 0
    assert track([], [], FPS, ASPECT) == []
    assert [len(ids) for ids in track([nobody, nobody], [1], FPS, ASPECT)] == [0, 0]
    assert track([dancer(0.5)[:1]], [], FPS, ASPECT)[0].tolist() == [0]
    assert [ids.tolist() for ids in track([unseen, nobody, unseen], [], FPS, ASPECT)] == [[0, 1], [], [2, 3]]
