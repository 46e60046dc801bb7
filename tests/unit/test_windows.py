import numpy as np

from dancegen.pose import windows
from dancegen.skeleton import COCO18


def seen(frames):
    return np.full((frames, 18, 3), 0.5, dtype=np.float32)


def cut(joints, tracks=None, cuts=(), sounding_frames=1e9):
    tracks = np.zeros(len(joints), dtype=np.int32) if tracks is None else np.asarray(tracks)
    return windows.cut(joints, tracks, cuts, 50, 25, max_missing_share=0.3, sounding_frames=sounding_frames)


def test_windows_start_every_stride_and_end_within_the_video():
    found = cut(seen(120))
    assert [window.start_frame for window in found.kept] == [0, 25, 50]
    assert all(window.slice.stop <= 120 for window in found.kept)
    assert not found.left_out


def test_a_video_of_exactly_one_window_gives_one():
    assert len(cut(seen(50)).kept) == 1


def test_a_short_video_gives_none_and_says_so():
    found = cut(seen(49))
    assert not found.kept
    assert found.left_out == {windows.TOO_SHORT: 1}


def test_windows_after_the_end_of_the_sound_are_left_out_but_for_the_last_frame():
    assert [window.start_frame for window in cut(seen(120), sounding_frames=74.2).kept] == [0, 25]
    found = cut(seen(120), sounding_frames=60)
    assert found.left_out == {windows.NO_SOUND: 2}


def test_windows_with_many_joints_missing_are_left_out():
    joints = seen(100)
    joints[60:, 1:, 2] = 0
    found = cut(joints)
    assert [window.start_frame for window in found.kept] == [0, 25]
    assert np.isclose(found.kept[1].missing_share, 15 / 50 * 17 / 18)
    assert found.left_out == {windows.TOO_MANY_MISSING: 1}


def test_no_window_crosses_a_cut_and_one_may_begin_at_it():
    tracks = [0] * 75 + [1] * 75
    found = cut(seen(150), tracks, cuts=[75])
    assert [window.start_frame for window in found.kept] == [0, 25, 75, 100]
    assert found.left_out == {windows.CROSSES_A_CUT: 1}


def test_a_window_in_which_another_dancer_is_followed_is_left_out():
    found = cut(seen(100), tracks=[3] * 60 + [4] * 40)
    assert [window.start_frame for window in found.kept] == [0]
    assert found.left_out == {windows.OTHER_DANCER: 2}


def test_a_window_in_which_the_dancer_is_lost_is_left_out():
    joints = seen(100)
    joints[80] = (np.nan, np.nan, 0)
    found = cut(joints)
    assert [window.start_frame for window in found.kept] == [0, 25]
    assert found.left_out == {windows.LOST: 1}


def test_usable_is_what_some_clip_could_hold():
    joints = seen(170)
    joints[80] = (np.nan, np.nan, 0)
    tracks = np.zeros(170, dtype=np.int32)
    assert windows.usable_frames(joints, tracks, cuts=[]) == 169
    assert windows.usable_frames(joints, tracks, cuts=[40]) == 89, "40 and 39 frames are too few"
    assert windows.usable_frames(seen(20), tracks[:20], cuts=[]) == 0


def test_a_body_without_hips_has_no_place_and_is_left_out():
    joints = seen(50)
    joints[:30, COCO18.index("left_hip"), 2] = 0
    assert cut(joints).left_out == {windows.NO_TORSO: 1}
