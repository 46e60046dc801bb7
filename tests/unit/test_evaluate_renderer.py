"""Scores of generated frames whose faults are known."""

import math

import av
import cv2
import numpy as np
import pytest

from dancegen.steps.evaluate_renderer.page import ABOUT, page
from dancegen.steps.evaluate_renderer.pictures import comparison, heat, write_comparison
from dancegen.steps.evaluate_renderer.stage import Judges, Row, Segment, score_drift, score_segments, summarize

FRAMES, SIZE = 4, 64


def segment(seed=0, fault=lambda pictures: pictures):
    """A textured square that moves over a textured background, and the same with a fault."""
    random = np.random.default_rng(seed)
    wall, person = (cv2.GaussianBlur(random.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8), (0, 0), 1) for _ in "ab")
    real, mattes = np.stack([wall] * FRAMES), np.zeros((FRAMES, SIZE, SIZE), dtype=np.uint8)
    for number in range(FRAMES):
        place = (slice(20, 44), slice(20 + 2 * number, 44 + 2 * number))
        real[number][place], mattes[number][place] = person[:24, :24], 255
    joints = np.zeros((FRAMES, 18, 3), dtype=np.float32)
    return Segment(f"segment {seed}", 10.0, real, fault(real), joints, mattes)


def blurred(pictures):
    return np.stack([cv2.GaussianBlur(each, (0, 0), 1.5) for each in pictures])


def trembling(pictures):
    shaken = pictures.astype(np.int16)
    shaken[::2] += 12
    return np.clip(shaken, 0, 255).astype(np.uint8)


def scores(fault, judges=Judges()):  # noqa: B008
    rows = score_segments([segment(seed, fault) for seed in range(3)], judges)
    return {(score.metric, score.whose): score.interval for score in summarize(rows, seed=0, resamples=50)}


def test_real_frames_as_generated_ones_are_perfect_and_have_the_floor():
    found = scores(lambda pictures: pictures)
    assert found["ssim", "generated"].value == pytest.approx(1)
    assert found["gmsd_box", "generated"].value == 0
    assert math.isnan(found["psnr", "generated"].value)  # infinite
    for name in ("flicker_background", "flicker_ring", "warp_error", "sharpness"):
        assert found[name, "generated"] == found[name, "real"]
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
    import torch

    from dancegen.metrics.video.appearance import pooled
    from dancegen.renderer.classifiers.efficientnet_lite import EfficientNetLite0Features

    torch.manual_seed(0)
    features = EfficientNetLite0Features().requires_grad_(False).train()
    footage = pooled(features, segment(9).real)
    found = scores(blurred, Judges(features=features, footage=footage))
    assert found["perceptual_box", "generated"].value > 0
    assert found["likeness", "real"].high <= 1


def test_every_metric_has_a_line_on_the_page():
    import torch

    from dancegen.renderer.classifiers.efficientnet_lite import EfficientNetLite0Features

    class Blind:
        """An estimator that finds nobody."""

        name, reads_files = "blind", False

        def __call__(self, part, pictures):
            return [np.zeros((0, 18, 3), dtype=np.float32) for _ in pictures]

    torch.manual_seed(0)
    features = EfficientNetLite0Features().requires_grad_(False).train()
    rows = score_segments([segment()], Judges(Blind(), features, np.random.default_rng(0).normal(size=(3, 320))))
    assert {row.metric for row in rows} == set(ABOUT)


def test_segments_are_weighted_by_their_counts():
    rows = [Row("a", "detected", "generated", 9, 10), Row("b", "detected", "generated", 0, 30)]
    (score,) = summarize(rows, seed=0, resamples=20)
    assert score.interval.value == pytest.approx(9 / 40)
    assert score.segments == 2


def test_a_video_that_blurs_over_a_minute_drifts():
    picture, matte = segment().real[0], segment().mattes[0]
    frames = [cv2.GaussianBlur(picture, (0, 0), 0.3 + number / 300) for number in range(300)]
    found = score_drift(np.stack(frames), np.stack([matte] * 300), 5.0)
    assert found["sharpness_ratio"] < 0.6
    assert found["sharpness_slope"] < 0
    assert abs(found["colour_slope"]) < 1e-3
    assert math.isnan(score_drift(np.stack(frames[:100]), np.stack([matte] * 100), 5.0)["sharpness_ratio"])


def test_the_panels_show_difference_and_flicker_beyond_the_real_motion():
    given = segment(fault=trembling)
    first, second = list(comparison(given.real, given.generated))[:2]
    assert first.shape == (SIZE, 4 * SIZE, 3)
    assert (first[:, :SIZE] == given.real[0]).all()
    assert first[:, 2 * SIZE : 3 * SIZE].max() > 0
    assert first[:, 3 * SIZE :].max() == 0  # no frame before
    assert second[:, 3 * SIZE :].max() > 0
    unharmed = segment()
    assert all((frame[:, 2 * SIZE :] == 0).all() for frame in comparison(unharmed.real, unharmed.generated))
    assert heat(np.array([[0.0, 300.0]])).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_the_page_shows_scores_and_videos_and_marks_the_network_of_the_loss(tmp_path):
    given = segment(fault=trembling)
    write_comparison(tmp_path / "first & last.mp4", given.real, given.generated, 10)
    with av.open(tmp_path / "first & last.mp4") as video:
        assert sum(1 for _ in video.decode(video=0)) == FRAMES
    rows = [*score_segments([given], Judges()), Row(given.name, "perceptual_box", "generated", 2.0, 4)]
    text = page("A <person>", summarize(rows, 0, 20), {"sharpness_ratio": 0.98}, ["first & last.mp4"], "vgg19", False)
    assert "A &lt;person&gt;" in text
    assert 'src="first%20%26%20last.mp4"' in text
    assert "perceptual_box</b> *" in text
    assert "biased in favour" in text
    assert "fewer than 10 segments" in text
    assert "biased" not in page("A", summarize(rows, 0, 20), {}, [], "vgg19", True)
