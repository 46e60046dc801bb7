"""What validation says of dances that are as the real ones, and of dances with a known fault."""

import math
import pickle

import numpy as np
import pytest
import torch

from dancegen.gan.settings import DanceModelConfig
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.pose.normalize import CAMERA_ASPECT
from dancegen.skeleton import COCO18
from dancegen.steps.train_dance.validation import score_clips, summarize
from dancegen.training.batch import Batch

CLIPS, FRAMES, FPS = 30, 50, 10.0
CONFIG = DanceModelConfig(fps=FPS)
BODY = {"neck": -0.25, "hip": 0.0, "knee": 0.25, "ankle": 0.5}


def clips(count=CLIPS, seed=0):
    """Dancers who go to and fro and turn on the beats of their clip, and the clips' rhythm."""
    poses, rhythms = [], []
    for number in range(count):
        random = np.random.default_rng([seed, number])
        beat = random.uniform(0, 1) + np.arange(FRAMES) / FPS * random.uniform(1.3, 2.3)
        size = random.uniform(0.02, 0.08) * random.uniform(0, 1, (1, len(COCO18), 2))
        standing = random.normal(0, 0.03, (1, len(COCO18), 2))
        for name, height in BODY.items():
            standing[:, [index for index, joint in enumerate(COCO18.joints) if name in joint], 1] += height
        poses.append(standing + np.cos(np.pi * beat)[:, None, None] * size)
        rhythm = np.zeros((FRAMES, len(RHYTHM_CHANNELS)))
        rhythm[:, RHYTHM_CHANNELS.index("beat_sin")] = np.sin(2 * np.pi * beat)
        rhythm[:, RHYTHM_CHANNELS.index("beat_cos")] = np.cos(2 * np.pi * beat)
        rhythms.append(rhythm)
    return np.stack(poses), np.stack(rhythms)


def batch(pose, rhythm, mask=None):
    mask = np.ones(pose.shape[:3]) if mask is None else mask
    pose, rhythm, mask = (torch.from_numpy(np.asarray(one, dtype=np.float32)) for one in (pose, rhythm, mask))
    return Batch(audio=torch.zeros(len(pose), FRAMES, 4), rhythm=rhythm, pose=pose, mask=mask)


def rows(dances, pose, rhythm, mask=None, config=CONFIG):
    return score_clips(batch(pose, rhythm, mask), torch.from_numpy(np.asarray(dances, dtype=np.float32)), config)


POSE, RHYTHM = clips()
REAL = summarize(rows(POSE, POSE, RHYTHM))
RANDOM = np.random.default_rng(0)


def test_the_real_dances_themselves_differ_in_nothing():
    assert REAL["motion_error"] == pytest.approx(0, abs=1e-6)
    assert REAL["frechet_k2"] == pytest.approx(0, abs=1e-6)
    assert REAL["speed_ratio"] == REAL["jerk_ratio"] == pytest.approx(1)
    assert REAL["freeze_share"] == pytest.approx(0.05, abs=0.01)
    assert REAL["beat_alignment"] > 0.8 > 0.4 > REAL["beat_alignment_shuffled"]
    assert REAL["beat_coverage"] == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize(
    ("fault", "shown_by"),
    [
        (np.repeat(POSE.mean(axis=1, keepdims=True), FRAMES, axis=1), ("freeze_share", 0.9)),
        (POSE + RANDOM.normal(0, 0.02, POSE.shape), ("jerk_ratio", 2.0)),
        (POSE * (1.0, 0.8) + (0.0, 0.1), ("frechet_pose", 1.0)),
        (np.roll(POSE, 1, axis=0), ("beat_alignment_real", 0.8)),
        (2.5 * POSE - 1.5 * POSE.mean(axis=1, keepdims=True), ("speed_ratio", 2.0)),
    ],
    ids=["frozen", "trembling", "other bodies", "other music", "too large"],
)
def test_each_fault_is_shown_by_its_number_and_is_a_worse_misfit_than_a_small_one(fault, shown_by):
    small = summarize(rows(POSE + RANDOM.normal(0, 0.0005, POSE.shape), POSE, RHYTHM))
    found = summarize(rows(fault, POSE, RHYTHM))
    name, least = shown_by
    assert found[name] > least
    assert found["motion_error"] > 2 * small["motion_error"]


def test_dances_to_other_music_are_on_the_beat_no_more_than_with_the_beats_of_others():
    found = summarize(rows(np.roll(POSE, 1, axis=0), POSE, RHYTHM))
    assert abs(found["beat_alignment"] - found["beat_alignment_shuffled"]) < 0.12
    assert found["frechet_k2"] == pytest.approx(0, abs=1e-6)


def test_a_good_dance_differs_less_than_a_middling_one_and_that_less_than_none():
    still = POSE.mean(axis=1, keepdims=True)
    motion_errors = [
        summarize(rows(still + share * (POSE - still), POSE, RHYTHM))["motion_error"] for share in (0.95, 0.6, 0.2, 0)
    ]
    assert motion_errors == sorted(motion_errors)


def test_neither_the_order_of_the_clips_nor_the_number_of_workers_counts():
    dances = POSE + RANDOM.normal(0, 0.01, POSE.shape)
    found = rows(dances, POSE, RHYTHM)
    gathered = [pickle.loads(pickle.dumps(found[rank::3])) for rank in range(3)]
    assert summarize(row for part in gathered for row in part) == summarize(found)


def test_a_missing_joint_is_no_matter_wherever_it_is_said_to_be():
    mask = np.ones(POSE.shape[:3])
    mask[:, 10:14, COCO18.index("right_wrist")] = 0
    mask[:, :, COCO18.index("left_ear")] = 0
    elsewhere = np.where((mask > 0)[..., None], POSE, 5.0)
    dances = POSE + RANDOM.normal(0, 0.01, POSE.shape)
    found = summarize(rows(dances, POSE, RHYTHM, mask))
    assert summarize(rows(np.where((mask > 0)[..., None], dances, -3.0), elsewhere, RHYTHM, mask)) == found
    assert summarize(rows(POSE, POSE, RHYTHM, mask))["motion_error"] == pytest.approx(0, abs=1e-6)


def test_the_pictures_coordinates_are_measured_as_lengths():
    dances = POSE + RANDOM.normal(0, 0.01, POSE.shape)
    camera = DanceModelConfig(fps=FPS, normalization="camera")
    as_shares = rows(dances / (CAMERA_ASPECT, 1), POSE / (CAMERA_ASPECT, 1), RHYTHM, config=camera)
    assert summarize(as_shares) == pytest.approx(summarize(rows(dances, POSE, RHYTHM)), rel=1e-3)


def test_one_clip_has_no_distribution_and_still_a_misfit_and_no_clip_has_nothing():
    one = summarize(rows(POSE[:1], POSE[:1], RHYTHM[:1]))
    frozen = summarize(rows(POSE[:1] * 0, POSE[:1], RHYTHM[:1]))
    assert not {"frechet_k2", "diversity_k2", "beat_alignment_shuffled"} & set(one)
    assert one["motion_error"] == 0 < 1 < frozen["motion_error"] < math.inf
    assert summarize([]) == {}


def test_music_without_beats_is_no_fault_of_the_dance():
    found = summarize(rows(POSE, POSE, RHYTHM * 0))
    assert not [name for name in found if name.startswith("beat")]
    assert found["motion_error"] == pytest.approx(0, abs=1e-6)


def test_a_dance_that_is_not_made_of_numbers_is_the_worst():
    dances = POSE.copy()
    dances[3, 7, 2] = np.nan
    assert summarize(rows(dances, POSE, RHYTHM)) == {"motion_error": math.inf}
