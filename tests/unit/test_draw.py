import numpy as np
import pytest

from dancegen.drawing.draw import LOOKS, draw_skeleton
from dancegen.skeleton import COCO18

WIDTH_PX, HEIGHT_PX = 320, 240


@pytest.fixture
def joints() -> np.ndarray:
    """A person whose joints lie apart on a grid, away from each other's bones."""
    places = {
        "nose": (160, 40), "neck": (160, 70), "right_eye": (150, 30), "left_eye": (170, 30), "right_ear": (135, 36),
        "left_ear": (185, 36), "right_shoulder": (120, 75), "right_elbow": (90, 110), "right_wrist": (60, 90),
        "left_shoulder": (200, 75), "left_elbow": (230, 110), "left_wrist": (260, 90), "right_hip": (140, 140),
        "right_knee": (125, 180), "right_ankle": (120, 220), "left_hip": (180, 140), "left_knee": (195, 180),
        "left_ankle": (200, 220),
    }  # fmt: skip
    return np.array([[*places[name], 1.0] for name in COCO18.joints], dtype=np.float32)


def _pixel(frame: np.ndarray, joint: np.ndarray) -> tuple[int, ...]:
    return tuple(int(part) for part in frame[round(float(joint[1])), round(float(joint[0]))])


def _hidden(joints: np.ndarray, *names: str) -> np.ndarray:
    joints = joints.copy()
    joints[COCO18.indices(*names)] = (np.nan, np.nan, 0)
    return joints


def test_every_joint_has_its_own_openpose_colour_where_it_is(joints):
    frame = draw_skeleton(joints, WIDTH_PX, HEIGHT_PX, "dark")
    colors = [_pixel(frame, joint) for joint in joints]
    assert len(set(colors)) == len(COCO18)
    by_name = dict(zip(COCO18.joints, colors, strict=True))
    assert by_name["nose"] == (255, 0, 0)
    assert by_name["right_elbow"] == (255, 255, 0)
    assert by_name["left_ankle"] == (85, 0, 255)


def test_bones_are_darker_than_joints_and_in_openpose_order(joints):
    frame = draw_skeleton(joints, WIDTH_PX, HEIGHT_PX, "dark")
    for first, second, color in (("neck", "right_shoulder", (153, 0, 0)), ("right_hip", "right_knee", (0, 153, 51))):
        middle = joints[COCO18.indices(first, second)].mean(axis=0)
        assert _pixel(frame, middle) == color


def test_bones_are_thick_in_the_middle_and_thin_at_the_ends(joints):
    frame = draw_skeleton(joints * (4, 4, 1), WIDTH_PX * 4, HEIGHT_PX * 4, "dark")
    hip, knee = joints[COCO18.indices("left_hip", "left_knee")] * (4, 4, 1)
    thickness = {
        share: (frame[round(hip[1] + share * (knee[1] - hip[1]))].any(axis=1)[640:]).sum() for share in (0.1, 0.5, 0.9)
    }
    assert thickness[0.5] > 1.4 * thickness[0.1]
    assert thickness[0.5] > 1.4 * thickness[0.9]


@pytest.mark.parametrize(("theme", "background"), [("dark", 0), ("light", 255)])
def test_a_missing_joint_is_not_drawn_nor_any_bone_that_ends_in_it(joints, theme, background):
    wrist, elbow = joints[COCO18.indices("left_wrist", "left_elbow")]
    frame = draw_skeleton(_hidden(joints, "left_wrist"), WIDTH_PX, HEIGHT_PX, theme)
    empty = (background,) * 3
    assert _pixel(frame, wrist) == _pixel(frame, (wrist + elbow) / 2) == empty
    assert _pixel(frame, elbow) != empty


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_gives_a_picture_of_the_size_asked_for_and_shows_somebody(joints, look):
    frame = LOOKS[look](joints, WIDTH_PX, HEIGHT_PX)
    assert frame.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert frame.dtype == np.uint8
    assert not np.array_equal(frame, LOOKS[look](_hidden(joints, *COCO18.joints), WIDTH_PX, HEIGHT_PX))


def test_nobody_leaves_the_background_alone(joints):
    assert (draw_skeleton(_hidden(joints, *COCO18.joints), WIDTH_PX, HEIGHT_PX, "light") == 255).all()


def test_sizes_grow_with_the_picture(joints):
    small, large = (draw_skeleton(joints * (k, k, 1), 320 * k, 240 * k, "dark") for k in (3, 6))
    share = [(frame.any(axis=2)).mean() for frame in (small, large)]
    assert share[1] == pytest.approx(share[0], rel=0.15)


@pytest.mark.parametrize("place", [(-50, 90), (1e9, -1e9), (0, 0)])
def test_joints_outside_of_the_picture_do_no_harm(joints, place):
    joints[COCO18.index("left_wrist"), :2] = place
    frame = draw_skeleton(joints, WIDTH_PX, HEIGHT_PX, "dark")
    assert _pixel(frame, joints[COCO18.index("left_elbow")]) == (0, 255, 0)


def test_all_joints_in_one_place_are_a_dot(joints):
    joints[:, :2] = (100, 100)
    frame = draw_skeleton(joints, WIDTH_PX, HEIGHT_PX, "dark")
    assert 0 < frame.any(axis=2).sum() < 50
