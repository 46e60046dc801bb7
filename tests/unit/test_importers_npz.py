"""Dances of any origin as NumPy arrays."""

import numpy as np
import pytest

from dancegen.errors import BadMediaError
from dancegen.skeleton import COCO17_JOINTS, COCO18
from dancegen.steps.import_poses.formats import recordings
from dancegen.steps.import_poses.settings import ImportPosesConfig

SIZE = {"width_px": 640, "height_px": 480}


def places(frames=60, joints=18, parts=3):
    """Each joint of each frame at a place of its own, in pixels, with its confidence."""
    random = np.random.default_rng(0)
    found = random.uniform((1, 1), (639, 479), (frames, joints, 2))
    return np.concatenate([found, random.uniform(0.5, 1, (frames, joints, 1))], axis=-1)[..., :parts]


def write(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def read(source, **settings):
    (found,) = recordings(ImportPosesConfig(format="npz", source=source, poses="poses", **settings), source)
    return found


@pytest.mark.parametrize("parts", [2, 3])
def test_joints_are_fractions_of_the_picture_at_the_wanted_rate(tmp_path, parts):
    true = places(parts=parts)
    found = read(write(tmp_path / "my dance.npz", joints=true, fps=30, **SIZE), category="kpop", dancer="me")
    assert (found.song, found.dancer, found.category) == ("my dance", "me", "kpop")
    assert (found.width_px, found.height_px, found.fps) == (640, 480, 10)
    assert found.joints.shape == (20, 18, 3)
    assert found.joints.dtype == np.float32
    np.testing.assert_allclose(found.joints[..., :2], true[::3, :, :2] / (640, 480), rtol=1e-6)
    np.testing.assert_allclose(found.joints[..., 2], true[::3, :, 2] if parts == 3 else 1, rtol=1e-6)


def test_coco_joints_are_put_in_order_and_the_neck_is_between_the_shoulders(tmp_path):
    true = places(frames=1, joints=17)
    joints = read(write(tmp_path / "a.npz", joints=true, fps=10, **SIZE)).joints[0]
    left, right = (true[0, COCO17_JOINTS.index(f"{side}_shoulder"), :2] / (640, 480) for side in ("left", "right"))
    np.testing.assert_allclose(joints[COCO18.index("left_shoulder"), :2], left, rtol=1e-6)
    np.testing.assert_allclose(joints[COCO18.index("neck"), :2], (left + right) / 2, rtol=1e-6)


def test_a_joint_that_is_nan_or_unsure_is_missing(tmp_path):
    true = places(frames=3)
    true[0, 4, 0] = np.nan
    true[1, 5, 2] = 0.1
    joints = read(write(tmp_path / "a.npz", joints=true, fps=10, **SIZE)).joints
    assert np.isnan(joints[0, 4, :2]).all()
    assert np.isnan(joints[1, 5, :2]).all()
    assert (joints[..., 2] == 0).sum() == 2


def test_what_the_file_does_not_say_comes_from_the_settings(tmp_path):
    source = write(tmp_path / "a.npz", joints=places())
    assert len(read(source, source_fps=20, width_px=640, height_px=480).joints) == 30
    with pytest.raises(BadMediaError, match=r"has no valid fps.*set source_fps"):
        read(source, width_px=640, height_px=480)
    with pytest.raises(BadMediaError, match=r"has no valid height_px"):
        read(source, source_fps=20, width_px=640)


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"poses": np.zeros((3, 18, 2))}, "has no joints; it contains fps, width_px, height_px, poses"),
        ({"joints": np.zeros((3, 25, 2))}, "has joints of shape 3x25x2"),
        ({"joints": np.zeros((0, 18, 2))}, "has joints of shape 0x18x2"),
        ({"joints": np.array([["a"]])}, "has joints of shape 1x1"),
        ({"joints": np.zeros((3, 18, 2)), "fps": -1}, "has no valid fps"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, arrays, problem):
    with pytest.raises(BadMediaError, match=problem):
        read(write(tmp_path / "a.npz", **{"fps": 10, **SIZE, **arrays}))


def test_a_file_that_would_run_code_or_is_damaged_is_refused(tmp_path):
    with pytest.raises(BadMediaError, match="is not a NumPy file of arrays"):
        read(write(tmp_path / "a.npz", joints=np.array([{"a": 1}], dtype=object), fps=10, **SIZE))
    whole = (tmp_path / "a.npz").read_bytes()
    for content in (b"", b"PK", whole[: len(whole) // 2], b"no arrays at all"):
        (tmp_path / "b.npz").write_bytes(content)
        with pytest.raises(BadMediaError, match="is not a NumPy file of arrays"):
            read(str(tmp_path / "b.npz"))


def test_its_song_is_found_by_name(tmp_path, make_sound):
    (tmp_path / "music").mkdir()
    make_sound(tmp_path / "music" / "a.wav", np.zeros(16_000), 16_000)
    source = write(tmp_path / "a.npz", joints=places(), fps=10, **SIZE)
    assert read(source, music=str(tmp_path / "music")).audio_uri == str(tmp_path / "music" / "a.wav")
