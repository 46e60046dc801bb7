import numpy as np
import pytest

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.structure import compose
from dancegen.drawing.avatar import SHIRT, TROUSERS, draw_avatar
from dancegen.drawing.face import SKIN
from dancegen.drawing.studio import studio
from dancegen.skeleton import COCO18

WIDTH_PX, HEIGHT_PX = 640, 360


@pytest.fixture(scope="module")
def dance_px() -> np.ndarray:
    """A dance in pixels, `(T, 18, 3)`."""
    song = compose("kpop", 1, 20.0)
    body = choreograph(song, Dancer.from_seed(1), 5.0, 0)
    places = body * 78.0 + (WIDTH_PX / 2, 185.0)
    return np.concatenate([places, np.ones((*places.shape[:2], 1))], axis=-1)


def near(picture: np.ndarray, place: np.ndarray, color: tuple[int, int, int]) -> bool:
    """Whether a color, more or less lit, is at a place."""
    found = picture[round(place[1]), round(place[0])].astype(float)
    return bool(np.linalg.norm(found / found.sum() - np.array(color) / sum(color)) < 0.06)


def test_the_picture_has_the_size_asked_for(dance_px):
    for width_px, height_px in ((640, 360), (1280, 720), (361, 641)):
        picture = draw_avatar(dance_px[0], width_px, height_px)
        assert picture.shape == (height_px, width_px, 3)
        assert picture.dtype == np.uint8


def test_a_body_with_clothes_is_where_the_joints_are(dance_px):
    standing = dance_px[0]
    picture = draw_avatar(standing, WIDTH_PX, HEIGHT_PX)
    joint = {name: standing[index, :2] for index, name in enumerate(COCO18.joints)}
    assert near(picture, (joint["left_hip"] + joint["left_knee"]) / 2, TROUSERS)
    assert near(picture, (joint["right_knee"] + joint["right_ankle"]) / 2, TROUSERS)
    assert near(picture, (joint["neck"] + joint["left_hip"]) / 2, SHIRT)
    assert near(picture, (joint["left_elbow"] + joint["left_wrist"]) / 2, SKIN)


def test_a_part_without_joints_is_left_out(dance_px):
    standing = dance_px[0].copy()
    leg = (standing[COCO18.index("left_knee"), :2] + standing[COCO18.index("left_ankle"), :2]) / 2
    standing[COCO18.index("left_ankle")] = (np.nan, np.nan, 0.0)
    picture = draw_avatar(standing, WIDTH_PX, HEIGHT_PX)
    assert not near(picture, leg, TROUSERS)
    assert not np.array_equal(picture, studio(WIDTH_PX, HEIGHT_PX))


def test_nobody_is_an_empty_studio():
    nobody = np.full((18, 3), np.nan)
    nobody[:, 2] = 0.0
    assert np.array_equal(draw_avatar(nobody, WIDTH_PX, HEIGHT_PX), studio(WIDTH_PX, HEIGHT_PX))


def test_any_subset_of_joints_can_be_drawn(dance_px):
    rng = np.random.default_rng(0)
    for frame in dance_px[:40]:
        frame = frame.copy()
        frame[rng.random(18) < 0.4] = (np.nan, np.nan, 0.0)
        assert draw_avatar(frame, 160, 90).shape == (90, 160, 3)


def test_joints_far_outside_or_all_in_one_place_do_no_harm(dance_px):
    for broken in (dance_px[0] * 1e7, dance_px[0] * 0.0 + 1.0, dance_px[0] - (5000.0, 0.0, 0.0)):
        assert draw_avatar(broken, WIDTH_PX, HEIGHT_PX).shape == (HEIGHT_PX, WIDTH_PX, 3)


def test_a_picture_depends_on_the_joints_alone(dance_px):
    first = draw_avatar(dance_px[3], WIDTH_PX, HEIGHT_PX)
    draw_avatar(dance_px[9], WIDTH_PX, HEIGHT_PX)
    assert np.array_equal(first, draw_avatar(dance_px[3], WIDTH_PX, HEIGHT_PX))


@pytest.mark.slow
@pytest.mark.parametrize("category", ["kpop", "ballet", "popping"])
def test_a_pose_estimator_finds_the_dancer(category):
    solutions = pytest.importorskip("mediapipe", reason="needs the extra `mediapipe`").solutions
    song = compose(category, 2, 60.0)
    body = choreograph(song, Dancer.from_seed(2), 10.0, 0)[200:230] * 78.0 + (WIDTH_PX / 2, 185.0)
    right_hip, left_hip, wrist = COCO18.indices("right_hip", "left_hip", "left_wrist")
    distances = []
    with solutions.pose.Pose(model_complexity=1) as estimator:
        for joints in body:
            landmarks = estimator.process(draw_avatar(joints, WIDTH_PX, HEIGHT_PX)).pose_landmarks
            if landmarks:
                found = np.array([(mark.x * WIDTH_PX, mark.y * HEIGHT_PX) for mark in landmarks.landmark])
                distances.append(np.linalg.norm(found[[24, 23, 15]] - joints[[right_hip, left_hip, wrist]], axis=-1))
    assert len(distances) > 0.9 * len(body)
    assert (np.array(distances) < 0.2 * 78.0).mean() > 0.85
