"""Poses of a body: the dance's directions with the body's lengths, and feet that hold the floor."""

import numpy as np
import pytest
from stick_body import stick_body

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.human.choreography import captured, choreographed, lively
from dancegen.corpus.human.feet import STANDS_BELOW_M, STANDS_SLOWER_M_S
from dancegen.corpus.human.moves import MOVES, improvised, is_free, lively_moves
from dancegen.corpus.human.pose import landmarks, pose
from dancegen.corpus.human.rotations import about, between, frame, shortest
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.skeleton import COCO18

FPS = 30.0
BODY = stick_body()


def dance_of(moves, category="kpop", seconds=24.0):
    return moves(BODY, compose(category, 3, seconds), Dancer.from_seed(5), np.arange(0, seconds, 1 / FPS), FPS, 1)


@pytest.fixture(scope="module")
def lively_dance():
    dance = dance_of(lively)
    return dance, pose(dance, BODY)


def joint(joints, name):
    return joints[:, COCO18.index(name)]


def test_a_rotation_onto_a_direction_ends_there_and_half_of_it_half_way():
    start, end = np.array([0.0, 1, 0]), np.array([1.0, 0, 0])
    turn = shortest(start, end)
    assert turn @ start == pytest.approx(end)
    half = between(np.eye(3), turn, 0.5)
    assert half @ start == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 0])
    assert about(np.array([0.0, 0, 1]), np.array(np.pi / 2)) @ end == pytest.approx(start)
    assert np.linalg.det(frame(start, np.array([0.2, 0.4, 1.0]))) == pytest.approx(1)


@pytest.mark.parametrize("category", CATEGORIES)
def test_joints_of_the_body_are_near_those_of_the_dance(category):
    dance = dance_of(choreographed, category, 10.0)
    apart = np.linalg.norm(landmarks(pose(dance, BODY), BODY) - dance.joints, axis=-1).mean(axis=0)
    # feet with a raised heel turn about the ball
    assert apart[COCO18.indices("left_hip", "right_hip", "left_ankle", "right_ankle")].max() < 0.03
    assert apart.max() < 0.12


def test_limbs_of_lively_dances_have_the_directions_of_the_dance(lively_dance):
    dance, poses = lively_dance
    joints = landmarks(poses, BODY)
    for side in ("left", "right"):
        for start, end in (("shoulder", "elbow"), ("elbow", "wrist")):
            asked = joint(dance.joints, f"{side}_{end}") - joint(dance.joints, f"{side}_{start}")
            made = joint(joints, f"{side}_{end}") - joint(joints, f"{side}_{start}")
            cosine = np.sum(asked * made, axis=1) / np.linalg.norm(asked, axis=1) / np.linalg.norm(made, axis=1)
            assert cosine.min() > 0.999


def test_bones_keep_their_lengths_and_rotations_are_rotations(lively_dance):
    _, poses = lively_dance
    for start, end in (("upperleg01.L", "lowerleg01.L"), ("lowerleg01.R", "foot.R"), ("lowerarm01.L", "wrist.L")):
        first, second = BODY.bone(start), BODY.bone(end)
        lengths = np.linalg.norm(poses.heads[:, second] - poses.heads[:, first], axis=1)
        assert lengths == pytest.approx(np.linalg.norm(BODY.heads[second] - BODY.heads[first]), abs=1e-6)
    assert np.linalg.det(poses.turns) == pytest.approx(1)


def test_a_foot_that_stands_does_not_slide_and_none_is_below_the_floor(lively_dance):
    dance, poses = lively_dance
    floor = BODY.head("foot.L")[1]
    for side, mark in (("left", "L"), ("right", "R")):
        ankle, ball = joint(dance.joints, f"{side}_ankle"), poses.heads[:, BODY.bone(f"toe2-1.{mark}")]
        speed = np.linalg.norm(np.gradient(ankle[:, [0, 2]], axis=0), axis=1) * FPS
        stands = (ankle[:, 1] < floor + STANDS_BELOW_M) & (speed < 0.1 * STANDS_SLOWER_M_S)
        inside = stands[1:-1] & stands[:-2] & stands[2:]
        assert inside.mean() > 0.3
        moved = np.linalg.norm(np.diff(ball[:, [0, 2]], axis=0), axis=1)[1:][inside]
        assert np.quantile(moved, 0.99) < 0.006  # metres in a frame
        assert ball[:, 1].min() > BODY.head("toe2-1.L")[1] - 0.015


def test_knees_bend_forwards(lively_dance):
    dance, poses = lively_dance
    joints = landmarks(poses, BODY)
    for side in ("left", "right"):
        asked, made = (
            joint(each, f"{side}_knee") - (joint(each, f"{side}_hip") + joint(each, f"{side}_ankle")) / 2
            for each in (dance.joints, joints)
        )
        bent = np.linalg.norm(asked, axis=1) > 0.06
        assert (np.sum(asked * made, axis=1)[bent] > 0).all()


def test_poses_are_smooth(lively_dance):
    _, poses = lively_dance
    steps = np.linalg.norm(np.diff(poses.heads, axis=0), axis=-1)
    assert steps.max() < 0.55  # metres in a frame: a fingertip at 15 m/s
    turn = poses.turns[1:] @ np.swapaxes(poses.turns[:-1], -1, -2)
    angles = np.degrees(np.arccos(np.clip((np.trace(turn, axis1=-2, axis2=-1) - 1) / 2, -1, 1)))
    assert np.quantile(angles, 0.999) < 40


def test_a_minute_of_lively_dance_has_every_lively_move_and_the_same_ones_for_a_seed():
    song = compose("kpop", 3, 90)
    first, second = (list(lively_moves(song, 4)) for _ in range(2))
    assert {move.name for _, _, move in first} >= set(MOVES)
    assert [move for _, _, move in first] == [move for _, _, move in second]
    assert [move for _, _, move in first] != [move for _, _, move in lively_moves(song, 5)]
    assert [bar for bar, _, _ in first] == list(range(0, song.bars, 2))


def test_lively_dances_kick_above_the_hip_hop_and_reach_everywhere():
    long = dance_of(lively, seconds=60.0).joints
    hips = (joint(long, "left_hip") + joint(long, "right_hip"))[:, 1] / 2
    ankles = np.stack([joint(long, f"{side}_ankle")[:, 1] for side in ("left", "right")])
    assert (ankles - hips).max() > -0.15
    assert ankles.min(axis=0).max() > BODY.head("foot.L")[1] + 0.05
    wrist = joint(long, "left_wrist") - joint(long, "left_shoulder")
    wrist /= np.linalg.norm(wrist, axis=1, keepdims=True)
    assert wrist[:, 1].min() < -0.95 < 0.95 < wrist[:, 1].max()
    assert wrist[:, 0].max() > 0.9
    assert wrist[:, 2].max() > 0.8


def test_hands_of_improvised_arms_are_outside_the_head():
    for seed in range(20):
        for moment in improvised(np.random.default_rng(seed)).moments[:-1]:
            pose_of = moment.pose
            hand = [pose_of[f"left_{part}"] for part in ("raise", "plane", "bend", "spin")]
            assert is_free(*hand)
    assert not is_free(104.0, 34.0, 135.0, 25.0)  # at the temple


def test_a_capture_in_other_units_and_axes_stands_on_the_floor_in_proportion():
    dance = dance_of(choreographed, seconds=8.0)
    turned = 100 * dance.joints[..., [2, 0, 1]]  # centimetres, with z up and x to the front
    again = captured(BODY, turned, np.array([0.0, 0, 1]), np.array([1.0, 0, 0]), dance.nose_drop, FPS)
    middle = (dance.joints.min(axis=(0, 1)) + dance.joints.max(axis=(0, 1))) / 2
    assert np.abs(again.joints - (dance.joints - middle * (1, 0, 1))).max() < 0.03
