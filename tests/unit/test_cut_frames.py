"""Footage becomes frames with joints, mattes and flow; footage that is unfit is refused with the reason."""

from functools import partial

import cv2
import numpy as np
import pyarrow as pa
import pytest

from dancegen import schema, storage, tables
from dancegen.errors import BadMediaError
from dancegen.media.video import frames
from dancegen.renderer.driving.body_fit import Body, floor_line, measure
from dancegen.skeleton import COCO18
from dancegen.steps.cut_frames.conclude import ConcludeFootage
from dancegen.steps.cut_frames.cut import BETWEEN, BLURRED, NO_DANCER, SAME, CutFrames
from dancegen.steps.cut_frames.page import write_page
from dancegen.steps.cut_frames.pipeline import _segments, _videos
from dancegen.steps.cut_frames.poses import distinct_poses, standing_height
from dancegen.steps.cut_frames.settings import CutFramesConfig
from dancegen.steps.cut_frames.splits import GAP, TEST, TRAIN, VALIDATION, splits_of
from dancegen.steps.cut_frames.survey import SurveyFootage
from dancegen.steps.cut_frames.verdict import check_variety
from dancegen.steps.cut_frames.vision.crop import Crop, choose_crop
from dancegen.steps.cut_frames.vision.flow import small_flow
from dancegen.steps.cut_frames.vision.matte import difference_matte
from dancegen.steps.cut_frames.vision.plate import clean_plate
from dancegen.steps.cut_frames.vision.region import person_region

SHORT = {"min_usable_s": 5, "warn_usable_s": 10, "min_poses": 1}
SIZE = {"height_px": 128, "width_px": 128}


def cut_all(folder, verdict=SHORT, **settings):
    """Do the three passes for all videos of the table of poses; the rows of schema.FOOTAGE."""
    config = CutFramesConfig(
        **{"poses": f"{folder}/poses", "frames": f"{folder}/frames", "verdict": verdict, **SIZE, **settings}
    )
    poses = tables.read(config.poses, schema.POSES).to_pylist()
    survey, segments = f"{config.frames}_survey", f"{config.frames}_segments"
    rows = []
    for pose, video in zip(poses, _videos(config, poses), strict=True):
        found = SurveyFootage(config)(pa.Table.from_pylist([video]))
        tables.write_part(survey, found, video["uri"])
        parts = [] if found["error"][0].is_valid else _segments(config, pose)
        for part in parts:
            tables.write_part(segments, CutFrames(config, survey)(pa.Table.from_pylist([part])), part["uri"])
        conclude = ConcludeFootage(config, survey, segments, f"{folder}/report")
        names = [part["uri"] for part in parts]
        rows += conclude(pa.Table.from_pylist([{**video, "segments": names}])).to_pylist()
    return rows


@pytest.fixture
def cut(tmp_path):
    """`cut_all` for the folder of the test."""
    return partial(cut_all, tmp_path)


@pytest.fixture(scope="module")
def usual(tmp_path_factory, make_footage):
    """Good footage: the film, its row of schema.FOOTAGE, and its rows of schema.FRAMES by index."""
    folder = tmp_path_factory.mktemp("usual")
    film = make_footage(folder)
    (footage,) = cut_all(folder)
    return film, footage, {frame["index"]: frame for frame in frames_of(folder)}


def frames_of(folder):
    return sorted(tables.read(f"{folder}/frames", schema.FRAMES).to_pylist(), key=lambda frame: frame["index"])


def decoded(data, how=cv2.IMREAD_COLOR):
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    return picture[..., ::-1] if how == cv2.IMREAD_COLOR else picture


def joints_of(frame):
    return schema.from_bytes(frame["joints"], "float32", 18, 3)


def cropped(picture, footage):
    return Crop(*footage["crop"]).cut(picture, footage["height_px"], footage["width_px"])


def test_the_crop_holds_the_dancer_and_the_joints_lie_on_the_figure(usual):
    _, footage, frames = usual
    assert footage["error"] is None
    assert footage["crop"][2] == footage["crop"][3] <= 144
    for frame in list(frames.values())[::10]:
        joints = joints_of(frame)[:, :2]
        assert ((joints > 0.02) & (joints < 0.98)).all()
        x, y = (joints[COCO18.index("neck")] * 128).astype(int)
        red, green, _ = decoded(frame["jpeg"])[y, x].astype(int)
        assert red - green > 100


def test_the_clean_plate_is_the_wall_without_the_figure(usual):
    film, footage, _ = usual
    difference = np.abs(decoded(footage["plate"]).astype(int) - cropped(film.wall, footage))
    assert footage["plate_coverage"] > 0.98
    assert difference.mean() < 3
    assert np.percentile(difference, 99) < 16


def test_the_matte_is_where_the_figure_is(usual):
    film, footage, frames = usual
    ratios = []
    for frame in frames.values():
        mask = np.repeat(film.masks[frame["index"]][..., None], 3, axis=-1).astype(np.uint8) * 255
        truth = cropped(mask, footage)[..., 0] > 127
        found = decoded(frame["matte"], cv2.IMREAD_GRAYSCALE) > 127
        ratios.append((truth & found).sum() / (truth | found).sum())
    assert np.mean(ratios) > 0.8
    assert min(ratios) > 0.7


def test_a_shadow_on_the_floor_is_not_part_of_the_person():
    plate = np.full((96, 96, 3), (180, 170, 150), np.uint8)
    person = np.zeros((96, 96), bool)
    person[20:70, 40:56] = True
    picture = plate.copy()
    picture[66:80, 30:80] = (0.7 * plate[66:80, 30:80]).astype(np.uint8)
    picture[person] = (40, 60, 200)
    wide, floor = np.zeros((96, 96), bool), np.zeros((96, 96), bool)
    wide[10:90, 25:85], floor[45:] = True, True
    core = np.zeros((96, 96), bool)
    core[25:65, 46:50] = True
    matte = difference_matte(picture, plate, wide, floor & ~core, core) > 127
    assert (matte & person).sum() / (matte | person).sum() > 0.9


def test_the_flow_of_a_shift_is_that_shift_backwards():
    texture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (140, 140, 3)).astype(np.uint8), (7, 7), 0)
    before, now = texture[10:106, 10:106], texture[7:103, 14:110]  # what was at (x, y) is now at (x - 4, y + 3)
    flow, valid = small_flow(np.ascontiguousarray(before), np.ascontiguousarray(now))
    assert (flow.shape, flow.dtype, valid.shape, valid.dtype) == ((2, 24, 24), np.float16, (24, 24), np.uint8)
    assert valid[3:-3, 3:-3].mean() > 0.95
    np.testing.assert_allclose(np.median(flow, axis=(1, 2)), (4, -3), atol=0.25)


def test_flow_is_invalid_where_the_content_is_new():
    random = np.random.default_rng(0)
    before = cv2.GaussianBlur(random.integers(0, 255, (96, 96, 3)).astype(np.uint8), (5, 5), 0)
    now = before.copy()
    now[32:64, 32:64] = cv2.GaussianBlur(random.integers(0, 255, (32, 32, 3)).astype(np.uint8), (5, 5), 0)
    _, valid = small_flow(before, now)
    assert valid[10:14, 10:14].mean() < 0.4
    assert valid[:6].mean() > 0.9


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        ({"pan_px": 0.5}, "the camera moves"),
        ({"pan_px": 3.0}, "the camera moves"),
        ({"brighter": 0.4}, "the exposure drifts by"),
        ({"seconds": 3}, "only 3.0 s of it are usable; at least 5 s are required. Film three minutes or more"),
        ({"people": 2.4}, "shows 2.4 people per frame"),
        ({"cuts": [40]}, "is not one continuous shot: the first cut is at 4.0 s"),
        ({"error": "a.mp4: no dancer was found."}, "has no poses: a.mp4: no dancer was found."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_unfit_footage_is_refused_with_the_reason(tmp_path, make_footage, cut, film, reason):
    uri = make_footage(tmp_path, **film).row["uri"]
    (footage,) = cut()
    assert footage["error"].startswith(f"{uri}: {reason}")
    assert footage["frames"] is None
    assert footage["left_out"] is not None, "a verdict, not a failure"
    assert not tables.parts(f"{tmp_path}/frames")


def test_a_dancer_at_the_edge_of_the_frame_is_refused(tmp_path, make_footage, cut):
    film = make_footage(tmp_path)
    joints = schema.from_bytes(film.row["joints"], "float32", -1, 18, 3).copy()
    joints[..., 0] -= 0.35
    row = {**film.row, "joints": schema.to_bytes(joints, "float32")}
    tables.write_part(f"{tmp_path}/poses", schema.table(schema.POSES, [row]), row["uri"])
    (footage,) = cut()
    assert "the dancer is cut off by the edge of the frame" in footage["error"]


def test_a_video_that_cannot_be_decoded_is_a_failure_with_a_reason(tmp_path, make_footage, cut):
    film = make_footage(tmp_path)
    storage.write_bytes(film.row["uri"], b"no video")
    (footage,) = cut()
    assert "cannot be opened" in footage["error"]
    assert footage["left_out"] is None


def test_soft_findings_are_warnings(usual):
    _, footage, _ = usual
    assert footage["error"] is None
    assert any("poses per second are few; extract the poses with fps=30" in text for text in footage["warnings"])
    assert any("10 s or more are recommended" in text for text in footage["warnings"])
    assert any("distinct poses are few" in text for text in footage["warnings"])
    assert footage["note"] == "; ".join(footage["warnings"])


def test_frames_too_few_after_the_cut_are_deleted(tmp_path, make_footage, cut):
    make_footage(tmp_path, still=range(10, 70))
    (footage,) = cut(verdict={"min_usable_s": 6, "min_poses": 1})
    assert "s of it are usable; at least 6 s are required" in footage["error"]
    assert not tables.parts(f"{tmp_path}/frames")


def test_frames_without_the_dancer_or_without_change_are_left_out_and_counted(tmp_path, make_footage, cut):
    make_footage(tmp_path, away=range(20, 30), still=range(40, 50))
    (footage,) = cut(gap_s=0.5)
    left_out = dict(footage["left_out"])
    assert left_out[NO_DANCER] == 10
    assert left_out[SAME] >= 8
    assert left_out[BETWEEN] == 10
    kept = [frame["index"] for frame in frames_of(tmp_path)]
    assert not set(kept) & set(range(20, 30))
    assert len(kept) + sum(left_out.values()) == 80
    assert footage["frames"] == len(kept)
    assert footage["usable_s"] == pytest.approx(len(kept) / 10)
    assert any("of the frames repeat the one before" in text for text in footage["warnings"])


def test_blurred_frames_are_left_out(tmp_path, make_footage, make_video, cut):
    make_footage(tmp_path)
    pictures = list(frames(tmp_path / "a.mp4", "a", 10))
    pictures[20:23] = [cv2.GaussianBlur(picture, (0, 0), 4) for picture in pictures[20:23]]
    make_video(tmp_path / "a.mp4", pictures, 10)
    (footage,) = cut()
    assert dict(footage["left_out"])[BLURRED] == 3
    kept = {frame["index"]: frame for frame in frames_of(tmp_path)}
    assert not {20, 21, 22} & set(kept)
    assert kept[23]["flow"] is None, "its previous frame was left out"
    assert kept[24]["flow"] is not None


def test_flow_is_of_consecutive_frames(usual):
    _, _, frames = usual
    for index, frame in frames.items():
        assert (frame["flow"] is not None) == (index - 1 in frames)
    assert schema.from_bytes(frames[30]["flow"], "float16", 2, 32, 32).any()
    assert schema.from_bytes(frames[30]["flow_valid"], "uint8", 32, 32).any()


def test_segments_make_no_difference(usual, tmp_path, make_footage, cut):
    _, _, whole = usual
    make_footage(tmp_path)
    cut(segment_s=2.0)
    assert len(tables.parts(f"{tmp_path}/frames", "train")) == 4
    several = {frame["index"]: frame for frame in frames_of(tmp_path)}
    for column in ("frame_id", "split", "jpeg", "matte", "flow"):
        assert {index: row[column] for index, row in several.items()} == {
            index: row[column] for index, row in whole.items()
        }


def test_ids_follow_the_content_and_not_the_name_of_the_file(usual, tmp_path, make_footage, cut):
    film, _, frames = usual
    other = make_footage(tmp_path, "renamed")
    cut()
    assert other.row["uri"] != film.row["uri"]
    assert [frame["frame_id"] for frame in frames_of(tmp_path)] == [frame["frame_id"] for frame in frames.values()]


def test_a_copy_of_a_video_is_refused(tmp_path, make_footage, cut):
    make_footage(tmp_path, "a")
    make_footage(tmp_path, "b")
    errors = {storage.name(row["uri"]): row["error"] for row in cut()}
    assert errors["a.mp4"] is None
    assert "is a duplicate of" in errors["b.mp4"]


def test_missing_joints_stay_missing_and_a_hidden_face_has_no_box(tmp_path, make_footage, cut):
    film = make_footage(tmp_path)
    joints = schema.from_bytes(film.row["joints"], "float32", -1, 18, 3).copy()
    hidden = COCO18.indices("right_wrist", "nose", "right_eye", "left_eye")
    joints[40, hidden] = (np.nan, np.nan, 0)
    row = {**film.row, "joints": schema.to_bytes(joints, "float32")}
    tables.write_part(f"{tmp_path}/poses", schema.table(schema.POSES, [row]), row["uri"])
    cut()
    frames = {frame["index"]: frame for frame in frames_of(tmp_path)}
    assert np.isnan(joints_of(frames[40])[hidden, :2]).all()
    assert (joints_of(frames[40])[hidden, 2] == 0).all()
    assert frames[40]["face"] is None
    x, y, width, height = schema.from_bytes(frames[41]["face"], "float32", 4)
    nose_x, nose_y = joints_of(frames[41])[0, :2]
    assert x < nose_x < x + width
    assert y < nose_y < y + height


def test_neither_matte_nor_flow_is_made_when_they_are_off(tmp_path, make_footage, cut):
    make_footage(tmp_path)
    cut(matte="none", flow=False)
    assert all(frame["matte"] is frame["flow"] is frame["flow_valid"] is None for frame in frames_of(tmp_path))


def test_splits_follow_each_other_with_gaps():
    splits = splits_of(np.ones(1000, bool), 10, 0.1, 0.1, 2.0)
    assert splits == [TRAIN] * 800 + [GAP] * 20 + [VALIDATION] * 80 + [GAP] * 20 + [TEST] * 80


def test_the_shares_of_the_splits_are_of_the_time_with_the_dancer():
    present = np.ones(1000, bool)
    present[:500] = False
    splits = splits_of(present, 10, 0.1, 0.1, 0.0)
    assert [splits.count(split) for split in (TRAIN, VALIDATION, TEST)] == [900, 50, 50]


def test_nothing_is_held_out_when_nothing_is_asked_for():
    assert set(splits_of(np.ones(50, bool), 10, 0.0, 0.0, 2.0)) == {TRAIN}


def test_a_crop_larger_than_the_frame_repeats_its_edge():
    picture = np.zeros((40, 20, 3), np.uint8)
    picture[:, :10], picture[:, 10:] = 50, 200
    crop = choose_crop(np.array([[2.0, 1, 18, 39]]), 20, 40, 32, 32)
    assert crop == Crop(-9, 1, 38, 38)
    assert crop.beyond(20, 40) == pytest.approx(18 / 38)
    made = crop.cut(picture, 32, 32)
    assert (made[:, :8] == 50).all()
    assert (made[:, -8:] == 200).all()


def test_single_wrong_joints_do_not_widen_the_crop():
    boxes = np.tile([40.0, 20, 60, 80], (1000, 1))
    boxes[5] = (0, 0, 200, 100)
    assert choose_crop(boxes, 200, 100, 64, 64).height <= 68


def test_pixels_that_are_never_visible_are_inpainted_and_counted():
    pictures = np.full((10, 32, 32, 3), 90, np.uint8)
    person = np.zeros((10, 32, 32), bool)
    person[:, 8:16, 8:16] = True
    pictures[person] = 255
    plate = clean_plate(pictures, person)
    assert plate.coverage == pytest.approx(1 - 64 / 1024)
    assert np.abs(plate.picture.astype(int) - 90).max() <= 2


def test_missing_joints_leave_no_pixel_in_the_region():
    assert not person_region(np.full((18, 3), np.nan), 30.0, 0.2, 64, 64).any()
    joints = np.zeros((18, 3))
    joints[COCO18.index("right_knee")] = (20, 20, 0.9)
    assert not person_region(joints, 30.0, 0.2, 64, 64).any()


def test_the_body_is_measured_in_torsos_whatever_the_aspect():
    joints = np.zeros((20, 18, 3))
    joints[..., 2] = 1
    places = {"neck": (0.5, 0.2), "right_hip": (0.4, 0.5), "left_hip": (0.6, 0.5), "left_knee": (0.6, 0.7)}
    for joint, place in places.items():
        joints[:, COCO18.index(joint), :2] = place
    joints[:, COCO18.indices("right_ankle", "left_ankle"), 1] = 0.9
    joints[:, COCO18.index("nose")] = (np.nan, np.nan, 0)
    body = measure(joints, 0.5)
    assert body.torso == pytest.approx(0.3)
    assert body.floor_y == pytest.approx(0.9)
    bones = dict(zip(COCO18.bones, body.bones, strict=True))
    assert bones["left_hip", "left_knee"] == pytest.approx(2 / 3)
    assert bones["neck", "right_hip"] == pytest.approx(np.hypot(0.05, 0.3) / 0.3)
    assert np.isnan(bones["neck", "nose"])


@pytest.mark.parametrize("poses", [1, 3, 40])
def test_distinct_poses_are_counted_once_however_often_and_inexactly_they_are_shown(poses):
    random = np.random.default_rng(0)
    shown = random.uniform(0.2, 0.8, (poses, 18, 2))
    shown[:, COCO18.indices("right_hip", "left_hip")] = 0.5
    joints = np.concatenate([shown.repeat(20, axis=0), np.ones((20 * poses, 18, 1))], axis=-1)
    joints[..., :2] += random.normal(0, 0.005, (*joints.shape[:2], 2))
    joints[3, 4] = (np.nan, np.nan, 0)
    body = Body(np.ones(17, np.float32), torso=0.3, floor_y=0.9, aspect=1.0)
    assert distinct_poses(random.permutation(joints), body) == pytest.approx(poses, rel=0.3)
    assert distinct_poses(joints[3:4], body) == 0


def test_footage_of_few_poses_is_refused_and_of_not_many_has_a_warning():
    limits = CutFramesConfig(poses="poses", frames="frames").verdict
    with pytest.raises(BadMediaError, match="shows 3 distinct poses; at least 4 are required"):
        check_variety("a.mp4", 3, limits)
    assert "15 distinct poses are few" in check_variety("a.mp4", 15, limits)[0]
    assert check_variety("a.mp4", 16, limits) == []


def test_the_standing_height_is_that_of_the_head_above_the_floor_and_bowing_does_not_change_it():
    joints = np.ones((40, 18, 3))
    joints[:, COCO18.index("nose"), 1] = 0.3
    joints[:, COCO18.index("left_eye"), 1] = 0.28
    joints[25:] = (0.5, 0.7, 1.0)
    body = Body(np.ones(17, np.float32), torso=0.3, floor_y=0.9, aspect=1.0)
    assert standing_height(joints, body) == pytest.approx(0.62)
    assert np.isnan(standing_height(joints * 0, body))


def test_jumps_and_errors_do_not_move_the_floor():
    ankles = np.full((100, 2), 0.9) + np.random.default_rng(0).normal(0, 0.004, (100, 2))
    ankles[:30] -= 0.2
    ankles[95:] += 0.3
    ankles[40] = np.nan
    assert floor_line(ankles.ravel(), 0.02) == pytest.approx(0.9, abs=0.01)


def test_the_page_shows_each_video_with_its_reason_or_its_picture(tmp_path, make_footage, cut):
    make_footage(tmp_path, "good")
    make_footage(tmp_path, "short", seconds=3)
    write_page(f"{tmp_path}/report", "Frames", cut(matte="none"))
    page = storage.read_text(f"{tmp_path}/report/index.html")
    assert page.index("set aside: only 3.0 s") < page.index("good.mp4")
    (picture,) = storage.find(f"{tmp_path}/report", (".jpg",))
    assert storage.name(picture) in page
    assert decoded(storage.read_bytes(picture)).shape == (512, 9 * 256, 3)
