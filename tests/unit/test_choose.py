"""Who is the dancer: corpus dancers, each with a known place in the picture, tracked and then chosen from."""

import numpy as np
import pytest

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.noise import corrupt
from dancegen.corpus.structure import compose
from dancegen.pose.choose import POLICIES, choose, switches
from dancegen.pose.track import track
from dancegen.skeleton import COCO18

FPS, ASPECT, FRAMES = 10.0, 16 / 9, 200
NEAR, FAR = 0.17, 0.06  # torsos, in picture heights

each_policy = pytest.mark.parametrize("policy", POLICIES)


def dancer(x, seed=0, torso=NEAR, y=0.5):
    """A dancer who is in one place of the picture all the time."""
    pose = choreograph(compose("kpop", 0, 25), Dancer.from_seed(seed), FPS, seed)[:FRAMES]
    joints = np.ones((FRAMES, len(COCO18), 3), dtype=np.float32)
    joints[..., :2] = pose * (torso / ASPECT, torso) + (x, y)
    return joints


def hide(joints, frames):
    joints[frames] = (np.nan, np.nan, 0)
    return joints


def only(joints, frames):
    away = np.ones(FRAMES, dtype=bool)
    away[frames] = False
    return hide(joints, away)


def chosen(dancers, policy="longest", cuts=(), seed=0):
    """The dancer, and who of the dancers that is in each frame (-1: nobody)."""
    rng = np.random.default_rng(seed)
    here = [rng.permutation(np.flatnonzero([(each[t, :, 2] > 0).any() for each in dancers])) for t in range(FRAMES)]
    people = [np.array([dancers[who][t] for who in whos]).reshape(-1, 18, 3) for t, whos in enumerate(here)]
    dancer = choose(people, track(people, cuts, FPS, ASPECT), cuts, policy, FPS, ASPECT)
    same = np.array([(np.isclose(each, dancer.joints, equal_nan=True)).all(axis=(1, 2)) for each in dancers])
    who = np.where(dancer.tracks >= 0, same.argmax(axis=0), -1)
    assert (dancer.joints[who < 0, :, 2] == 0).all()
    assert np.isnan(dancer.joints[who < 0, :, :2]).all()
    return dancer, who


@each_policy
def test_one_dancer_alone_is_the_dancer_all_the_time(policy):
    dancing, who = chosen([dancer(0.3)], policy)
    assert (who == 0).all()
    assert switches(dancing.tracks, []) == 0


def test_longest_is_who_is_seen_longest():
    assert set(chosen([only(dancer(0.5), slice(0, 120)), dancer(0.2, 1, NEAR * 0.8)])[1]) == {1}


def test_a_small_spectator_who_never_leaves_is_not_the_dancer_who_was_missed_now_and_then():
    dancing = corrupt(hide(dancer(0.5), slice(50, 58)), FPS, ASPECT, seed=1)
    for policy in ("longest", "largest"):
        _, who = chosen([dancing, dancer(0.9, 1, FAR)], policy)
        assert set(who) == {0, -1}
        assert (who == 0).mean() > 0.9


def test_largest_is_the_tallest_even_where_another_is_seen_longer():
    _, who = chosen([only(dancer(0.5), slice(0, 120)), dancer(0.2, 1, NEAR * 0.7)], "largest")
    assert (who[:120] == 0).all()
    assert (who[120:] == -1).all()


def test_centre_is_who_is_nearest_to_the_middle():
    _, who = chosen([dancer(0.15, 0, NEAR), dancer(0.45, 1, NEAR / 2), dancer(0.85, 2, NEAR)], "centre")
    assert (who == 1).all()


@each_policy
def test_who_is_seen_for_a_moment_is_not_the_dancer(policy):
    passing = only(dancer(0.5, 1, NEAR * 1.2), slice(100, 108))
    assert set(chosen([dancer(0.3), passing], policy)[1]) == {0}


@each_policy
def test_a_face_is_not_the_dancer(policy):
    face = dancer(0.5, 1, NEAR * 3, y=1.4)
    face[:, [COCO18.index(joint) for joint in COCO18.joints if not joint.endswith(("nose", "eye", "ear", "neck"))]] = (
        np.nan,
        np.nan,
        0,
    )
    assert set(chosen([dancer(0.2), face], policy)[1]) == {0}


def test_a_dancer_lost_for_two_seconds_is_followed_again_and_the_change_of_track_shows():
    dancing, who = chosen([hide(dancer(0.5), slice(100, 120)), dancer(0.15, 1, FAR)])
    assert (who == np.where((np.arange(FRAMES) >= 100) & (np.arange(FRAMES) < 120), -1, 0)).all()
    assert dancing.tracks[99] != dancing.tracks[120]
    assert switches(dancing.tracks, []) == 1


def test_who_appears_elsewhere_when_the_dancer_is_gone_is_not_followed():
    _, who = chosen([only(dancer(0.3), slice(0, 120)), only(dancer(0.7, 1), slice(125, FRAMES))])
    assert (who[:120] == 0).all()
    assert (who[120:] == -1).all()


def test_who_appears_long_after_is_followed_when_alone_and_as_a_track_of_its_own():
    first, second = only(dancer(0.3), slice(0, 110)), only(dancer(0.7, 1), slice(150, FRAMES))
    dancing, who = chosen([first, second])
    assert (set(who[:110]), set(who[150:])) == ({0}, {1})
    assert dancing.tracks[0] != dancing.tracks[150]
    _, who = chosen([first, second, dancer(0.95, 2, FAR)], "largest")
    assert set(who) == {0, -1}, "somebody else is there, so who is the dancer is not sure"


def test_who_walks_out_and_comes_back_into_an_empty_picture_is_the_same_dancer():
    walk = np.interp(np.arange(FRAMES), [0, 60, 80, 120, 140, 200], [0.5, 0.5, 1.3, 1.3, 0.5, 0.5])
    alone = dancer(0.0)
    alone[..., 0] += walk[:, None]
    alone[(alone[..., 0] > 1) | (alone[..., 0] < 0)] = (np.nan, np.nan, 0)
    seen = (alone[..., 2] > 0).sum(axis=1)
    few, whole = seen < 6, seen == len(COCO18)
    _, who = chosen([hide(alone, few)])
    assert few.sum() > 30
    assert (who[few | whole] == np.where(few, -1, 0)[few | whole]).all()  # of a half body at the edge nobody is sure
    somebody_between = only(dancer(0.2, 1, FAR), slice(95, 100))
    _, who = chosen([hide(alone, few), somebody_between])
    assert (who[few | whole] == np.where(few, -1, 0)[few | whole]).all()


def test_each_shot_has_a_dancer_of_its_own():
    first, second = only(dancer(0.3), slice(0, 100)), only(dancer(0.7, 1), slice(100, FRAMES))
    dancing, who = chosen([first, second], cuts=[100])
    assert (who == (np.arange(FRAMES) >= 100)).all()
    assert switches(dancing.tracks, [100]) == 0
    assert switches(dancing.tracks, []) == 1


def test_an_estimator_of_one_person_that_hops_gives_one_of_them():
    here, there = hide(dancer(0.3), slice(80, 105)), only(dancer(0.7, 1), slice(80, 105))
    dancing, who = chosen([here, there])
    assert set(who[:80]) == {0}
    assert set(who[80:105]) == {-1}
    assert set(who[105:]) == {0}
    assert switches(dancing.tracks, []) == 1


@each_policy
def test_the_order_of_people_in_a_frame_does_not_matter(policy):
    dancers = [hide(dancer(0.2 + 0.3 * seed, seed), slice(60 * seed, 60 * seed + 20)) for seed in range(3)]
    one, other = (chosen(dancers, policy, cuts=[90], seed=seed)[0] for seed in (1, 2))
    assert np.array_equal(one.joints, other.joints, equal_nan=True)


@each_policy
def test_of_people_seen_shortly_only_one_is_the_dancer_all_the_same(policy):
    assert set(chosen([only(dancer(0.3), slice(0, 5))], policy)[1][:5]) == {0}


@each_policy
@pytest.mark.parametrize("frames", [0, 1, 5])
def test_a_video_without_people_has_no_dancer(policy, frames):
    nobody = [np.zeros((0, 18, 3), dtype=np.float32)] * frames
    found = choose(nobody, track(nobody, [2], FPS, ASPECT), [2], policy, FPS, ASPECT)
    assert found.joints.shape == (frames, 18, 3)
    assert found.tracks.tolist() == [-1] * frames
    assert switches(found.tracks, [2]) == 0


def test_switches_count_changes_within_shots_and_not_gaps():
    assert switches(np.array([1, 1, -1, 1, 2, 2, -1, 3, 4]), cuts=[7]) == 2
    assert switches(np.array([-1, -1]), cuts=[]) == 0
