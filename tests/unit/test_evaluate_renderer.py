"""Scores of generated frames whose faults are known, and of a tiny person on a tiny table."""

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from dancegen import schema, tables
from dancegen.checkpoints import person as people_files
from dancegen.config import validate
from dancegen.errors import ConfigError, TableError
from dancegen.metrics.video.appearance import pooled
from dancegen.metrics.video.intervals import difference_interval
from dancegen.renderer.classifiers.efficientnet_lite import EfficientNetLiteFeatures
from dancegen.steps.evaluate_renderer.measures import (
    FRECHET,
    Judges,
    Segment,
    back_and_forth,
    measure_drift,
    measure_generated,
    measure_real,
)
from dancegen.steps.evaluate_renderer.page import ABOUT, Report, Shown, page
from dancegen.steps.evaluate_renderer.people import Rated, labels, rated
from dancegen.steps.evaluate_renderer.pictures import comparison, heat, write_comparison
from dancegen.steps.evaluate_renderer.scores import REAL, Row, compare_clips, summarize
from dancegen.steps.evaluate_renderer.segments import longest, places, read_segment, training_frames
from dancegen.steps.evaluate_renderer.settings import EvaluateRendererConfig
from dancegen.steps.evaluate_renderer.stage import EvaluateSegments
from dancegen.steps.train_renderer import frames as train_frames

FRAMES, SIZE = 4, 64
DRIFT = {"sharpness_ratio", "sharpness_slope", "colour_slope"}


class Blind:
    """An estimator that finds nobody."""

    name, reads_files = "blind", False

    def __call__(self, part, pictures):
        return [np.zeros((0, 18, 3), dtype=np.float32) for _ in pictures]


def segment(seed=0):
    """A textured square that moves over a textured background."""
    random = np.random.default_rng(seed)
    wall, person = (cv2.GaussianBlur(random.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8), (0, 0), 1) for _ in "ab")
    real, mattes = np.stack([wall] * FRAMES), np.zeros((FRAMES, SIZE, SIZE), dtype=np.uint8)
    for number in range(FRAMES):
        place = (slice(20, 44), slice(20 + 2 * number, 44 + 2 * number))
        real[number][place], mattes[number][place] = person[:24, :24], 255
    return Segment(f"segment {seed}", 10.0, real, np.zeros((FRAMES, 18, 3), dtype=np.float32), mattes)


def blurred(pictures):
    return np.stack([cv2.GaussianBlur(each, (0, 0), 1.5) for each in pictures])


def trembling(pictures):
    shaken = pictures.astype(np.int16)
    shaken[::2] += 12
    return np.clip(shaken, 0, 255).astype(np.uint8)


def rows_of(fault, judges=Judges(), whose="generated", segments=3):  # noqa: B008
    rows = []
    for one in map(segment, range(segments)):
        rows += [Row(one.name, whose, *each[:3]) for each in measure_generated(one, fault(one.real), judges)]
        rows += [Row(one.name, REAL, *each[:3]) for each in measure_real(one, judges)]
    return rows


def scores(fault, judges=Judges()):  # noqa: B008
    found = summarize(rows_of(fault, judges), ["generated"], seed=0, resamples=50)
    return {(score.metric, score.whose): score.interval for score in found}


def features():
    torch.manual_seed(0)
    return EfficientNetLiteFeatures().requires_grad_(False).train()


def test_real_frames_as_generated_ones_are_perfect_and_have_the_floor():
    found = scores(lambda pictures: pictures)
    assert found["ssim", "generated"].value == pytest.approx(1)
    assert found["gmsd_box", "generated"].value == 0
    assert ("psnr", "generated") not in found  # infinite
    for name in ("flicker_background", "flicker_ring", "warp_error", "sharpness"):
        assert found[name, "generated"] == found[name, REAL]
    assert found["flicker_background", "real"].value == 0


def test_a_blur_is_told_by_similarity_and_sharpness_and_not_by_flicker():
    found = scores(blurred)
    assert found["ssim_box", "generated"].value < 0.95
    assert found["sharpness", "generated"].value < 0.2 * found["sharpness", "real"].value
    assert found["flicker_background", "generated"].value < 0.01


def test_trembling_is_told_by_flicker_and_warp_error_and_not_by_sharpness():
    found = scores(trembling)
    assert found["flicker_background", "generated"].value == pytest.approx(12 / 255, rel=0.05)
    assert found["warp_error", "generated"].value > found["warp_error", "real"].value + 0.03
    assert found["sharpness", "generated"].value == pytest.approx(found["sharpness", "real"].value, rel=0.1)


def test_networks_add_their_metrics():
    network = features()
    found = scores(blurred, Judges(features=network, footage=pooled(network, segment(9).real)))
    assert found["perceptual_box", "generated"].value > 0
    assert found["likeness", REAL].high <= 1


def test_clips_of_blurred_frames_are_farther_from_the_real_ones_than_those_of_real_frames():
    network, clips = features(), {REAL: [], "same": [], "soft": []}
    for number in range(3):
        one = segment(number)
        frames, joints, mattes = (values.repeat(4, axis=0) for values in (one.real, one.joints, one.mattes))
        each = Segment(one.name, one.fps, frames, joints, mattes)
        for whose, pictures in ((REAL, frames), ("same", frames), ("soft", blurred(frames))):
            measured = measure_generated(each, pictures, Judges(features=network))
            (found,) = [np.frombuffer(one.clips, "<f4") for one in measured if one.clips is not None]
            clips[whose].append(found.reshape(1, -1))
    same, soft = compare_clips(clips, ["same", "soft"], seed=0, resamples=20)
    assert (same.whose, same.segments) == ("same", 3)
    assert 0 <= same.interval.value < soft.interval.value
    assert compare_clips({name: found[:1] for name, found in clips.items()}, ["same", "soft"], 0, 20) == []


def test_every_metric_has_a_line_on_the_page():
    footage = np.random.default_rng(0).normal(size=(3, 320))
    rows = rows_of(blurred, Judges(Blind(), features(), footage), segments=1)
    assert {row.metric for row in rows} | DRIFT | {FRECHET} == set(ABOUT)


def test_segments_are_weighted_by_their_counts_and_a_metric_that_none_has_is_left_out():
    rows = [Row("a", "x", "detected", 9, 10), Row("b", "x", "detected", 0, 30), Row("a", "x", "sharpness_ratio", 0, 0)]
    (score,) = summarize(rows, ["x"], seed=0, resamples=20)
    assert score.interval.value == pytest.approx(9 / 40)
    assert (score.segments, score.difference) == (2, None)


def test_a_difference_is_certain_where_the_segments_differ_more_than_the_people():
    difficulty = np.linspace(1, 5, 12)
    rows = [Row(str(n), "ours", "gmsd", 10 * hard, 10) for n, hard in enumerate(difficulty)]
    rows += [Row(str(n), "theirs", "gmsd", 10 * hard + 1, 10) for n, hard in enumerate(difficulty)]
    rows += [Row("only theirs", "theirs", "gmsd", 900.0, 10)]
    ours, theirs = summarize(rows, ["ours", "theirs"], seed=0, resamples=200)
    assert ours.interval.high > theirs.interval.low, "the intervals overlap"
    assert ours.difference is None
    assert theirs.difference is not None
    assert tuple(theirs.difference) == pytest.approx((0.1, 0.1, 0.1))
    none = np.zeros(3)
    assert difference_interval((none, none), (none, none), 0, 20) is None


def test_a_video_that_blurs_over_a_minute_drifts():
    picture, matte = segment().real[0], segment().mattes[0]
    frames = [cv2.GaussianBlur(picture, (0, 0), 0.3 + number / 300) for number in range(300)]
    found = {name: total for name, total, *_ in measure_drift(frames, [matte] * 300, 5.0)}
    assert found["sharpness_ratio"] < 0.6
    assert found["sharpness_slope"] < 0
    assert abs(found["colour_slope"]) < 1e-3
    assert measure_drift(frames[:100], [matte] * 100, 5.0)[0].items == 0, "it ends before its late seconds"


def test_a_short_run_is_played_back_and_forth_to_a_long_one():
    assert back_and_forth(4, 10).tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]
    assert back_and_forth(1, 3).tolist() == [0, 0, 0]


def test_the_panels_show_difference_and_flicker_beyond_the_real_motion():
    real = segment().real
    first, second = list(comparison(real, trembling(real)))[:2]
    assert first.shape == (SIZE, 4 * SIZE, 3)
    assert (first[:, :SIZE] == real[0]).all()
    assert first[:, 2 * SIZE : 3 * SIZE].max() > 0
    assert first[:, 3 * SIZE :].max() == 0  # no frame before
    assert second[:, 3 * SIZE :].max() > 0
    assert all((frame[:, 2 * SIZE :] == 0).all() for frame in comparison(real, real))
    assert heat(np.array([[0.0, 300.0]])).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_the_page_shows_people_beside_each_other_and_marks_the_network_of_the_loss(tmp_path):
    real = segment().real
    write_comparison(tmp_path / "a.mp4", real, trembling(real), 10)
    with av.open(str(tmp_path / "a.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == FRAMES
    rows = [*rows_of(blurred, whose="ours"), *rows_of(trembling, whose="theirs")]
    rows += [Row("segment 0", "ours", "perceptual_box", 2.0, 4)]
    config = EvaluateRendererConfig(frames=str(tmp_path), people=("a", "b"))
    about = {"name": "A <person>", "consent": "She agrees.", "card": {"epoch": 3, "updates": 99}}
    known = [Rated("a", "ours", "0", about, True, None), Rated("b", "theirs", "1", about, False, None)]
    report = Report(config, known, summarize(rows, ["ours", "theirs"], 0, 20), 3, 12, ["A note."])
    text = page(report, [Shown("ours", "segment", "videos/first & last.mp4", "videos/a.png")])
    assert "A &lt;person&gt;" in text
    assert 'src="videos/first%20%26%20last.mp4"' in text
    for part in ("theirs &minus; ours", "biased in favour", "fewer than 10 segments", "A note.", "She agrees."):
        assert part in text
    assert 'class="number certain"' in text
    assert "biased" not in page(Report(config, known[1:], report.scores, 20, 99, []), [])


def test_a_split_is_cut_into_segments_of_nearly_equal_length_between_its_gaps(tmp_path, make_frames):
    uri = make_frames(str(tmp_path / "frames"), train=3, validation=21, test=9)
    found = places(uri, "validation", 8, 100)
    assert [(place.first, place.frames) for place in found] == [(23, 7), (30, 7), (37, 7)]
    assert [place.first for place in places(uri, "validation", 8, 2)] == [23, 37]
    assert found[0].name == "0123456789abcdef@23+7"
    one = read_segment(uri, found[1])
    assert (one.real.shape, one.mattes.shape, one.fps) == ((7, 32, 32, 3), (7, 32, 32), 10.0)
    assert set(np.unique(one.mattes)) == {0, 255}
    assert [len(pictures) for pictures, _ in training_frames(uri)] == [3]
    with pytest.raises(TableError, match="holds no 4 consecutive frames of split=train"):
        places(uri, "train", 8, 100)


def test_frames_without_a_matte_are_refused(tmp_path, make_frames):
    uri = make_frames(str(tmp_path / "frames"), validation=8)
    (part,) = tables.parts(uri, "validation")
    rows = [row | {"matte": None} for row in tables.read(part, schema.FRAMES).to_pylist()]
    tables.write_part(uri, schema.table(schema.FRAMES, rows), "validation", folder="validation")
    (place,) = places(uri, "validation", 8, 1)
    with pytest.raises(TableError, match="without a matte"):
        read_segment(uri, place)


@pytest.fixture
def config(tmp_path, make_frames, tiny_person):
    """A table with held-out frames, and a person for them."""
    people_files.save(tmp_path / "person.safetensors", tiny_person)
    given = {"frames": make_frames(str(tmp_path / "frames"), test=9), "people": str(tmp_path / "person.safetensors")}
    given |= {"output": str(tmp_path / "out"), "perceptual": {"kind": "none"}, "pose_consistency": False}
    return validate(EvaluateRendererConfig, given)


def test_a_row_is_a_segment_of_one_person_with_its_pictures_or_of_the_real_frames(tmp_path, config):
    (place,) = places(config.frames, "test", 16, 1)
    row = {"uri": "x", "version": "1", "checkpoint_hash": "abc", "segment": place.name, "frames": place.frames}
    row |= {"video_uri": place.video_uri, "first": place.first, "attempts": 1, "drift_s": 0.0}
    stage = EvaluateSegments(config)
    made = stage.rows(row | {"person": config.people[0], "pictures": str(tmp_path / "seen")})
    assert {one["metric"] for one in made} == set(ABOUT) - DRIFT - {
        *("perceptual_box", "likeness", FRECHET, "pck_0.1", "pck_0.2", "detected")
    }
    assert made == [
        one | {"wall_s": made[0]["wall_s"]} for one in stage.rows(row | {"person": config.people[0], "pictures": None})
    ]
    assert np.asarray(cv2.imread(str(tmp_path / "seen.png"))).shape == (4 * 32, 4 * 32, 3)
    real = stage.rows(row | {"person": None, "pictures": None})
    assert {one["metric"] for one in real} < {one["metric"] for one in made}
    (bad,) = stage.rows(row | {"person": None, "pictures": None, "frames": 99})
    assert "has 9 of the 99 frames" in bad["error"]


def test_the_drift_of_a_minute_is_measured_on_frames_that_follow_each_other(config):
    place = longest(config.frames, "test")
    row = {"uri": "x", "version": "1", "checkpoint_hash": None, "segment": "drift", "frames": place.frames}
    row |= {"video_uri": place.video_uri, "first": place.first, "pictures": None}
    stage = EvaluateSegments(config)
    for person, seconds in ((None, 60.0), (config.people[0], 2.0)):
        found = {one["metric"]: one for one in stage.rows(row | {"person": person, "drift_s": seconds})}
        assert found.keys() == DRIFT
        assert [found[name]["items"] for name in ("sharpness_slope", "colour_slope")] == [1, 1]
        assert found["sharpness_ratio"]["items"] == (seconds == 60)
    assert place.frames == 9


def test_people_have_short_distinct_labels():
    assert labels(["/runs/a/person.safetensors"]) == ["person"]
    assert labels(["/runs/default/person.safetensors", "/runs/paper/person.safetensors"]) == ["default", "paper"]
    assert labels(["/p/a.safetensors", "/p/q/b.safetensors"]) == ["a", "q-b"]
    assert labels(["/p/x.safetensors", "/p/q/x.safetensors"]) == ["1", "2-q"]
    assert labels(["/p/real/x.safetensors", "/p/b/x.safetensors"]) == ["1-real", "2-b"]


def test_a_person_that_was_trained_on_other_frames_has_a_note(config, tiny_person):
    data = train_frames.summarize(config.frames)
    notes = []
    for card in ({"data_hash": data.data_hash}, {"data_hash": "another"}):
        people_files.save(Path(config.people[0]), replace(tiny_person, card=card))
        notes.append(rated(config, data)[0].note)
    assert notes[0] is None
    assert "trained on another table" in notes[1]


def test_a_person_of_another_size_or_given_twice_is_refused(tmp_path, config):
    data = train_frames.summarize(config.frames)
    (one,) = rated(config, data)
    assert (one.label, one.about["name"], one.note) == ("person", "tiny", None)
    assert one.biased, "its loss is not known"
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(Path(config.people[0]).read_bytes())
    with pytest.raises(ConfigError, match="is the same model as"):
        rated(config.model_copy(update={"people": (*config.people, str(copy))}), data)
    with pytest.raises(ConfigError, match="32x32 px, and the frames have 64x32 px"):
        rated(config, train_frames.Summary(**{**vars(data), "width_px": 64}))
    with pytest.raises(ConfigError, match="given twice"):
        validate(EvaluateRendererConfig, {"frames": config.frames, "people": [config.people[0]] * 2})
    with pytest.raises(ConfigError, match="cannot process generated frames"):
        validate(
            EvaluateRendererConfig,
            config.model_dump() | {"pose_consistency": True, "estimator": {"name": "openpose_json"}},
        )
