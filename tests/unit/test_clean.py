"""Cleaning, on dances whose truth is known. Bounds are those of benchmarks/pose_cleaning.py, with margin."""

import numpy as np
import pytest

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.pictures.noise import damage
from dancegen.corpus.structure import CATEGORIES, compose
from dancegen.metrics import pose_accuracy as accuracy
from dancegen.metrics.motion_quality import mean_change
from dancegen.pose.clean import FILLED_CONFIDENCE, Mark, clean
from dancegen.pose.kinematic_beats import kinematic_beats
from dancegen.pose.normalize import torso_length
from dancegen.skeleton import COCO18

FPS, ASPECT = 10.0, 4 / 3
WRIST, ELBOW = COCO18.indices("right_wrist", "right_elbow")
RIGHT_ARM, LEFT_ARM = (COCO18.indices(f"{side}_elbow", f"{side}_wrist") for side in ("right", "left"))
RIGHT_LEG, LEFT_LEG = (COCO18.indices(f"{side}_hip", f"{side}_knee", f"{side}_ankle") for side in ("right", "left"))

LIVELY = ("house", "krump", "hiphop")
"""Styles whose joints move as fast as the limits of a believable move at 10 poses per second."""
each_category = pytest.mark.parametrize("category", [name for name in CATEGORIES if name not in LIVELY])
each_lively_category = pytest.mark.parametrize("category", LIVELY)


def dance(category="kpop", seed=5, fps=FPS, seconds=40.0):
    pose = choreograph(compose(category, seed, seconds), Dancer.from_seed(seed), fps, seed=0)
    return film(pose, 640, 480, seed) / np.array([640, 480, 1], dtype=np.float32)


def cleaned(joints, max_gap_s=0.5, smoothing=1.0, fps=FPS, aspect=ASPECT):
    return clean(joints, fps, aspect, max_gap_s, smoothing)


def hide(joints, frames, joint):
    joints[frames, joint] = (np.nan, np.nan, 0)


def places(joints):
    return joints[..., :2] * (ASPECT, 1.0)


def error(joints, true):
    return accuracy.distances(joints, true, ASPECT)


def beats(joints):
    return kinematic_beats(places(joints), FPS)


@each_category
def test_without_smoothing_a_true_dance_comes_back_as_it_is(category):
    true = dance(category)
    result = cleaned(true, smoothing=0.0)
    assert (result.marks != Mark.SEEN).mean() < 0.002
    assert np.allclose(result.joints[result.marks == Mark.SEEN], true[result.marks == Mark.SEEN], atol=1e-6)


@each_category
def test_smoothing_hardly_moves_a_true_dance_and_its_beats(category):
    true = dance(category)
    result = cleaned(true)
    assert error(result.joints, true).mean() < 0.006
    times = accuracy.beat_times(beats(result.joints), beats(true), FPS)
    assert times.error_s < 0.03
    assert times.within_frame > 0.95


@each_category
def test_of_a_dance_as_it_is_found_nearly_all_is_put_right(category):
    true = dance(category)
    found = damage(true, FPS, ASPECT, seed=1)
    result = cleaned(found.joints)
    assert accuracy.pck(found.joints, true, ASPECT) < 0.97
    assert accuracy.pck(result.joints, true, ASPECT) > 0.98
    assert accuracy.oks(found.joints, true, ASPECT) < 0.95
    assert accuracy.oks(result.joints, true, ASPECT) > 0.97
    fill = accuracy.fill_error(result.joints, true, found.lost, ASPECT)
    assert fill.error < 0.12
    assert fill.share > 0.7
    good = ~(found.lost | found.swapped | found.jumped)
    assert (result.marks[good] != Mark.SEEN).mean() < 0.01
    times = accuracy.beat_times(beats(result.joints), beats(true), FPS)
    assert times.error_s < 0.06
    assert times.within_frame > 0.9


@each_lively_category
def test_of_a_lively_dance_most_is_put_right_and_little_that_was_right_is_changed(category):
    true = dance(category)
    assert (cleaned(true, smoothing=0.0).marks != Mark.SEEN).mean() < 0.005
    assert error(cleaned(true).joints, true).mean() < 0.009
    found = damage(true, FPS, ASPECT, seed=1)
    result = cleaned(found.joints)
    assert accuracy.pck(result.joints, true, ASPECT) > max(0.96, accuracy.pck(found.joints, true, ASPECT))
    assert accuracy.oks(result.joints, true, ASPECT) > 0.95
    good = ~(found.lost | found.swapped | found.jumped)
    assert (result.marks[good] != Mark.SEEN).mean() < 0.035
    assert accuracy.beat_times(beats(result.joints), beats(true), FPS).error_s < 0.06


@each_category
def test_smoothing_lowers_the_error_and_the_shaking_of_noisy_joints(category):
    true = dance(category)
    found = damage(true, FPS, ASPECT, seed=2).joints
    rough, smooth = (cleaned(found, smoothing=smoothing).joints for smoothing in (0.0, 1.0))
    seen = np.isfinite(error(rough, true)) & np.isfinite(error(smooth, true))
    assert error(smooth, true)[seen].mean() < 0.85 * error(rough, true)[seen].mean()
    shakes = [mean_change(places(joints) - places(true), FPS, order=2) for joints in (found, rough, smooth)]
    assert shakes[2] < 0.6 * shakes[1] < 0.6 * shakes[0]


@pytest.mark.parametrize("fps", [10.0, 25.0])
def test_what_is_put_right_does_not_hang_on_the_frame_rate(fps):
    true = dance(fps=fps, seconds=20.0)
    found = damage(true, fps, ASPECT, seed=3)
    result = cleaned(found.joints, fps=fps)
    assert accuracy.pck(result.joints, true, ASPECT) > 0.98
    was_off = found.swapped & ~found.jumped & (error(found.joints, true) > 0.2)
    assert (error(result.joints, true)[was_off] < 0.2).mean() > 0.9


@pytest.mark.parametrize("frames", [slice(100, 101), slice(60, 64)])
@pytest.mark.parametrize(("right", "left"), [(RIGHT_ARM, LEFT_ARM), (RIGHT_LEG, LEFT_LEG)], ids=["arms", "legs"])
def test_limbs_that_were_given_to_the_wrong_side_go_back_and_are_marked(frames, right, left):
    true = dance("popping")
    found = true.copy()
    found[frames, right + left] = true[frames, left + right]
    off = error(found, true) > 0.2
    assert off.any()
    result = cleaned(found, smoothing=0.0)
    assert error(result.joints, true)[off].max() < 1e-3
    assert (result.marks[off] == Mark.REPLACED).all()
    assert np.array_equal(result.joints[frames, :, 2], true[frames, :, 2])


def test_arms_that_were_not_seen_before_or_after_are_known_by_their_shoulders():
    true = dance("popping")
    found = true.copy()
    hide(found, slice(90, 114), RIGHT_ARM + LEFT_ARM)
    found[100:104, RIGHT_ARM + LEFT_ARM] = true[100:104, LEFT_ARM + RIGHT_ARM]
    result = cleaned(found, smoothing=0.0)
    assert (result.marks[100:104, RIGHT_ARM + LEFT_ARM] == Mark.REPLACED).all()
    assert error(result.joints, true)[100:104].max() < 1e-3


@pytest.mark.parametrize("frame", [190, 220, 240, 260])
def test_a_joint_that_stretches_its_bone_is_believed_less_than_one_that_moves_as_far_and_does_not(frame):
    true = dance("popping")
    forearm = places(true)[frame, WRIST] - places(true)[frame, ELBOW]
    leap = 0.65 * torso_length(true, ASPECT) * forearm / np.linalg.norm(forearm) / (ASPECT, 1.0)
    marks = []
    for away in (leap, -leap):
        found = true.copy()
        found[frame, WRIST] += np.float32([*away, -0.5])
        marks.append(cleaned(found).marks[frame, WRIST])
    assert marks == [Mark.REPLACED, Mark.SEEN]


@each_category
def test_joints_found_elsewhere_are_rarely_believed(category):
    believed = []
    for seed in range(3):
        true = dance(category, seed)
        found = damage(true, FPS, ASPECT, seed)
        off = found.jumped & ~found.swapped & (error(found.joints, true) > 0.3)
        apart = error(cleaned(found.joints).joints, true)[off]
        believed += (np.isfinite(apart) & (apart > 0.3)).tolist()
    assert np.mean(believed) < 0.14


@pytest.mark.parametrize("frames", [slice(0, 1), slice(0, 2), slice(200, 201), slice(200, 204), slice(-2, None)])
def test_a_joint_elsewhere_for_some_frames_is_dropped_also_at_the_ends(frames):
    true = dance()
    found = true.copy()
    found[frames, WRIST] = (0.02, 0.03, 0.5)
    result = cleaned(found, smoothing=0.0)
    inside = frames.start > 0
    assert (result.marks[frames, WRIST] == (Mark.REPLACED if inside else Mark.MISSING)).all()
    assert not inside or error(result.joints, true)[frames, WRIST].max() < 0.4
    others = np.ones(found.shape[:2], dtype=bool)
    others[frames, WRIST] = False
    assert (result.marks[others] != Mark.SEEN).mean() < 0.002


def test_a_hand_that_flies_a_torso_in_a_frame_is_believed():
    true = dance("ballet")
    torso = torso_length(true, ASPECT)
    found = true.copy()
    for frame, away in ((50, 0.5), (51, 1.0), (52, 1.0), (53, 0.5), (90, 1.0), (91, 1.0), (92, 1.0)):
        found[frame, [ELBOW, WRIST], 1] -= np.float32([0.5, 1.0]) * away * torso
    assert (cleaned(found).marks[45:100, [ELBOW, WRIST]] == Mark.SEEN).all()


def test_a_joint_that_stays_elsewhere_for_long_is_believed():
    found = dance()
    found[200:, COCO18.index("left_ear"), 1] -= 0.5
    assert (cleaned(found).marks[200:, COCO18.index("left_ear")] == Mark.SEEN).mean() > 0.98


@each_category
def test_a_short_gap_is_filled_closer_than_on_a_straight_line_and_trusted_little(category):
    true = dance(category)
    found, hidden = true.copy(), np.zeros(true.shape[:2], dtype=bool)
    for number, joint in enumerate((WRIST, ELBOW, *RIGHT_LEG)):
        for start in range(10 + 3 * number, len(true) - 10, 20):
            hidden[start : start + 4, joint] = True
    found[hidden] = (np.nan, np.nan, 0)
    result = cleaned(found, smoothing=0.0)
    assert (result.marks[hidden] == Mark.FILLED).mean() > 0.985
    assert np.allclose(result.joints[result.marks == Mark.FILLED, 2], FILLED_CONFIDENCE)
    line, frames = true.copy(), np.arange(len(true))
    for joint in np.flatnonzero(hidden.any(axis=0)):
        known = ~hidden[:, joint]
        for axis in (0, 1):
            line[:, joint, axis] = np.interp(frames, frames[known], true[known, joint, axis])
    filled = hidden & (result.marks == Mark.FILLED)
    assert error(result.joints, true)[filled].mean() < 0.7 * error(line, true)[filled].mean()


@pytest.mark.parametrize(("frames", "fps"), [(slice(100, 106), 10.0), (slice(0, 2), 10.0), (slice(-2, None), 10.0)])
def test_a_long_gap_and_one_at_an_end_stay_missing(frames, fps):
    found = dance()
    hide(found, frames, WRIST)
    result = cleaned(found, fps=fps)
    assert (result.marks[frames, WRIST] == Mark.MISSING).all()
    assert np.isnan(result.joints[frames, WRIST, :2]).all()
    assert (result.joints[frames, WRIST, 2] == 0).all()


def test_the_length_of_a_gap_counts_in_seconds():
    found = dance(fps=20.0)
    hide(found, slice(100, 110), WRIST)
    assert (cleaned(found, fps=20.0).marks[100:110, WRIST] == Mark.FILLED).all()
    assert (cleaned(found, fps=10.0).marks[100:110, WRIST] == Mark.MISSING).all()


def test_a_sure_joint_moves_less_than_an_unsure_one():
    true = dance("ballet")
    moved = []
    for confidence in (0.95, 0.5):
        found = true.copy()
        found[20:-20:10, WRIST, 1] += 0.02
        found[20:-20:10, WRIST, 2] = confidence
        result = cleaned(found)
        assert (result.marks == Mark.SEEN).all()
        moved.append(np.abs(result.joints - found)[20:-20:10, WRIST, 1].mean())
    assert moved[0] < 0.3 * moved[1]


def test_marks_say_what_is_missing_and_missing_is_never_a_place():
    found = damage(dance(), FPS, ASPECT, seed=4, level=2.0)
    result = cleaned(found.joints)
    missing = result.marks == Mark.MISSING
    assert np.array_equal(missing, result.joints[..., 2] == 0)
    assert np.array_equal(missing, np.isnan(result.joints[..., 0]))
    swapped_too = (result.marks == Mark.REPLACED) | (found.joints[..., 2] > 0)
    assert swapped_too[result.marks == Mark.SEEN].all()
    assert result.marks.dtype == np.uint8
    assert result.joints.dtype == np.float32


@pytest.mark.parametrize(("scale", "shift", "shape"), [(0.4, (0.3, 0.1), ASPECT), (1.0, (0.0, 0.0), 2.0)])
def test_size_and_place_in_the_picture_and_its_shape_change_nothing(scale, shift, shape):
    found = damage(dance(), FPS, ASPECT, seed=6).joints
    other = found.copy()
    other[..., :2] = found[..., :2] * scale * np.float32([ASPECT / shape, 1.0]) + np.float32(shift)
    one, two = cleaned(found), cleaned(other, aspect=shape)
    assert (one.marks != two.marks).mean() < 1e-3  # a tie may fall the other way when numbers are rounded
    same = (one.marks == two.marks) & (one.marks != Mark.MISSING)
    back = (two.joints[same, :2] - np.float32(shift)) / scale / np.float32([ASPECT / shape, 1.0])
    assert np.quantile(np.abs(back - one.joints[same, :2]), 0.999) < 1e-4


def test_an_hour_is_worked_on_in_parts_that_do_not_show():
    found = damage(dance(seconds=130.0), FPS, ASPECT, seed=7).joints
    whole, part = cleaned(found), cleaned(found[900:1100])
    assert np.array_equal(whole.marks[950:1050], part.marks[50:150])
    known = whole.marks[950:1050] != Mark.MISSING
    assert np.abs(whole.joints[950:1050] - part.joints[50:150])[known].max() < 2e-3


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_a_run_of_a_few_frames_passes(frames):
    true = dance()[:frames]
    result = cleaned(true)
    assert (result.marks == Mark.SEEN).all()
    assert np.allclose(result.joints, true, atol=0.01)


@pytest.mark.parametrize("frames", [1, 5])
def test_a_body_never_seen_stays_missing(frames):
    result = cleaned(np.full((frames, 18, 3), np.nan, dtype=np.float32))
    assert (result.marks == Mark.MISSING).all()
    assert (result.joints[..., 2] == 0).all()


def test_a_body_whose_hips_and_legs_are_out_of_the_picture_is_cleaned_too():
    found = dance()
    hide(found, slice(None), [*RIGHT_LEG, *LEFT_LEG])
    hide(found, slice(50, 52), WRIST)
    result = cleaned(found)
    assert (result.marks[50:52, WRIST] == Mark.FILLED).all()
    assert (result.marks[:, RIGHT_LEG] == Mark.MISSING).all()
    assert np.isfinite(result.joints[result.marks != Mark.MISSING]).all()


def test_the_input_is_left_alone():
    found = damage(dance(), FPS, ASPECT, seed=8).joints
    before = found.copy()
    cleaned(found)
    assert np.array_equal(found, before, equal_nan=True)
