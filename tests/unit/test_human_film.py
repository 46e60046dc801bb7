"""Films of a person: settings and missing parts are told; pictures, masks and joints agree."""

import json
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from dancegen import storage
from dancegen.config import load
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.human.choreography import lively
from dancegen.corpus.human.film import HIDDEN, aim, check_installed, film, prepare
from dancegen.corpus.human.scene import Camera
from dancegen.corpus.human.textures import Fabric, folds, noise, paint_eye, paint_fabric
from dancegen.corpus.human.wardrobe import PEOPLE, check_assets
from dancegen.corpus.structure import compose
from dancegen.errors import ConfigError
from dancegen.media.video import frames
from dancegen.skeleton import COCO18
from dancegen.steps.make_corpus import pipeline
from dancegen.steps.make_corpus.settings import MakeCorpusConfig, PersonName
from dancegen.steps.make_corpus.stage import MakeCorpus

ASSETS = Path(__file__).parents[3] / "shared" / "assets" / "makehuman"
HAS_EXTRA = all(find_spec(name) for name in ("anny", "vtk"))
filmed = pytest.mark.skipif(not (HAS_EXTRA and ASSETS.is_dir()), reason="needs dancegen[human] and ../shared/assets")
WIDTH, HEIGHT, FPS = 96, 128, 10.0


def rest_grid(size=64):
    x, y = np.meshgrid(np.linspace(-0.3, 0.3, size), np.linspace(0.7, -0.7, size))
    return np.dstack([x, y, np.zeros_like(x)]).astype(np.float32)


def test_the_settings_name_the_people_there_are():
    assert set(PersonName.__args__) == set(PEOPLE)


@pytest.mark.skipif(not HAS_EXTRA, reason="needs dancegen[human]")
def test_a_human_without_assets_wears_plain_clothes_outside_the_skin(tmp_path):
    assert load(MakeCorpusConfig, None, [f"output={tmp_path}", "look=human"]).human_assets is None
    dressed = prepare(PEOPLE["ben"], None)
    skin, _, _, shirt, trousers, shoes, hair = (surface.points for surface, _ in dressed.surfaces)
    body = dressed.body
    assert shirt[:, 1].min() < trousers[:, 1].max(), "they overlap at the waist"
    assert shoes[:, 1].max() < trousers[:, 1].min() < shoes[:, 1].max() + 0.06, "the ankles are bare"
    assert shoes[:, 1].min() >= body.floor
    assert hair[:, 1].max() > skin[:, 1].max()
    at_the_waist = [
        points[(np.abs(points[:, 0]) < 0.1) & (np.abs(points[:, 1] - body.head("spine02")[1]) < 0.03), 2]
        for points in (shirt, skin)
    ]
    assert at_the_waist[0].max() > max(at_the_waist[1], default=-np.inf), "no skin is in front of the shirt"


def test_missing_assets_are_told_with_the_place_where_they_are_to_be_had(tmp_path):
    with pytest.raises(ConfigError, match=r"human_assets.*male_casualsuit04.*ben wears it.*makehuman/data.*CC0"):
        check_assets(PEOPLE["ben"], str(tmp_path))


@pytest.mark.skipif(HAS_EXTRA, reason="dancegen[human] is installed")
def test_a_missing_extra_is_told_before_any_work(tmp_path):
    config = MakeCorpusConfig(output=str(tmp_path), look="human", human_assets=str(ASSETS))
    with pytest.raises(ConfigError, match=r"needs .*anny.*dancegen\[human\]"):
        pipeline.run(config)
    with pytest.raises(ConfigError):
        check_installed()
    assert not list(tmp_path.iterdir())


def test_a_camera_has_every_joint_in_view_with_room_around_and_none_to_spare():
    rng = np.random.default_rng(1)
    joints = rng.uniform((-0.8, -0.8, -0.3), (0.9, 1.1, 0.4), (40, 18, 3))
    for height, width in ((128, 96), (120, 160)):
        places = aim(joints, height, width).project(joints)
        assert places[..., :2].min() > 0.02
        assert places[..., :2].max() < 0.98
        assert max(np.ptp(places[..., 0]), np.ptp(places[..., 1])) > 0.75


def test_the_wall_is_behind_a_dance_that_goes_far_back():
    joints = np.zeros((2, 18, 3))
    joints[1] = (0.3, 1.0, -4.0)
    assert aim(joints, 96, 96).wall < -4.5


def test_a_camera_projects_its_target_to_the_middle_and_right_to_the_right():
    camera = Camera((0.1, 0.2, 0.0), 5.0, 96, 128)
    assert camera.project(np.array([0.1, 0.2, 0.0])) == pytest.approx([0.5, 0.5, 5.0])
    x, y, depth = camera.project(np.array([0.4, 0.6, 1.0]))
    assert x > 0.5 > y
    assert depth < 5


def test_patterns_of_cloth_have_both_colours_and_a_plain_one_has_one():
    red, white = (0.8, 0.1, 0.1), (0.9, 0.9, 0.9)
    striped = paint_fabric(rest_grid(), Fabric(red, "stripes", white, 0.2), 1)
    plain = paint_fabric(rest_grid(), Fabric(red), 1)
    assert striped[..., 1].max() > 0.7 > 0.2 > striped[..., 1].min()
    assert plain[..., 1].max() < 0.2
    assert plain[..., 0].std() > 0.005  # threads


def test_folds_are_millimetres_and_noise_is_smooth_and_the_same_for_a_seed():
    assert 1e-5 < folds(rest_grid(), 1).std() < 0.01
    values = noise(rest_grid(), 0.3, 2)
    assert np.array_equal(values, noise(rest_grid(), 0.3, 2))
    assert np.abs(np.diff(values, axis=1)).max() < 0.2 < np.ptp(values)


def test_an_eye_has_a_dark_pupil_in_a_coloured_iris_in_a_white_ball():
    x, y = np.meshgrid(np.linspace(-0.0149, 0.0149, 65), np.linspace(0.0149, -0.0149, 65))
    z = np.sqrt(np.maximum(0.015**2 - x**2 - y**2, 0))
    eye = paint_eye(np.dstack([x, y, z]).astype(np.float32), np.zeros(3), (0.2, 0.4, 0.6))
    assert eye[32, 32].max() < 0.1
    assert eye[32, 32 + 11, 2] > 0.25 > eye[32, 32 + 11, 0]
    assert eye[32, 32 + 22].min() > 0.5


@pytest.fixture(scope="module")
def shots():
    dressed = prepare(PEOPLE["mia"], str(ASSETS))
    seconds = np.arange(0, 12, 1 / FPS)[::12]
    dance = lively(dressed.body, compose("kpop", 3, 20), Dancer.from_seed(2), seconds, FPS, 1)
    return list(film(dressed, dance, HEIGHT, WIDTH))


@pytest.mark.slow
@filmed
def test_the_mask_is_the_person_and_joints_are_in_it(shots):
    for shot in shots:
        assert 0.03 < (shot.mask > 127).mean() < 0.4
        near = cv2.dilate(shot.mask, np.ones((3, 3), np.uint8))
        columns, rows = (shot.joints[:, :2] * (WIDTH, HEIGHT)).astype(int).T
        assert (near[rows, columns] > 0).mean() > 0.9


@pytest.mark.slow
@filmed
def test_outside_the_mask_the_picture_is_the_studio_but_for_shadows(shots):
    outside = np.stack([cv2.dilate(shot.mask, np.ones((3, 3), np.uint8)) == 0 for shot in shots])
    pictures = np.stack([shot.rgb for shot in shots]).astype(float)
    upper = slice(0, HEIGHT // 3)
    spread = np.ma.array(pictures, mask=np.repeat(~outside[..., None], 3, axis=-1)).std(axis=0)[upper]
    assert np.ma.median(spread) < 2


@pytest.mark.slow
@filmed
def test_joints_are_visible_or_hidden_by_the_body(shots):
    confidence = np.stack([shot.joints for shot in shots])[..., 2]
    assert set(np.unique(confidence)) <= {0.0, HIDDEN, 1.0}
    assert 0.5 < (confidence == 1).mean() < 1
    assert (confidence[:, COCO18.indices("left_ankle", "right_ankle")] > 0).all()


@pytest.mark.slow
@filmed
def test_the_stage_writes_video_joints_and_masks_of_a_person(tmp_path):
    config = MakeCorpusConfig(
        output=str(tmp_path), look="human", human_assets=str(ASSETS), seconds=4, fps=5, width_px=96, height_px=128
    )
    uri = storage.join(str(tmp_path), "videos", "a.mp4")
    row = {"uri": uri, "song_uri": storage.join(str(tmp_path), "a.wav"), "category": "kpop", "style": "kpop"}
    made = MakeCorpus(config).one({**row, "song_seed": 3, "dancer_seed": 1})
    assert made.get("error") is None
    pictures = list(frames(Path(uri), uri, 5))
    masks = sorted(Path(tmp_path, "videos", "a_masks").iterdir())
    assert made["frames"] == len(pictures) == len(masks) == len(list(Path(tmp_path, "videos", "a_openpose").iterdir()))
    assert cv2.imread(str(masks[0]), cv2.IMREAD_GRAYSCALE).shape == pictures[0].shape[:2] == (128, 96)
    shown = [(cv2.imread(str(masks[number]), cv2.IMREAD_GRAYSCALE) > 127).any() for number in (0, -1)]
    assert shown == [True, False], "the film ends with the empty room"
    last = max(Path(tmp_path, "videos", "a_openpose").iterdir())
    assert json.loads(last.read_text())["people"] == []
