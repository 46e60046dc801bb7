import codecs
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from dancegen import storage
from dancegen.errors import BadMediaError
from dancegen.media.video import probe
from dancegen.skeleton import COCO17_JOINTS, COCO18
from dancegen.steps.import_poses.formats import recordings
from dancegen.steps.import_poses.formats.recording import BadRecording
from dancegen.steps.import_poses.settings import ImportPosesConfig

MEDIA = Path(__file__).parents[3] / "shared/media"
REAL = sorted((MEDIA / "motion").glob("aistpp_keypoints2d__*.pkl"))
REAL_VIDEO = MEDIA / "videos/silent/aistplusplus_api__gBR_sBM_c01_d06_mBR2_ch06.mp4"
NAME = "gLO_sBM_cAll_d13_mLO2_ch03"


def keypoints(cameras=2, frames=61):
    """Each joint of each camera and frame at a place of its own."""
    random = np.random.default_rng(0)
    places = random.uniform((1, 1), (1919, 1079), (cameras, frames, 17, 2))
    return np.concatenate([places, random.uniform(0.5, 1, (cameras, frames, 17, 1))], axis=-1).astype(np.float32)


def write(path, protocol=4, **data):
    path.write_bytes(pickle.dumps(data, protocol=protocol))
    return str(path)


def read(source, **settings):
    return list(recordings(ImportPosesConfig(format="aistpp", source=source, poses="poses", **settings), source))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_each_camera_is_a_recording_of_a_song_and_a_dancer_that_the_name_tells(tmp_path, protocol):
    true = keypoints()
    source = write(tmp_path / f"{NAME}.pkl", protocol, keypoints2d=true, det_scores=true[..., 0, 2])
    found = read(source)
    assert [each.uri for each in found] == [f"{source}#c01", f"{source}#c02"]
    for camera, each in enumerate(found):
        assert (each.song, each.dancer, each.category) == ("mLO2", "d13", "lock")
        assert (each.width_px, each.height_px, each.fps, each.audio_uri) == (1920, 1080, 10, None)
        assert each.joints.shape == (11, 18, 3)
        assert each.joints.dtype == np.float32
        for joint in COCO17_JOINTS:
            expected = true[camera, ::6, COCO17_JOINTS.index(joint)] / (1920, 1080, 1)
            np.testing.assert_allclose(each.joints[:, COCO18.index(joint)], expected, rtol=1e-5)


def test_a_joint_of_low_score_or_without_a_place_is_missing_and_no_score_is_above_1(tmp_path):
    true = keypoints(cameras=1, frames=1)
    true[0, 0, 0, 2] = 0.29
    true[0, 0, 1, 0] = np.nan
    true[0, 0, 2, 2] = np.nan
    true[0, 0, 3, 2] = 1.03
    source = write(tmp_path / "a.pkl", keypoints2d=true)
    joints = read(source)[0].joints[0]
    missing = COCO18.indices("nose", "left_eye", "right_eye")
    assert np.isnan(joints[missing, :2]).all()
    assert (joints[missing, 2] == 0).all()
    assert joints[COCO18.index("left_ear"), 2] == 1
    assert np.isfinite(joints).all(axis=1).sum() == 15
    assert np.isfinite(read(source, min_confidence=0.2)[0].joints[0]).all(axis=1).sum() == 16


def test_frames_are_taken_by_the_timestamps(tmp_path):
    true = keypoints(cameras=1, frames=30)
    source = write(tmp_path / "a.pkl", keypoints2d=true, timestamps=(np.arange(30) * 100_000))
    joints = read(source)[0].joints
    np.testing.assert_allclose(joints[:, 0, :2] * (1920, 1080), true[0, :, 0, :2], rtol=1e-5)


@pytest.mark.parametrize("timestamps", [np.zeros(61), np.arange(60), "none", np.full(61, np.nan)])
def test_timestamps_that_cannot_be_are_not_used(tmp_path, timestamps):
    source = write(tmp_path / "a.pkl", keypoints2d=keypoints(), timestamps=timestamps)
    assert len(read(source)[0].joints) == 11


def test_cameras_can_be_chosen_and_one_that_is_not_there_is_told(tmp_path):
    source = write(tmp_path / "a.pkl", keypoints2d=keypoints(cameras=3))
    (chosen, missing) = read(source, cameras=["c03", "c09"])
    np.testing.assert_array_equal(chosen.joints, read(source)[2].joints)
    assert isinstance(missing, BadRecording)
    assert missing.error.startswith(f"{source}#c09: does not exist: the file has 3 cameras.")


def test_the_settings_name_what_the_file_name_does_not(tmp_path):
    source = write(tmp_path / "solo.pkl", keypoints2d=keypoints())
    found = read(source, category="street", dancer="me")[0]
    assert (found.song, found.dancer, found.category) == ("solo", "me", "street")


def test_the_sound_is_that_of_the_song(tmp_path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music/mLO2.wav").write_bytes(b"x")
    source = write(tmp_path / f"{NAME}.pkl", keypoints2d=keypoints())
    found = read(source, music=str(tmp_path / "music"))
    assert {each.audio_uri for each in found} == {str(tmp_path / "music/mLO2.wav")}


class RunsCode:
    """What a pickle made by an attacker holds."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("hidden", [False, True])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path, protocol, hidden):
    trap = RunsCode(os.mkdir, str(tmp_path / "broken-into"))
    where = {"det_scores": np.array([trap], dtype=object)} if hidden else {"timestamps": trap}
    source = write(tmp_path / "a.pkl", protocol, keypoints2d=keypoints(), **where)
    with pytest.raises(
        BadMediaError, match=r"a.pkl: is not a pickle of only NumPy arrays: it requires .*not run"
    ) as told:
        read(source)
    assert not (tmp_path / "broken-into").exists()
    assert "\n" not in str(told.value)
    pickle.loads((tmp_path / "a.pkl").read_bytes())
    assert (tmp_path / "broken-into").exists()  # the trap was one


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("os", "system"),
        ("numpy", "load"),
        ("numpy", "core.multiarray.fromfile"),
        ("numpy._core.multiarray", "fromfile"),
        ("numpy.testing._private.utils", "runstring"),
        ("codecs", "open"),
        ("_codecs", "lookup"),
        ("numpy", "ndarray.tofile"),
    ],
)
def test_nothing_but_what_arrays_are_made_of_is_admitted(tmp_path, module, name):
    short = lambda text: b"\x8c" + struct.pack("B", len(text)) + text.encode()  # noqa: E731
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + short(module) + short(name) + b"\x93.")
    with pytest.raises(BadMediaError, match=f"it requires {module}.{name}, which was not run"):
        read(str(tmp_path / "a.pkl"))


def test_a_pickle_of_older_numpy_and_python_is_read(tmp_path):
    true = keypoints(frames=1)
    new = pickle.dumps({"keypoints2d": true}, protocol=2)
    assert b"numpy._core.multiarray" in new
    assert codecs.encode.__name__.encode() in new  # bytes as Python 2 knew them
    (tmp_path / "a.pkl").write_bytes(new.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert len(read(str(tmp_path / "a.pkl"))) == 2


@pytest.mark.parametrize(
    "data", [b"", b"no pickle", b"\x80\x04", b"\x80\x04.", b"\x80\x05\x95\xff", b"cnumpy\n", b"(lp0\n."]
)
def test_bytes_that_are_no_pickle_or_not_this_one_are_told_in_one_line(tmp_path, data):
    (tmp_path / "a.pkl").write_bytes(data)
    with pytest.raises(BadMediaError, match=r"a.pkl: (is not a pickle|has no keypoints2d)") as raised:
        read(str(tmp_path / "a.pkl"))
    assert "\n" not in str(raised.value)


def test_a_pickle_that_is_cut_off_is_told(tmp_path):
    source = write(tmp_path / "a.pkl", keypoints2d=keypoints())
    data = (tmp_path / "a.pkl").read_bytes()
    for length in range(1, len(data), 997):
        (tmp_path / "a.pkl").write_bytes(data[:length])
        with pytest.raises(BadMediaError, match=r"a.pkl: is not a pickle, or is damaged"):
            read(source)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"keypoints3d": np.zeros((5, 17, 3))}, "has no keypoints2d; it contains keypoints3d"),
        ({"keypoints2d": np.zeros((5, 17, 3))}, "of shape 5x17x3, not CxNx17x3"),
        ({"keypoints2d": np.zeros((9, 0, 17, 3))}, "of shape 9x0x17x3"),
        ({"keypoints2d": [1, 2]}, "not numeric"),
        ({"keypoints2d": np.array(["a"])}, "not numeric"),
    ],
)
def test_other_arrays_are_told(tmp_path, data, problem):
    with pytest.raises(BadMediaError, match=problem):
        read(write(tmp_path / "a.pkl", **data))


def test_a_file_on_s3_is_read(tmp_path, s3):
    write(tmp_path / "a.pkl", keypoints2d=keypoints())
    storage.write_bytes(f"{s3}/k/{NAME}.pkl", (tmp_path / "a.pkl").read_bytes())
    storage.write_bytes(f"{s3}/music/mLO2.mp3", b"x")
    found = read(f"{s3}/k/{NAME}.pkl", music=f"{s3}/music")
    assert [each.uri for each in found] == [f"{s3}/k/{NAME}.pkl#c01", f"{s3}/k/{NAME}.pkl#c02"]
    assert found[0].audio_uri == f"{s3}/music/mLO2.mp3"


@pytest.mark.skipif(not REAL, reason="no real key points of AIST++ beside this checkout")
def test_real_dancers_stand_on_their_feet_and_face_the_front_camera():
    facing = []
    for path in REAL:
        found = read(str(path))
        assert len(found) == 9
        for each in found:
            height = {name: each.joints[:, COCO18.index(name), 1] for name in ("neck", "left_hip", "left_ankle")}
            assert np.nanmedian(height["neck"]) < np.nanmedian(height["left_hip"]) < np.nanmedian(height["left_ankle"])
        across = [COCO18.index(f"{side}_shoulder") for side in ("right", "left")]
        facing.append(np.nanmedian(np.diff(found[0].joints[:, across, 0], axis=1)))
    assert np.median(facing) > 0  # break dancers turn: one alone may show the camera more of the back


@pytest.mark.skipif(not REAL or not REAL_VIDEO.is_file(), reason="no real video of AIST beside this checkout")
def test_the_poses_of_a_real_file_last_as_long_as_its_video():
    (found,) = read(str(REAL[0]), cameras=["c01"])
    info = probe(REAL_VIDEO, "video")
    assert (found.width_px, found.height_px) == (info.width_px, info.height_px)
    assert len(found.joints) / found.fps == pytest.approx(info.seconds, abs=0.1)
