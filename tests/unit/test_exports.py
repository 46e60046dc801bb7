"""A dance in the formats of other programs: what is read back is the dance."""

import csv
import dataclasses
import json
import tarfile

import av
import numpy as np
import pytest
from click.testing import CliRunner

from dancegen import schema, tables
from dancegen.cli import main
from dancegen.errors import BadMediaError
from dancegen.exports import formats
from dancegen.exports.bvh import BONES
from dancegen.exports.dance import Dance, load
from dancegen.exports.pose_video import draw_pose
from dancegen.exports.settings import ENDINGS
from dancegen.media.marks import BEATS_HEADER, SECTIONS_HEADER, is_ours
from dancegen.media.video import frames, probe
from dancegen.music.beats import Heard
from dancegen.music.sections import Section
from dancegen.skeleton import COCO18
from dancegen.steps.import_poses.formats import bvh, recordings
from dancegen.steps.import_poses.settings import ImportPosesConfig

FPS, FRAMES, WIDTH, HEIGHT = 25.0, 20, 320, 240
# the colour of the joints and of the bones in the published drawing code of ControlNet and DWPose
PUBLISHED = {"nose": (255, 0, 0), "neck": (255, 85, 0), "right_elbow": (255, 255, 0), "left_ankle": (85, 0, 255)}
PUBLISHED_BONES = {("neck", "right_shoulder"): (255, 0, 0), ("neck", "right_hip"): (0, 255, 0)}
STANDING = {  # pixels from the neck, the right side
    "nose": (0, -25),
    "neck": (0, 0),
    "shoulder": (-18, 0),
    "elbow": (-24, 28),
    "wrist": (-26, 55),
    "hip": (-10, 60),
    "knee": (-12, 100),
    "ankle": (-12, 140),
    "eye": (-4, -30),
    "ear": (-9, -28),
}


@pytest.fixture(scope="module")
def dance():
    """A figure whose arms turn twice around, more than half a turn away from the rest pose."""
    joints = np.ones((FRAMES, 18, 3), dtype=np.float32)
    for number, name in enumerate(COCO18.joints):
        side, _, joint = name.rpartition("_")
        joints[:, number, :2] = np.array(STANDING[joint]) * (-1 if side == "left" else 1, 1) + (160, 70)
    angle = np.linspace(0, 4 * np.pi, FRAMES)
    for side, length in (("right", 30), ("left", 20)):
        shoulder, elbow, wrist = COCO18.indices(*(f"{side}_{part}" for part in ("shoulder", "elbow", "wrist")))
        along = np.stack([np.cos(angle), np.sin(angle)], axis=1) * length
        joints[:, elbow, :2] = joints[:, shoulder, :2] + along
        joints[:, wrist, :2] = joints[:, elbow, :2] + 0.8 * along[::-1]
    beats = np.arange(8) * 0.5 + 0.25
    return Dance(
        title="my song",
        joints_px=joints,
        fps=FPS,
        width_px=WIDTH,
        height_px=HEIGHT,
        poses=joints[::2, :, :2] / 100,
        poses_fps=10.0,
        seed=7,
        checkpoint_hash="c0ffee",
        content_hash="5eed",
        heard=Heard(beats, np.arange(8) % 4, np.full(8, 4), np.zeros(8), 0.5),
        sections=[Section(0.25, 2.25, "A"), Section(2.25, 4.0, "B")],
    )


def written(dance, name, folder):
    path = folder / f"{dance.title}{ENDINGS[name]}"
    formats.write(dance, name, str(path), "512x768")
    return path


def test_a_dance_that_is_written_and_read_is_the_same(dance, tmp_path):
    path = written(dance, "npz", tmp_path)
    found = load(path, "dance")
    assert found.sections == dance.sections
    for ours, theirs in ((dance, found), (dance.heard, found.heard)):
        for field in dataclasses.fields(ours):
            one, other = getattr(ours, field.name), getattr(theirs, field.name)
            if isinstance(one, np.ndarray):
                assert np.array_equal(one, other)
                assert one.dtype == other.dtype
            elif not dataclasses.is_dataclass(one):
                assert one == other
    first = path.read_bytes()
    assert written(dance, "npz", tmp_path).read_bytes() == first
    (imported,) = recordings(ImportPosesConfig(format="npz", source=str(path), poses="poses", fps=FPS), str(path))
    np.testing.assert_allclose(imported.joints[..., :2] * (WIDTH, HEIGHT), dance.joints_px[..., :2], atol=1e-3)


def test_a_dance_tells_which_feet_bear_weight(dance, tmp_path):
    with np.load(written(dance, "npz", tmp_path)) as arrays:
        assert arrays["foot_names"].tolist() == ["right_ankle", "left_ankle"]
        assert arrays["foot_contacts"].shape == (FRAMES, 2)
        assert arrays["foot_contacts"].all()  # its arms turn, and it stands


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\3\4 damaged"])
def test_a_file_that_is_no_dance_says_so(content, tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(BadMediaError, match="is not a NumPy archive of a dance"):
        load(path, "a.npz")
    np.savez(path, joints=np.zeros((2, 18, 3)))
    with pytest.raises(BadMediaError, match="it has no array 'poses'"):
        load(path, "a.npz")


@pytest.mark.parametrize(("name", "numbers"), [("openpose18", 54), ("openpose25", 75)])
def test_our_importer_reads_the_openpose_files_back(dance, name, numbers, tmp_path):
    with tarfile.open(written(dance, name, tmp_path)) as tar:
        tar.extractall(tmp_path, filter="data")
    folder = tmp_path / "my song_openpose"
    files = sorted(folder.iterdir())
    assert len(files) == FRAMES
    (person,) = json.loads(files[0].read_text())["people"]
    assert len(person["pose_keypoints_2d"]) == numbers
    size = {"width_px": WIDTH, "height_px": HEIGHT, "source_fps": FPS}
    config = ImportPosesConfig(format="openpose", source=str(folder), poses="poses", fps=FPS, **size)
    (found,) = recordings(config, str(folder))
    np.testing.assert_allclose(found.joints[..., :2] * (WIDTH, HEIGHT), dance.joints_px[..., :2], atol=0.01)


def test_body_25_has_the_middle_of_the_hips_and_no_feet(dance, tmp_path):
    with tarfile.open(written(dance, "openpose25", tmp_path)) as tar:
        content = json.loads(tar.extractfile(tar.getmembers()[3]).read())
    person = np.array(content["people"][0]["pose_keypoints_2d"]).reshape(25, 3)
    hips = dance.joints_px[3, COCO18.indices("right_hip", "left_hip"), :2].mean(axis=0)
    np.testing.assert_allclose(person[8, :2], hips, atol=0.01)
    assert not person[19:].any()


def test_the_joints_of_a_bvh_are_within_a_pixel_of_the_dance(dance, tmp_path):
    path = written(dance, "bvh", tmp_path)
    take = bvh.parse(path.read_text(), "bvh")
    assert take.fps == pytest.approx(FPS)
    moved = bvh.forward_kinematics(take.joints, take.motion, "bvh")
    for bone, joint in zip(BONES, moved, strict=True):
        if bone.joint != "hips":
            expected = dance.joints_px[:, COCO18.index(bone.joint), :2] * (1, -1) + (0, HEIGHT)
            np.testing.assert_allclose(joint.place[:, :2], expected, atol=0.05)
        assert not joint.place[:, 2].any()
    rest = np.abs(np.diff(take.motion[:, 2::3], axis=0))
    assert rest.max() < 90  # no jump of a whole turn
    (found,) = recordings(ImportPosesConfig(format="bvh", source=str(path), poses="poses", fps=FPS), str(path))
    assert found.joints.shape == (FRAMES, 18, 3)


def test_a_pose_video_has_the_published_colours_on_black(dance, tmp_path):
    path = written(dance, "pose-video", tmp_path)
    info = probe(path, "video")
    assert (info.width_px, info.height_px, info.fps, info.has_audio) == (512, 768, FPS, False)
    (first,) = frames(path, "video", FPS, 0, 1)
    assert first[:10].max() < 8
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == FRAMES
    apart = np.ones((18, 3), dtype=np.float32)
    apart[:, :2] = 60 + 24 * np.arange(18)[:, None]
    picture = draw_pose(apart, 512, 768)
    for name, colour in PUBLISHED.items():
        x, y = apart[COCO18.index(name), :2].astype(int)
        assert tuple(picture[y, x]) == colour
        assert not picture[y + 5, x - 3].any()
    for (start, end), colour in PUBLISHED_BONES.items():
        alone = np.zeros((18, 3), dtype=np.float32)
        alone[COCO18.indices(start, end)] = ((100, 300, 1), (200, 300, 1))
        line = draw_pose(alone, 512, 768)[:, 150]
        np.testing.assert_allclose(line[300], 0.6 * np.array(colour), atol=1)
        assert 8 <= (line.max(axis=1) > 50).sum() <= 9  # four pixels to each side


def test_beats_and_sections_are_tables_and_subtitles(dance, tmp_path):
    beats = list(csv.DictReader(written(dance, "beats-csv", tmp_path).read_text().splitlines()))
    sections = list(csv.DictReader(written(dance, "sections-csv", tmp_path).read_text().splitlines()))
    assert tuple(beats[0]) == BEATS_HEADER
    assert [(row["bar"], row["beat"]) for row in beats[3:5]] == [("1", "4"), ("2", "1")]
    assert tuple(sections[0]) == SECTIONS_HEADER
    assert [(row["section"], row["bars"]) for row in sections] == [("A", "1"), ("B", "1")]
    cues = written(dance, "sections-srt", tmp_path).read_text().split("\n\n")
    assert cues[1] == "2\n00:00:02,250 --> 00:00:04,000\nsection B"
    assert written(dance, "beats-srt", tmp_path).read_text().count("-->") == 8


def test_every_file_is_known_as_ours_and_other_files_are_not(dance, tmp_path):
    for name in ENDINGS:
        path = written(dance, name, tmp_path)
        assert is_ours(path), name
        path.write_bytes(b"somebody else's")
        assert not is_ours(path), name


def test_a_dance_and_a_table_of_renders_are_exported_by_the_command(dance, tmp_path):
    path, output = written(dance, "npz", tmp_path), tmp_path / "out"
    arguments = ["export", str(path), "-o", str(output), "--format", "bvh", "--format", "sections-srt"]
    ended = CliRunner().invoke(main, arguments)
    assert ended.exit_code == 0, ended.output
    assert sorted(file.name for file in output.iterdir()) == ["my song.bvh", "my song_sections.srt"]
    (output / "my song.bvh").write_text("mine")
    ended = CliRunner().invoke(main, arguments)
    assert ended.exit_code == 2
    assert "was not written by dancegen" in ended.output
    renders = tmp_path / "renders"
    tables.begin(str(renders), schema.RENDERS, {})
    for number, exports in enumerate(([str(path)], None)):
        row = {"uri": f"song {number}", "exports": exports}
        tables.write_part(str(renders), schema.table(schema.RENDERS, [row]), f"song {number}")
    ended = CliRunner().invoke(main, ["export", str(renders), "-o", str(tmp_path / "two"), "--format", "openpose18"])
    assert ended.exit_code == 0, ended.output
    assert (tmp_path / "two" / "my song_openpose18.tar").exists()


@pytest.mark.parametrize(
    ("given", "said"), [(["--format", "gif"], "npz"), (["--format", "bvh", "--pose-size", "511x768"], "even")]
)
def test_a_wrong_format_or_size_is_one_clear_message(given, said, dance, tmp_path):
    path = written(dance, "npz", tmp_path)
    ended = CliRunner().invoke(main, ["export", str(path), "-o", str(tmp_path / "out"), *given])
    assert ended.exit_code == 2
    assert said in ended.output
    assert "Traceback" not in ended.output
