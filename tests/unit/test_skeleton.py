"""Joints are named once, and what is missing is never a coordinate."""

import numpy as np
import pytest

from dancegen import skeleton
from dancegen.skeleton import COCO18, Skeleton

EVERY_SKELETON = pytest.mark.parametrize("body", skeleton.SKELETONS.values(), ids=skeleton.SKELETONS)


@EVERY_SKELETON
def test_mirroring_twice_changes_nothing(body: Skeleton) -> None:
    mirror = np.array(body.mirror)
    assert mirror[mirror].tolist() == list(range(len(body)))


@EVERY_SKELETON
def test_mirroring_swaps_left_and_right_and_nothing_else(body: Skeleton) -> None:
    for joint, other in zip(body.joints, (body.joints[index] for index in body.mirror), strict=True):
        swapped = joint.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
        assert other == swapped


@EVERY_SKELETON
def test_every_joint_is_named_once_and_the_bones_connect_them_all(body: Skeleton) -> None:
    assert len(set(body.joints)) == len(body)
    reached, grows = {body.joints[0]}, True
    while grows:
        near = {joint for bone in body.bones for joint in bone if reached & set(bone)}
        grows, reached = not near <= reached, reached | near
    assert reached == set(body.joints)


@EVERY_SKELETON
def test_the_bones_of_one_side_mirror_those_of_the_other(body: Skeleton) -> None:
    bones = {frozenset(bone) for bone in body.bone_indices}
    assert {frozenset(body.mirror[joint] for joint in bone) for bone in bones} == bones


def test_coco18_is_in_the_order_of_openpose() -> None:
    short = {"shoulder": "sh", "elbow": "el", "wrist": "wr", "knee": "kn", "ankle": "an", "right": "r", "left": "l"}
    order = " ".join("_".join(short.get(part, part) for part in joint.split("_")) for joint in COCO18.joints)
    assert order == "nose neck r_sh r_el r_wr l_sh l_el l_wr r_hip r_kn r_an l_hip l_kn l_an r_eye l_eye r_ear l_ear"


def test_a_joint_that_does_not_exist_is_refused() -> None:
    assert COCO18.indices("nose", "neck") == [0, 1]
    with pytest.raises(ValueError):
        COCO18.index("tail")


def joints(count: int, frames: int = 3) -> np.ndarray:
    """Joints in which every number differs: (T, J, 3)."""
    positions = np.arange(frames * count * 2, dtype=np.float32).reshape(frames, count, 2)
    return np.concatenate([positions, np.linspace(0.1, 1, frames * count).reshape(frames, count, 1)], axis=-1)


def test_coco17_keeps_every_joint_under_its_name() -> None:
    before = joints(17)
    after = skeleton.from_coco17(before)
    assert (after.shape, after.dtype) == ((3, 18, 3), np.float32)
    for position, name in enumerate(skeleton.COCO17_JOINTS):
        np.testing.assert_allclose(after[:, COCO18.index(name)], before[:, position])


def test_mediapipe33_keeps_every_joint_under_its_name() -> None:
    before = joints(33)
    after = skeleton.from_mediapipe33(before)
    assert after.shape == (3, 18, 3)
    for name, position in skeleton.MEDIAPIPE33_JOINTS.items():
        np.testing.assert_allclose(after[:, COCO18.index(name)], before[:, position])


def test_both_converters_know_every_joint_but_the_neck() -> None:
    assert set(skeleton.COCO17_JOINTS) == set(skeleton.MEDIAPIPE33_JOINTS) == set(COCO18.joints) - {"neck"}


def test_the_neck_is_the_middle_of_the_shoulders_as_sure_as_the_less_sure_one() -> None:
    before = joints(17, frames=1)[0]
    right, left = (skeleton.COCO17_JOINTS.index(f"{side}_shoulder") for side in ("right", "left"))
    before[right], before[left] = (0.2, 0.4, 0.9), (0.4, 0.5, 0.6)
    np.testing.assert_allclose(skeleton.from_coco17(before)[COCO18.index("neck")], (0.3, 0.45, 0.6), rtol=1e-6)


def test_the_neck_is_missing_when_a_shoulder_is() -> None:
    before = joints(17)
    before[1, skeleton.COCO17_JOINTS.index("left_shoulder"), 2] = 0
    after = skeleton.from_coco17(before)
    assert np.isnan(after[1, COCO18.index("neck"), :2]).all()
    assert after[:, COCO18.index("neck"), 2].tolist() == [after[0, 1, 2], 0, after[2, 1, 2]]


@pytest.mark.parametrize(
    "joint", [(0.5, 0.5, 0.0), (0.5, 0.5, -1.0), (np.nan, 0.5, 1.0), (0.5, np.inf, 1.0), (0.5, 0.5, np.nan)]
)
def test_a_joint_without_a_position_or_a_confidence_is_hidden(joint: tuple[float, float, float]) -> None:
    before = np.full((2, 18, 3), 0.5, np.float32)
    before[1, 4] = joint
    after = skeleton.hide_missing(before)
    assert np.isnan(after[1, 4, :2]).all()
    assert after[1, 4, 2] == 0
    assert np.isfinite(after).sum() == after.size - 2


def test_hiding_what_is_missing_leaves_its_input_alone_and_may_be_done_twice() -> None:
    before = np.zeros((2, 18, 3), np.float32)
    after = skeleton.hide_missing(before)
    assert not np.isnan(before).any()
    np.testing.assert_array_equal(skeleton.hide_missing(after), after)
