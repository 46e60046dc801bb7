"""The ranges of real dancers are those of the recordings."""

from pathlib import Path

import numpy as np
import pytest

from dancegen.metrics import motion_quality, real_dances
from dancegen.metrics.joint_motion import JOINTS, RATE, at_rate, body_height, joint_motion
from dancegen.metrics.repetition import loop_share
from dancegen.skeleton import from_coco17
from dancegen.steps.import_poses.formats.aistpp import load_arrays

RECORDINGS = Path(__file__).parents[3] / "shared/media/motion"
BPM = {
    **{"gHO_sFM_cAll_d19_mHO0_ch01": 110, "gHO_sFM_cAll_d19_mHO1_ch02": 115, "gKR_sFM_cAll_d28_mKR0_ch01": 80},
    **{"gKR_sFM_cAll_d28_mKR1_ch02": 90, "gKR_sFM_cAll_d28_mKR2_ch03": 100, "gMH_sFM_cAll_d22_mMH0_ch01": 80},
    **{"gMH_sFM_cAll_d22_mMH1_ch02": 90, "gBR_sBM_cAll_d06_mBR2_ch06": 100, "gJS_sFM_cAll_d02_mJS4_ch09": 120},
}
CALMEST = "gJS_sBM_cAll_d03_mJS2_ch07"


def recording(name):
    """Poses and their rate; the first camera of a pickle."""
    pixels, keypoints = RECORDINGS / f"aistpp_px_{name}.npz", RECORDINGS / f"aistpp_keypoints2d__{name}.pkl"
    if pixels.exists():
        points, fps = np.load(pixels)["keypoints"], 30.0
        points = np.concatenate([points, np.ones((*points.shape[:2], 1), np.float32)], axis=-1)
    elif keypoints.exists():
        with keypoints.open("rb") as file:
            points, fps = load_arrays(file, name)["keypoints2d"][0], 60.0
    else:
        pytest.skip(f"{RECORDINGS} has no recordings of AIST++")
    return at_rate(from_coco17(np.nan_to_num(points))[..., :2], fps)


def test_every_range_is_that_of_the_nine_recordings():
    poses = {name: recording(name)[0] for name in [*BPM, CALMEST]}
    motion = {name: joint_motion(pose, RATE) for name, pose in poses.items()}
    for field, known in (
        ("speed", real_dances.SPEED),
        ("range", real_dances.RANGE),
        ("rotation", real_dances.ROTATION),
    ):
        for joint, calmest in zip(JOINTS, real_dances.CALMEST[field], strict=True):
            found = [getattr(motion[name][joint], field) for name in BPM]
            assert (min(found), max(found)) == pytest.approx(known[joint], abs=0.01), (field, joint)
            assert getattr(motion[CALMEST][joint], field) == pytest.approx(calmest, abs=0.01), (field, joint)
    sized = {name: pose / body_height(pose) for name, pose in poses.items()}
    speeds = {name: motion_quality.window_speeds(pose, RATE) for name, pose in sized.items()}
    assert np.quantile(np.concatenate(list(speeds.values())), 0.05) == pytest.approx(real_dances.SLOW, abs=0.002)
    frozen = [np.mean(speeds[name] <= real_dances.SLOW) for name in BPM]
    skate = [motion_quality.foot_skate(sized[name], RATE) for name in BPM]
    slide = [motion_quality.slide_share(sized[name]) for name in BPM]
    stretched = [motion_quality.stretched_share(sized[name]) for name in BPM]
    jerk = [motion_quality.mean_change(pose, RATE, 3) for pose in sized.values()]
    loops = [loop_share(sized[name], RATE, 32 * 60 / bpm) for name, bpm in BPM.items() if "sBM" not in name]
    for found, known, near in (
        (frozen, real_dances.FREEZE_SHARE, 0.01),
        (skate, real_dances.FOOT_SKATE, 0.01),
        (slide, real_dances.SLIDE_SHARE, 0.01),
        (stretched, real_dances.STRETCHED_SHARE, 0.001),
        (jerk, real_dances.JERK, 0.1),
        (loops, real_dances.LOOP_SHARE, 0.01),
    ):
        assert (min(found), max(found)) == pytest.approx(known, abs=near)
