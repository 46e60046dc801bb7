import numpy as np
import pytest

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.pictures.noise import corrupt, damage
from dancegen.corpus.structure import compose
from dancegen.metrics import pose_accuracy as accuracy
from dancegen.skeleton import COCO18

FPS, ASPECT = 10.0, 4 / 3


@pytest.fixture(scope="module")
def true():
    pose = choreograph(compose("kpop", 5, 120.0), Dancer.from_seed(5), FPS, seed=0)
    return film(pose, 640, 480, 5) / np.array([640, 480, 1], dtype=np.float32)


def test_the_same_seed_fails_the_same_and_another_does_not(true):
    one, same, other = (corrupt(true, FPS, ASPECT, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same, equal_nan=True)
    assert not np.array_equal(one, other, equal_nan=True)


def test_level_nought_changes_nothing_and_more_is_worse(true):
    assert np.array_equal(corrupt(true, FPS, ASPECT, 0, level=0.0), true)
    shares = [accuracy.pck(corrupt(true, FPS, ASPECT, 0, level), true, ASPECT) for level in (0.5, 1.0, 2.0)]
    assert shares[0] > shares[1] > shares[2] > 0.5


def test_wrists_and_ankles_are_lost_most_and_in_bursts(true):
    lost = damage(true, FPS, ASPECT, 0).lost
    ends, trunk = (COCO18.indices(*(f"{side}_{name}" for side in ("left", "right") for name in names))
                   for names in (("wrist", "ankle"), ("shoulder", "hip")))  # fmt: skip
    assert lost[:, ends].mean() > 1.5 * lost[:, trunk].mean()
    begins = (lost[1:] & ~lost[:-1])[:, ends].sum()
    assert lost[:, ends].sum() > 1.5 * begins


def test_the_face_is_missing_when_the_back_is_to_the_camera(true):
    turned = true.copy()
    turned[..., 0] = 1 - turned[..., 0]  # left and right keep their names: a body seen from behind
    face = COCO18.indices("nose", "left_eye", "right_eye")
    assert damage(turned, FPS, ASPECT, 0).lost[:, face].mean() > 0.5
    assert damage(true, FPS, ASPECT, 0).lost[:, face].mean() < 0.2


def test_confidence_falls_with_the_error_but_does_not_give_it_away(true):
    found = damage(true, FPS, ASPECT, 0)
    trembling = ~(found.lost | found.swapped | found.jumped)
    apart = accuracy.distances(found.joints, true, ASPECT)[trembling]
    told = np.corrcoef(np.log(apart + 1e-3), found.joints[trembling, 2])[0, 1]
    assert -0.7 < told < -0.15
    assert found.joints[found.jumped, 2].mean() < found.joints[trembling, 2].mean() - 0.2


def test_swaps_and_jumps_last_some_frames_and_put_joints_elsewhere(true):
    found = damage(true, FPS, ASPECT, 0)
    apart = accuracy.distances(found.joints, true, ASPECT)
    assert 0.002 < found.jumped.mean() < 0.03
    assert 0.002 < found.swapped.mean() < 0.05
    assert np.median(apart[found.jumped]) > 0.5
    other_side = true[:, COCO18.mirror]
    swapped = found.swapped & ~found.jumped
    assert np.median(accuracy.distances(found.joints, other_side, ASPECT)[swapped]) < 0.1
    for what in (found.swapped, found.jumped):
        assert what.sum() > 1.5 * (what[1:] & ~what[:-1]).sum()


def test_failures_grow_with_the_body_and_not_with_the_picture(true):
    small = true.copy()
    small[..., :2] = 0.5 * true[..., :2] + 0.1
    for seed in (0, 1):
        large, little = (
            np.nanmean(np.minimum(accuracy.distances(corrupt(one, FPS, ASPECT, seed), one, ASPECT), 3.0))
            for one in (true, small)
        )
        assert large == pytest.approx(little, rel=0.02)


def test_as_much_is_lost_at_another_frame_rate(true):
    pose = choreograph(compose("kpop", 5, 120.0), Dancer.from_seed(5), 25.0, seed=0)
    faster = film(pose, 640, 480, 5) / np.array([640, 480, 1], dtype=np.float32)
    assert damage(faster, 25.0, ASPECT, 0).lost.mean() == pytest.approx(
        damage(true, FPS, ASPECT, 0).lost.mean(), rel=0.4
    )


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_few_frames_and_nobody_pass(true, frames):
    assert corrupt(true[:frames], FPS, ASPECT, 0).shape == (frames, 18, 3)
    nobody = np.full((frames, 18, 3), np.nan)
    assert (corrupt(nobody, FPS, ASPECT, 0)[..., 2] == 0).all()


def test_what_was_missing_stays_missing_and_a_missing_joint_has_no_place(true):
    holed = true.copy()
    holed[50:80, 3] = (np.nan, np.nan, 0)
    found = corrupt(holed, FPS, ASPECT, 0)
    assert np.array_equal(found[..., 2] == 0, np.isnan(found[..., 0]))
    assert (found[55:75, 3, 2] == 0).mean() > 0.7  # but that arms may be swapped
    assert found[..., 2].max() <= 1
