import json

import numpy as np
import psutil
import pytest

from dancegen import storage
from dancegen.errors import BadMediaError
from dancegen.skeleton import COCO18
from dancegen.steps.import_poses.formats import recordings
from dancegen.steps.import_poses.formats.recording import BadRecording, Recording
from dancegen.steps.import_poses.settings import ImportPosesConfig

SECONDS = 10


def record(seed=0, samples=SECONDS * 100, frames=SECONDS * 10):
    random = np.random.default_rng(seed)
    joints = random.uniform((1, 1), (639, 359), (frames, 18, 2)).round(2)
    return {
        "audio_sequence": random.integers(-32768, 32768, samples).tolist(),
        "joint_coors": joints.tolist(),
    }


def write(path, data, times_encoded=2, **how):
    for _ in range(times_encoded):
        data = json.dumps(data, **how)
    path.write_text(data, encoding="utf-8")
    return str(path)


def read(source, **settings):
    return list(recordings(ImportPosesConfig(format="paper_json", source=source, poses="poses", **settings), source))


@pytest.mark.parametrize("times_encoded", [1, 2])
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_each_record_is_a_recording_and_those_of_a_video_are_one_song(tmp_path, times_encoded, ensure_ascii):
    data = {'춤 "1" \\ 💃': {"010": record(0), "020": record(1)}, "b.2": {"000": record(2)}}
    source = write(tmp_path / "kpop.json", data, times_encoded, ensure_ascii=ensure_ascii)
    found = read(source)
    truth = [(video, start, data[video][start]) for video in data for start in data[video]]
    assert [each.uri for each in found] == [f"{source}#{video}/{start}" for video, start, _ in truth]
    for each, (video, _, true) in zip(found, truth, strict=True):
        assert (each.song, each.dancer, each.category) == (video, "unknown", "kpop")
        assert (each.width_px, each.height_px, each.fps, each.audio_uri) == (640, 360, 10, None)
        assert each.joints.shape == (100, 18, 3)
        assert each.joints.dtype == np.float32
        np.testing.assert_allclose(each.joints[..., :2] * (640, 360), true["joint_coors"], rtol=1e-5)
        assert (each.joints[..., 2] == 1).all()
        assert each.samples.dtype == np.float32
        np.testing.assert_allclose(each.samples * 32768, true["audio_sequence"])


def test_a_joint_at_0_0_is_missing_and_one_at_the_edge_is_not(tmp_path):
    one = record()
    one["joint_coors"][3][4] = [0, 0]
    one["joint_coors"][3][5] = [0, 20]
    joints = read(write(tmp_path / "a.json", {"v": {"0": one}}))[0].joints
    assert np.isnan(joints[3, 4, :2]).all()
    assert joints[3, 4, 2] == 0
    assert joints[3, 5].tolist() == pytest.approx([0, 20 / 360, 1])
    assert (joints[..., 2] == 0).sum() == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"joint_coors": [[[1, 2]] * (18 - frame % 2) for frame in range(100)]}, "joint_coors that is ragged"),
        ({"joint_coors": [[]] * 100}, "an empty joint_coors"),
        ({"joint_coors": [1.0] * 100}, "shape 100, not Tx18x2"),
        ({"joint_coors": [[[1, 2]] * 17] * 100}, "shape 100x17x2, not Tx18x2"),
        ({"joint_coors": [[["a", "b"]] * 18] * 100}, "ragged or not numeric"),
        ({"joint_coors": None}, "joint_coors"),
        ({"audio_sequence": []}, "an empty audio_sequence"),
        ({"audio_sequence": [[1, 2], [3]]}, "audio_sequence that is ragged"),
        ({"audio_sequence": {"a": 1}}, "audio_sequence"),
    ],
)
def test_a_bad_record_is_told_with_its_reason_and_the_others_are_read(tmp_path, change, problem):
    data = {"v": {"000": record(0), "010": record(1) | change, "020": record(2)}}
    source = write(tmp_path / "a.json", data)
    first, bad, last = read(source)
    assert isinstance(first, Recording)
    assert isinstance(last, Recording)
    assert isinstance(bad, BadRecording)
    assert bad.uri == f"{source}#v/010"
    assert bad.error.startswith(f"{source}#v/010: has ")
    assert problem in bad.error
    assert "\n" not in bad.error


@pytest.mark.parametrize("lacking", [{"joint_coors": []}, [], "text", None])
def test_a_record_without_its_parts_is_bad(tmp_path, lacking):
    (bad,) = read(write(tmp_path / "a.json", {"v": {"0": lacking}}))
    assert isinstance(bad, BadRecording)


def test_records_before_the_place_where_a_file_is_cut_off_are_kept(tmp_path):
    source = write(tmp_path / "a.json", {"v": {"000": record(0), "010": record(1)}})
    text = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(text[: int(len(text) * 0.7)])
    found = []
    with pytest.raises(BadMediaError, match=r"is truncated.*after 1 records"):
        found.extend(recordings(ImportPosesConfig(format="paper_json", source=source, poses="poses"), source))
    assert [each.uri for each in found] == [f"{source}#v/000"]


@pytest.mark.parametrize(
    "text", ["", " ", '"', '"{', "[1, 2]", '"[1]"', '{"v": 3}', r'"\q"', r'"{\ud83d}"', "\x00\x01", '"\\u12', "3"]
)
def test_a_file_that_is_not_the_papers_is_told_in_one_line(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(BadMediaError, match=r"a.json: is truncated, or not the paper's.*after 0 records") as raised:
        read(str(tmp_path / "a.json"))
    assert "\n" not in str(raised.value)


def test_bytes_that_are_no_text_are_told(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"v": "\xff\xfe"}')
    with pytest.raises(BadMediaError, match="not the paper's data"):
        read(str(tmp_path / "a.json"))


@pytest.mark.parametrize("inner_ascii", [True, False])
@pytest.mark.parametrize("outer_ascii", [True, False])
def test_escapes_are_whole_wherever_the_pieces_end(tmp_path, inner_ascii, outer_ascii):
    for shift in range(40):
        name = "x" * (65_536 - 40 + shift) + '💃é\\"\n💃'
        data = {name: {"0": {"audio_sequence": [1], "joint_coors": [[[1, 2]] * 18]}}}
        inner = json.dumps(data, ensure_ascii=inner_ascii)
        source = write(tmp_path / "a.json", inner, times_encoded=1, ensure_ascii=outer_ascii)
        assert [each.song for each in read(source)] == [name]


@pytest.mark.parametrize(
    ("file", "video", "category"),
    [
        ("ballet_revised_pose_pairs", "001", "ballet"),
        ("k-pop", "001", "kpop"),
        ("all", "popping_7", "popping"),
        ("ballet", "kpop 3", "kpop"),
        ("popular", "balletic", "street"),
    ],
)
def test_the_category_is_in_a_name_or_else_in_the_settings(tmp_path, file, video, category):
    source = write(tmp_path / f"{file}.json", {video: {"0": record()}})
    assert read(source, category="street")[0].category == category


def test_poses_are_resampled_to_the_wanted_rate(tmp_path):
    one = record()
    (found,) = read(write(tmp_path / "a.json", {"v": {"0": one}}), fps=5)
    assert (len(found.joints), found.fps) == (50, 5)
    np.testing.assert_allclose(found.joints[7, :, :2] * (640, 360), one["joint_coors"][14], rtol=1e-5)


def test_pixels_are_of_the_picture_that_the_settings_name(tmp_path):
    one = record()
    (found,) = read(write(tmp_path / "a.json", {"v": {"0": one}}), width_px=1280, height_px=720)
    assert (found.width_px, found.height_px) == (1280, 720)
    assert found.joints[0, COCO18.index("nose"), 0] == pytest.approx(one["joint_coors"][0][0][0] / 1280)


def test_a_file_on_s3_is_read(tmp_path, s3):
    write(tmp_path / "a.json", {"v": {"0": record()}})
    storage.write_bytes(f"{s3}/a.json", (tmp_path / "a.json").read_bytes())
    (found,) = read(f"{s3}/a.json")
    assert found.uri == f"{s3}/a.json#v/0"


def test_memory_is_that_of_one_record_and_not_of_the_file(tmp_path):
    one = json.dumps(json.dumps(record(samples=160_000)))[1:-1]
    with open(tmp_path / "big.json", "w") as file:
        file.write('"{')
        for number in range(40):
            file.write(("" if number == 0 else ", ") + rf"\"{number}\": {{\"000\": {one}}}")
        file.write('}"')
    size = (tmp_path / "big.json").stat().st_size
    assert size > 40e6  # as lists of numbers it would be 200 MB
    read(write(tmp_path / "small.json", {"v": {"0": record(samples=160_000)}}))  # what is imported, and the first lists
    before = psutil.Process().memory_info().rss
    source = str(tmp_path / "big.json")
    reading = recordings(ImportPosesConfig(format="paper_json", source=source, poses="poses"), source)
    grown = [psutil.Process().memory_info().rss - before for _ in reading]
    assert len(grown) == 40
    assert max(grown) < 40e6
